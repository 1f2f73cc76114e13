"""The contract between the runner and an engine.

A backend is registered under the entry-point group `ttbench.backends` as a
class without constructor arguments. Constructing it, and asking it for its
capabilities, must import no engine: `ttbench --list` and wrong requests stay
cheap.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from contextlib import AbstractContextManager
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any, Protocol, TypeAlias, runtime_checkable

from ttbench_core.model import BenchmarkModel
from ttbench_core.request.options import DataFormat, MathFidelity, RunOptions, Trace

if TYPE_CHECKING:
    from typing_extensions import Self

__all__ = [
    "Availability",
    "Backend",
    "CalibratingBackend",
    "Capabilities",
    "CompileOptions",
    "CountingSession",
    "Device",
    "ImagingBackend",
    "Peak",
    "PlanningBackend",
    "Session",
]

#: What a session takes and gives: tensors on the host.
Tensors: TypeAlias = Sequence[Any]


@dataclass(frozen=True)
class Availability:
    """Whether a backend can run here, and if not, why and what would help."""

    usable: bool
    reason: str = ""
    remedy: str = ""
    #: Whether it may be chosen where the user names none: not while its device is missing.
    automatic: bool = True


@dataclass(frozen=True)
class Device:
    """One device that a backend can use."""

    #: What `-d` names: `cpu`, `cuda`.
    kind: str
    index: int
    #: What the maker calls it.
    name: str
    #: Its architecture: `x86_64`, `sm_90`, `wormhole_b0`.
    arch: str
    memory_bytes: int | None = None

    @property
    def spec(self) -> str:
        """The device as `-d` would name it alone: `cuda:1`."""
        return f"{self.kind}:{self.index}"


@dataclass(frozen=True)
class Capabilities:
    """What a backend can honour; everything else is refused before it runs."""

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
    #: Fields of `EngineOptions` that it honours.
    engine_options: frozenset[str] = frozenset()
    #: Whether its devices serve one process at a time and are free again only when that has
    #: ended: every run then gets a process of its own.
    own_process: bool = False
    #: Seconds without a sign of life after which such a run counts as hung.
    patience_s: float | None = None


@dataclass(frozen=True)
class CompileOptions:
    """The options of a run after defaults were filled in: what will be run."""

    data_format: DataFormat
    math_fidelity: MathFidelity | None
    opt_level: int
    training: bool
    devices: tuple[Device, ...]
    #: Threads to compute with on the host; None is the engine's own choice.
    threads: int | None = None
    #: Inputs of a pass.
    loop_count: int = 1
    #: Everything as it was asked: the options that only this engine honours are in it.
    asked: RunOptions | None = None
    #: Rules of the pack's `tuning.json` for this model and engine.
    rules: Sequence[Mapping[str, Any]] = ()

    def for_builder(self) -> dict[str, object]:
        """Give what a builder may ask to know of it, by the builder's keywords."""
        return {
            "data_type": self.data_format,
            "math_fidelity": self.math_fidelity,
            "arch": self.devices[0].arch,
            "devtype": self.devices[0].kind,
        }


class Session(Protocol):
    """**Protocol:** one compiled model, ready to be driven; a context manager.

    At most `depth` inputs may be in flight: a push beyond that raises
    `SessionError`. Outputs come back in the order of their inputs.
    """

    @property
    def depth(self) -> int:
        """Inputs in flight that keep the engine busy, 1 or more."""

    @property
    def effective(self) -> Mapping[str, object]:
        """How it really runs, for the record: compute dtype, threads, what is emulated."""

    @property
    def notes(self) -> Sequence[str]:
        """Sentences that a reader of the result must know."""

    @property
    def is_reference(self) -> bool:
        """Whether it computes what verification would compare it with.

        That is inference in Fp32, eager, on the CPU, at the highest matmul precision.
        """

    def push(self, inputs: Tensors) -> None:
        """Hand over one microbatch on the host."""

    def pop(self) -> Tensors:
        """Wait for the oldest input's outputs and give them on the host.

        What a stage raised is raised here or by `push`.
        """

    def device_peak_bytes(self) -> int | None:
        """Give the device memory's peak since compiling; None where it has none of its own."""

    def close(self) -> None:
        """Stop and free everything, in flight or not. May be called twice."""

    def __enter__(self) -> Self: ...

    def __exit__(self, *exc_info: object) -> None: ...


@runtime_checkable
class TracingSession(Protocol):
    """**Protocol:** a session that can record a performance trace."""

    def trace(self, inputs: Tensors, level: Trace, folder: Path) -> Sequence[Path]:
        """Run a few inputs under the profiler, outside the timed passes.

        Writes into `folder`, which exists, and gives the files. The first one
        is text for people.
        """


@runtime_checkable
class CountingSession(Protocol):
    """**Protocol:** a session whose inputs count as other than what the model alone says."""

    @property
    def samples_per_input(self) -> int:
        """Samples that one input becomes."""


@runtime_checkable
class ImagingBackend(Protocol):
    """**Protocol:** a backend that can keep a compiled model in a file (`--save_tti`)."""

    def save_image(self, model: BenchmarkModel, options: CompileOptions) -> Path:
        """Compile a model, write it to the file that was asked for, and give that file."""


@runtime_checkable
class PlanningBackend(Protocol):
    """**Protocol:** a backend whose devices depend on more than their kind and number."""

    def devices_for(self, options: RunOptions) -> Sequence[Device]:
        """Give the devices that a request runs on, at least one.

        Raises `DeviceError` where they are not there or not as asked,
        `OptionError` for a request that no devices could meet.
        """


@dataclass(frozen=True)
class Peak:
    """What a device can reach at best, measured."""

    #: Floating point operations a second, two a multiply-add, in the fastest kernel found.
    flops_per_s: float
    #: That kernel, with dtype and shape.
    kernel: str
    #: Bytes a second, read and written together, in a copy within the device's memory.
    bytes_per_s: float
    #: How long measuring it took.
    seconds: float


@runtime_checkable
class CalibratingBackend(Protocol):
    """**Protocol:** a backend that can measure what its devices reach at best."""

    def peak(self, device: Device, data_format: DataFormat, threads: int | None) -> Peak:
        """Measure matrix products and memory for a second or so, once a process.

        Args:
            device: one of `devices`.
            data_format: products are in the dtype that it is computed in.
            threads: to compute with on the host; None is as many as at present.
        """


class Backend(Protocol):
    """**Protocol:** an engine."""

    @property
    def name(self) -> str:
        """The name it is registered under."""

    def availability(self) -> Availability:
        """Say whether it can run here; may import the engine."""

    def capabilities(self) -> Capabilities:
        """Say what it can honour; imports nothing."""

    def devices(self) -> Sequence[Device]:
        """List the devices that are really there, the best kind first."""

    def versions(self) -> Mapping[str, str]:
        """Give the versions of the software that decides its speed, by name."""

    def seeded(self, seed: int, devices: Sequence[Device]) -> AbstractContextManager[None]:
        """Within this context random numbers repeat for a seed: weights, inputs, dropout.

        The caller's own random state is back at the end.
        """

    def compile(self, model: BenchmarkModel, options: CompileOptions) -> Session:
        """Make a model ready to run. The model's own modules are left as they are."""
