"""The machine as benchmarks find it, and what about it makes their numbers unstable."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any, Final

from ttbench_core.measure.cgroup import CpuGroup
from ttbench_core.record.environment import host_facts
from ttbench_core.record.verdict.evidence import Evidence
from ttbench_core.record.verdict.host_rules import changing_frequency

__all__ = ["Advice", "advice_on", "examine_host"]

#: Of all cores; above it a benchmark on every core has to wait for others.
_BUSY_SHARE: Final = 0.5


@dataclass(frozen=True)
class Advice:
    """Something about the machine that makes numbers unstable."""

    #: `frequency`, `quota` or `load`.
    about: str
    message: str
    #: What helps, in one line.
    remedy: str


def examine_host() -> dict[str, Any]:
    """Give `environment.host_facts`, and for how long the control group was held back so far."""
    return {**host_facts(), "cpu_throttled_ns": CpuGroup().throttled_ns()}


def advice_on(host: Mapping[str, Any]) -> tuple[Advice, ...]:
    """Say what makes numbers unstable on a machine with these facts."""
    return (*_on_frequency(host), *_on_quota(host), *_on_load(host))


def _on_frequency(host: Mapping[str, Any]) -> Iterator[Advice]:
    # the verdict of a run says the same
    governors = Evidence(processes=(), in_flight=1, interval=None, governors=host["governors"])
    for finding in changing_frequency(governors):
        yield Advice("frequency", finding.message, finding.remedy)


def _on_quota(host: Mapping[str, Any]) -> Iterator[Advice]:
    quota, cores = host["cpu_quota_cores"], host["usable_cores"]
    if quota is not None and quota < cores:
        yield Advice(
            "quota",
            f"the control group may use the time of {quota:g} cores and runs on {cores}:"
            " when it is used up, all threads are held back at once",
            f"raise the container's CPU quota, or use --threads {max(int(quota), 1)}",
        )


def _on_load(host: Mapping[str, Any]) -> Iterator[Advice]:
    # the load is of the whole machine, also where this process may use a part of it
    load, cores = host["load_1min"], host["logical_cores"] or host["usable_cores"]
    if load > _BUSY_SHARE * cores:
        yield Advice(
            "load",
            f"the load average of the last minute is {load:g} on {cores} cores:"
            " other programs were running",
            "stop them, or wait until they have ended",
        )
