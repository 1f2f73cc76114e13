"""What a compiled model does for the runner: required and optional protocols of a session."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any, Protocol, TypeAlias, runtime_checkable

from ttbench_core.model import Inputs
from ttbench_core.request.options import Trace

if TYPE_CHECKING:
    from typing_extensions import Self

__all__ = ["CompilingSession", "CountingSession", "Session", "Tensors", "TracingSession"]

#: Outputs of a session: tensors on the host.
Tensors: TypeAlias = Sequence[Any]


class Session(Protocol):
    """**Protocol:** one compiled model, ready to run; a context manager.

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

    def push(self, inputs: Inputs) -> None:
        """Hand over one microbatch on the host.

        Args:
            inputs: of the structure of the model's inputs; only the tensors may differ.
        """

    def pop(self) -> Tensors:
        """Wait for the oldest input's outputs and give them on the host.

        What a stage raised is raised here or by `push`.
        """

    def device_peak_bytes(self) -> int | None:
        """Give the peak of the device's memory since compiling; None if it has none of its own."""

    def close(self) -> None:
        """Stop and free everything, in flight or not, and restore what compiling has set.

        May be called twice.
        """

    def __enter__(self) -> Self: ...

    def __exit__(self, *exc_info: object) -> None: ...


@runtime_checkable
class TracingSession(Protocol):
    """**Protocol:** a session that can record a performance trace."""

    def trace(self, inputs: Inputs, level: Trace, folder: Path) -> Sequence[Path]:
        """Run a few inputs under the profiler, outside the timed passes.

        Writes into `folder`, which exists, and gives the files. The first one
        is text for people.
        """


@runtime_checkable
class CountingSession(Protocol):
    """**Protocol:** a session whose inputs have another number of samples than the model's."""

    @property
    def samples_per_input(self) -> int:
        """Samples that one input becomes."""


@runtime_checkable
class CompilingSession(Protocol):
    """**Protocol:** a session whose engine compiles by itself where it meets something new.

    The runner reads the count before and after the passes: a pass that compiles is not steady.
    """

    @property
    def compilations(self) -> int:
        """How often the engine has compiled in this process so far."""
