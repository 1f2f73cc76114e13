"""The plain values that the runner and a backend exchange."""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Final

from ttbench_core.request.formats import NumberFormat
from ttbench_core.request.options import MathFidelity, RunOptions, Trace

__all__ = [
    "TORCH_RANK",
    "Availability",
    "Capabilities",
    "CompileOptions",
    "Device",
    "DeviceReadings",
    "Peak",
]

#: The rank of PyTorch, which every machine has; that of an accelerator is higher.
TORCH_RANK: Final = 10


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


@dataclass(frozen=True, kw_only=True)
class Capabilities:
    """What a backend supports; a request for anything else is refused before it runs."""

    #: Kinds of devices, the best first: what `-d` can name.
    device_kinds: tuple[str, ...]
    #: Formats of `-df`: members of `DataFormat`, and formats of its own.
    data_formats: Collection[NumberFormat]
    default_format: NumberFormat
    math_fidelities: Collection[MathFidelity] = ()
    default_fidelity: MathFidelity | None = None
    #: Levels of `-opt`.
    opt_levels: range = range(1)
    default_opt_level: int = 0
    #: What a level means, in a few words, for `ttbench info --backend NAME`.
    opt_level_help: Mapping[int, str] = field(default_factory=dict)
    #: Levels that a comparison of engines runs; empty for the default level alone.
    compared_opt_levels: tuple[int, ...] = ()
    traces: Collection[Trace] = frozenset({Trace.NONE})
    training: bool = False
    #: Training on several devices at once.
    training_chips: bool = False
    #: Models with an autoregressive loop.
    generation: bool = False
    #: Models with stages on the host before or after the device stage.
    host_stages: bool = False
    #: Kinds of inputs that it takes, of `INPUT_KINDS`: see `models.inputs`.
    input_kinds: frozenset[str] = frozenset({"tensors"})
    #: Whether the number of threads on the host can be chosen.
    threads: bool = False
    #: A frozen dataclass of its own options, whose fields are made by `engine_option`.
    options: type | None = None
    #: Environment variables that change its speed, for the record: names, or prefixes with a `*`.
    variables: tuple[str, ...] = ()
    #: Those of `device_kinds` that its authors have not tried.
    untested_kinds: tuple[str, ...] = ()
    #: Whether its sessions run. Where they do not, a run ends when the model has been compiled,
    #: with the status `compiled` and without numbers.
    measures: bool = True
    #: How much it wants to be chosen where the user names no backend; the highest that can run is.
    #: PyTorch has `TORCH_RANK`: a backend that does not say more runs only when it is named.
    rank: int = 0
    #: Whether its devices serve one process at a time and are free again only when that process
    #: has ended: every run then gets a process of its own.
    own_process: bool = False
    #: The default timeout in seconds: a run that does not respond for longer counts as hung.
    patience_s: float | None = None


@dataclass(frozen=True)
class CompileOptions:
    """The options of a run with the defaults filled in: what will be run."""

    data_format: NumberFormat
    math_fidelity: MathFidelity | None
    opt_level: int
    training: bool
    devices: tuple[Device, ...]
    #: Threads to compute with on the host; None leaves the choice to the engine.
    threads: int | None = None
    #: Inputs of a pass.
    loop_count: int = 1
    #: Inputs that are handed over together; `loop_count` is a multiple of it.
    inputs_per_group: int = 1
    #: The backend's own options: an instance of `Capabilities.options`; None where it has none.
    engine: Any = None
    #: File that the compiled model is saved to, instead of a measurement.
    image: Path | None = None
    #: Whether one of the backend's own options asks for a trace after the passes.
    engine_trace: bool = False
    #: The request as the user made it.
    asked: RunOptions | None = None
    #: Rules of the pack's `tuning.json` for this model and engine.
    rules: Sequence[Mapping[str, Any]] = ()

    @property
    def wants_trace(self) -> bool:
        """Whether the model is run again after the passes, for a trace."""
        return self.engine_trace or (self.asked is not None and self.asked.wants_trace)

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


@dataclass(frozen=True)
class DeviceReadings:
    """What devices say about themselves at one moment."""

    #: What read them: a command, a library.
    source: str
    #: Names and values of each: `temperature_c`, `power_w`.
    devices: Sequence[Mapping[str, object]]
