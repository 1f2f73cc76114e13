"""Everything that `ttbench doctor` finds, as one value."""

from __future__ import annotations

import platform
from collections.abc import Callable, Mapping
from dataclasses import asdict, dataclass
from typing import Any

from ttbench_core.doctor.asking import Asker
from ttbench_core.doctor.backends import BROKEN, USABLE, BackendReport, examine_backend
from ttbench_core.doctor.host import Advice, advice_on, examine_host
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
from ttbench_core.doctor.packs import PackReport, examine_pack, packs_among
from ttbench_core.plugins.registry import BACKENDS, MODELS, discover

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
    #: The facts of `host.examine_host`.
    host: Mapping[str, Any]
    #: What makes numbers unstable here.
    advice: tuple[Advice, ...]
    extras: tuple[Extra, ...]

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
        """Whether at least one backend is usable and no pack is broken."""
        return bool(self.usable_backends) and not self.broken_packs

    def to_record(self) -> dict[str, Any]:
        """Give the diagnosis as plain JSON values; what there is not is None, or empty.

        Keys:
            ready: whether at least one backend is usable and no pack is broken.
            python: `implementation`, `version`, `executable`.
            platform: the system's name for itself.
            software: distributions whose versions decide numbers, each with `name`, `version`
                (None: not installed) and `remedy`.
            backends: each with `name`, `pack`, `pack_version`, `entry_point`, `state`
                (`usable`, `not_here`, `broken`), `reason`, `remedy`, `automatic` (whether it
                may be chosen without `--backend`), `versions` by name, and `devices`, each
                with `spec`, `name`, `arch` and `memory_bytes`.
            packs: each with `name`, `version`, `models` (how many), `broken_models`, each with
                `name`, `entry_point` and `reason`, and `fault` (why it could not be asked to
                the end).
            sinks: each with `suffix`, `pack`, `pack_version`, `fault`.
            host: `system`, `machine`, `cpu`, `logical_cores`, `physical_cores`, `usable_cores`,
                `cpu_quota_cores` (None: no limit), `cpu_throttled_ns`, `governors`,
                `memory_bytes`, `load_1min`.
            advice: each with `about`, `message`, `remedy`.
            extras: each with `name`, `purpose`, `distributions` (versions by name), `missing`
                and `remedy`.
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
    limit_s: float = 60.0,
    *,
    loud: bool = False,
    told: Callable[[str], None] = lambda _: None,
) -> Diagnosis:
    """Find out what is installed here and can be used.

    Args:
        limit_s: seconds that each backend and each pack may take to answer.
        loud: whether what they print is shown on stderr, tracebacks included.
        told: called with the name of each before it is asked.
    """
    # first: asking is load as well
    host = examine_host()
    asker = Asker(limit_s, loud=loud)
    backends, packs = [], []
    for plugin in discover(BACKENDS):
        told(f"backend {plugin.name}")
        backends.append(examine_backend(plugin, asker))
    for (name, version), models in packs_among(discover(MODELS)).items():
        told(f"pack {name}")
        packs.append(examine_pack(name, version, models, asker))
    return Diagnosis(
        python=interpreter(),
        platform=platform.platform(),
        software=software(),
        backends=tuple(backends),
        packs=tuple(packs),
        sinks=sinks(),
        host=host,
        advice=advice_on(host),
        extras=extras(),
    )
