"""Sessions on PyTorch/XLA: operations are collected, and run as one graph for each input."""

from __future__ import annotations

import contextlib
from collections import deque
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Final, Protocol

import torch_xla

from ttbench_core.backends.helpers import SyncSession
from ttbench_core.backends.shared.stages import Step, Tensors, to_host
from ttbench_core.backends.shared.xla.counters import work_so_far
from ttbench_core.backends.shared.xla.runtime import finish
from ttbench_core.errors import SessionError
from ttbench_core.model import Inputs

if TYPE_CHECKING:
    from typing_extensions import Self

__all__ = ["GeneratingSession", "Generator", "LazySession", "LazySteps", "StepSession"]


@dataclass(frozen=True)
class LazySteps:
    """The stages of a model for inference, as steps."""

    #: Leaves its outputs on the device, not computed yet.
    device: Step
    #: On the host; None where the model has no such stage.
    before: Step | None = None
    after: Step | None = None


class LazySession:
    """The `Session` of inference: each input becomes a graph, which runs while others are traced.

    A push traces an input and launches its graph without waiting. A pop copies the outputs to the
    host, which waits until that graph has run.

    Args:
        steps: the stages.
        effective: how it really runs, for the record.
        notes: sentences that a reader of the result must know.
        undo: closed with the session.
    """

    #: One graph runs while the next input is traced; a third one would only wait.
    depth: Final = 2
    is_reference: Final = False

    def __init__(
        self,
        steps: LazySteps,
        effective: Mapping[str, object],
        notes: Sequence[str],
        undo: contextlib.ExitStack,
    ) -> None:
        self.effective: Final = dict(effective)
        self.notes: Final = tuple(notes)
        self._steps: Final = steps
        self._undo: Final = undo
        self._in_flight: Final[deque[Tensors]] = deque()
        self._is_closed = False

    @property
    def compilations(self) -> int:
        """Graphs that this process has compiled so far."""
        return work_so_far().compilations

    def push(self, inputs: Inputs) -> None:
        """Launch the graph of one input; raises `SessionError` beyond `depth` in flight."""
        if self._is_closed:
            raise SessionError("push on a closed session")
        if len(self._in_flight) == self.depth:
            raise SessionError(f"{self.depth} inputs are in flight already: pop before pushing")
        if self._steps.before is not None:
            inputs = self._steps.before(inputs)
        outputs = self._steps.device(inputs)
        # without it the graphs of two inputs would become one
        torch_xla.sync()
        self._in_flight.append(outputs)

    def pop(self) -> Tensors:
        """Wait for the oldest input's outputs; raises `SessionError` where none is in flight."""
        if not self._in_flight:
            raise SessionError("nothing is in flight: push before popping")
        outputs = to_host(self._in_flight.popleft())
        return outputs if self._steps.after is None else self._steps.after(outputs)

    def device_peak_bytes(self) -> int | None:
        """Give None: no device that this was tried on reports its memory."""
        return None

    def close(self) -> None:
        """Wait for what is in flight and restore torch's settings; may be called twice."""
        if not self._is_closed:
            self._is_closed = True
            self._in_flight.clear()
            try:
                finish()
            finally:
                self._undo.close()

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *exc_info: object) -> None:
        self.close()


class StepSession(SyncSession):
    """The `Session` of what runs from its push to the end: a training step, or a generation."""

    @property
    def compilations(self) -> int:
        """Graphs that this process has compiled so far."""
        return work_so_far().compilations


class Generator(Protocol):
    """**Protocol:** generates the tokens of one input, from the host to the host."""

    @property
    def token_ns(self) -> Sequence[int]:
        """When each token of the last input was on the host."""

    def __call__(self, inputs: Inputs, /) -> Tensors:
        """Give the logits of the first token, and the tokens."""


class GeneratingSession(StepSession):
    """Generates all tokens of an input when it is pushed.

    Args:
        generator: generates the tokens of one input.
        effective: how it really runs, for the record.
        notes: sentences that a reader of the result must know.
        undo: closed with the session.
    """

    def __init__(
        self,
        generator: Generator,
        effective: Mapping[str, object],
        notes: Sequence[str],
        undo: contextlib.ExitStack,
    ) -> None:
        super().__init__(generator, effective=effective, notes=notes, on_close=undo.close)
        self._generator: Final = generator

    @property
    def token_ns(self) -> Sequence[int]:
        """When each token of the last input was on the host."""
        return self._generator.token_ns
