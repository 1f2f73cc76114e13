"""The state of the machine, and what makes numbers unstable on it."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any, Final

from ttbench_core.measure.cgroup import CpuGroup
from ttbench_core.record.environment import host_facts
from ttbench_core.record.verdict.evidence import Evidence
from ttbench_core.record.verdict.host_rules import changing_frequency

__all__ = ["Advice", "host_advice", "read_host"]

#: Load per core above which a benchmark on every core has to wait for other programs.
_MAX_LOAD_PER_CORE: Final = 0.5


@dataclass(frozen=True)
class Advice:
    """Something about the machine that makes numbers unstable."""

    #: `frequency`, `quota` or `load`.
    about: str
    message: str
    #: What helps, in one line.
    remedy: str


def read_host() -> dict[str, Any]:
    """Return `environment.host_facts`, and how long the control group was throttled so far."""
    return {**host_facts(), "cpu_throttled_ns": CpuGroup().throttled_ns()}


def host_advice(host: Mapping[str, Any]) -> tuple[Advice, ...]:
    """Return what makes numbers unstable on a machine with these facts."""
    return (*_frequency_advice(host), *_quota_advice(host), *_load_advice(host))


def _frequency_advice(host: Mapping[str, Any]) -> Iterator[Advice]:
    # the same rule as in the verdict of a run
    governors = Evidence(processes=(), in_flight=1, interval=None, governors=host["governors"])
    for finding in changing_frequency(governors):
        yield Advice("frequency", finding.message, finding.remedy)


def _quota_advice(host: Mapping[str, Any]) -> Iterator[Advice]:
    quota, cores = host["cpu_quota_cores"], host["usable_cores"]
    if quota is not None and quota < cores:
        yield Advice(
            "quota",
            f"the control group may use the time of {quota:g} cores and runs on {cores}:"
            " when it is used up, all threads are held back at once",
            f"raise the container's CPU quota, or use --threads {max(int(quota), 1)}",
        )


def _load_advice(host: Mapping[str, Any]) -> Iterator[Advice]:
    # the load is of the whole machine, even if this process may use only a part of it
    load, cores = host["load_1min"], host["logical_cores"] or host["usable_cores"]
    if load > _MAX_LOAD_PER_CORE * cores:
        yield Advice(
            "load",
            f"the load average of the last minute is {load:g} on {cores} cores:"
            " other programs were running",
            "stop them, or wait until they have ended",
        )
