"""The plain values that the runner and a backend exchange."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from ttbench_core.request.options import DataFormat, MathFidelity, RunOptions, Trace

__all__ = ["Availability", "Capabilities", "CompileOptions", "Device", "Peak"]


@dataclass(frozen=True)
class Availability:
    """Whether a backend can run here, and if not, why and what would help."""

    usable: bool
    reason: str = ""
    remedy: str = ""
    #: Whether it may be chosen when the user names no backend: not while its device is missing.
    automatic: bool = True


@dataclass(frozen=True)
class Device:
    """One device that a backend can use."""

    #: What `-d` names: `cpu`, `cuda`.
    kind: str
    index: int
    #: The product name.
    name: str
    #: Its architecture: `x86_64`, `sm_90`, `wormhole_b0`.
    arch: str
    memory_bytes: int | None = None

    @property
    def spec(self) -> str:
        """The device as `-d` names it alone: `cuda:1`."""
        return f"{self.kind}:{self.index}"


@dataclass(frozen=True)
class Capabilities:
    """What a backend supports; a request for anything else is refused before it runs."""

    data_formats: frozenset[DataFormat]
    math_fidelities: frozenset[MathFidelity]
    opt_levels: range
    traces: frozenset[Trace]
    device_kinds: tuple[str, ...]
    training: bool
    #: Training on several devices at once.
    training_chips: bool
    #: Models with an autoregressive loop.
    generation: bool
    default_format: DataFormat
    default_opt_level: int
    default_fidelity: MathFidelity | None = None
    #: Whether the number of threads on the host can be chosen.
    threads: bool = False
    #: Fields of `EngineOptions` that it supports.
    engine_options: frozenset[str] = frozenset()
    #: Whether its devices serve one process at a time and are free again only when that process
    #: has ended: every run then gets a process of its own.
    own_process: bool = False
    #: The default timeout in seconds: a run that does not respond for longer counts as hung.
    patience_s: float | None = None


@dataclass(frozen=True)
class CompileOptions:
    """The options of a run with the defaults filled in: what will be run."""

    data_format: DataFormat
    math_fidelity: MathFidelity | None
    opt_level: int
    training: bool
    devices: tuple[Device, ...]
    #: Threads to compute with on the host; None leaves the choice to the engine.
    threads: int | None = None
    #: Inputs of a pass.
    loop_count: int = 1
    #: The request as the user made it, with the options that only this engine supports.
    asked: RunOptions | None = None
    #: Rules of the pack's `tuning.json` for this model and engine.
    rules: Sequence[Mapping[str, Any]] = ()

    def for_builder(self) -> dict[str, object]:
        """Give the options that a builder may ask for, by the builder's keywords."""
        return {
            "data_type": self.data_format,
            "math_fidelity": self.math_fidelity,
            "arch": self.devices[0].arch,
            "devtype": self.devices[0].kind,
        }


@dataclass(frozen=True)
class Peak:
    """The best performance that a device reaches, measured."""

    #: Floating point operations per second, two per multiply-add, in the fastest kernel found.
    flops_per_s: float
    #: That kernel, with dtype and shape.
    kernel: str
    #: Bytes per second, read and written together, in a copy within the device's memory.
    bytes_per_s: float
    #: How long the measurement took.
    seconds: float
