"""Everything that `ttbench doctor` finds, as one value."""

from __future__ import annotations

import platform
from collections.abc import Callable, Mapping
from dataclasses import asdict, dataclass
from typing import Any

from ttbench_core.doctor.backends import BROKEN, USABLE, BackendReport, probe_backend
from ttbench_core.doctor.host import Advice, host_advice, read_host
from ttbench_core.doctor.installed import (
    Extra,
    Interpreter,
    SinkEntry,
    Software,
    extras,
    interpreter,
    sinks,
    software,
)
from ttbench_core.doctor.interpreters import (
    InterpreterReport,
    probe_interpreter,
    read_or_report,
)
from ttbench_core.doctor.packs import PackReport, count_plugins, probe_pack
from ttbench_core.doctor.probe import Probe
from ttbench_core.plugins.registry import BACKENDS, discover

__all__ = ["Diagnosis", "diagnose"]


@dataclass(frozen=True)
class Diagnosis:
    """What is installed here and can be used."""

    python: Interpreter
    platform: str
    software: tuple[Software, ...]
    backends: tuple[BackendReport, ...]
    packs: tuple[PackReport, ...]
    sinks: tuple[SinkEntry, ...]
    #: Facts of `host.read_host`.
    host: Mapping[str, Any]
    #: What makes numbers unstable here.
    advice: tuple[Advice, ...]
    extras: tuple[Extra, ...]
    #: Those of `ttbench.toml`; not where they were left out.
    interpreters: tuple[InterpreterReport, ...] = ()

    @property
    def usable_backends(self) -> tuple[str, ...]:
        """Names of the backends that can run here."""
        return tuple(one.name for one in self.backends if one.state == USABLE)

    @property
    def broken_backends(self) -> tuple[str, ...]:
        """Names of the backends that cannot be loaded, raise, crash or do not answer."""
        return tuple(one.name for one in self.backends if one.state == BROKEN)

    @property
    def broken_packs(self) -> tuple[str, ...]:
        """Names of the packs of which something cannot be used."""
        return tuple(one.name for one in self.packs if one.is_broken)

    @property
    def is_ready(self) -> bool:
        """Whether at least one backend is usable, and no backend and no pack is broken."""
        return bool(self.usable_backends) and not (self.broken_backends or self.broken_packs)

    def to_record(self) -> dict[str, Any]:
        """Return the diagnosis as plain JSON values; missing values are None or empty.

        Keys:
            ready: whether at least one backend is usable, and no backend and no pack is broken.
            python: `implementation`, `version`, `executable`.
            platform: the system's name for itself.
            software: distributions whose versions affect numbers, each with `name`, `version`
                (None: not installed) and `remedy`.
            backends: each with `name`, `pack`, `pack_version`, `entry_point`, `state`
                (`usable`, `not_here`, `broken`), `reason`, `remedy`, `automatic` (whether it
                may be chosen without `--backend`), `versions` by name, and `devices`, each
                with `spec`, `name`, `arch` and `memory_bytes`.
            packs: each with `name`, `version`, `models` (how many, with those of its zoos),
                `broken_models`, each with `name`, `entry_point` and `reason`, and `fault` (why it
                could not be probed completely).
            sinks: each with `suffix`, `pack`, `pack_version`, `fault`.
            host: `system`, `machine`, `cpu`, `logical_cores`, `physical_cores`, `usable_cores`,
                `cpu_quota_cores` (None: no limit), `cpu_throttled_ns`, `governors`,
                `memory_bytes`, `load_1min`.
            advice: each with `about`, `message`, `remedy`.
            extras: each with `name`, `purpose`, `distributions` (versions by name), `missing`
                and `remedy`.
            interpreters: those of `ttbench.toml`, each with `name`, `python` (its path),
                `backends` (that live there), `state` (`usable` or `broken`), `reason`,
                `versions` by name, `usable_backends` and `packs`, by name.
        """
        return {
            "ready": self.is_ready,
            **asdict(self),
            "extras": [
                {**asdict(extra), "missing": list(extra.missing), "remedy": extra.remedy}
                for extra in self.extras
            ],
        }


def diagnose(
    timeout_s: float = 60.0,
    *,
    show_output: bool = False,
    others: bool = True,
    on_probe: Callable[[str], None] = lambda _: None,
) -> Diagnosis:
    """Find out what is installed here and can be used.

    Args:
        timeout_s: seconds that each backend and each pack may take to answer.
        show_output: whether their output, with tracebacks, is shown on stderr.
        others: whether the interpreters of `ttbench.toml` are asked too; each may take
            `timeout_s` in all.
        on_probe: called with the name of each before it is probed.
    """
    # first, because probing adds to the load
    host = read_host()
    probe = Probe(timeout_s, show_output=show_output)
    backends, packs = [], []
    for plugin in discover(BACKENDS):
        on_probe(f"backend {plugin.name}")
        backends.append(probe_backend(plugin, probe))
    for (name, version), (models, zoos) in count_plugins().items():
        on_probe(f"pack {name}")
        packs.append(probe_pack(name, version, models, probe, zoos=zoos))
    known, reports = read_or_report() if others else ((), ())
    for one in known:
        on_probe(f"interpreter {one.name}")
        reports = (*reports, probe_interpreter(one, timeout_s))
    return Diagnosis(
        python=interpreter(),
        platform=platform.platform(),
        software=software(),
        backends=tuple(backends),
        packs=tuple(packs),
        sinks=sinks(),
        host=host,
        advice=host_advice(host),
        extras=extras(),
        interpreters=reports,
    )
