"""What the sessions of the backend share: their inputs, their outputs and their end."""

from __future__ import annotations

import contextlib
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final, TypeAlias

import torch

from ttbench_core.backends.call_deadline import CALL_DEADLINE
from ttbench_core.backends.pybuda.configuration import is_data_parallel
from ttbench_core.backends.pybuda.placing import DevicePipeline
from ttbench_core.backends.pybuda.waiting import (
    DeviceHangsError,
    OutputQueue,
    shut_down_pipeline,
)
from ttbench_core.errors import SessionError
from ttbench_core.model import Inputs
from ttbench_core.request.options import Trace

if TYPE_CHECKING:
    from typing_extensions import Self

__all__ = ["PipelineSession", "PipelineSetup", "PybudaSession", "SessionInfo"]

#: Seconds that the end of a healthy pipeline may take beyond the timeout of an output.
_SHUTDOWN_EXTRA_S: Final = 10.0

#: Runs a few inputs with the card's own trace, after the session's pipeline was ended.
Tracer: TypeAlias = Callable[[Inputs, Trace, Path], Sequence[Path]]


@dataclass(frozen=True)
class SessionInfo:
    """What a session reports about itself, and what it restores at its end."""

    effective: Mapping[str, object]
    notes: Sequence[str]
    undo: contextlib.ExitStack


@dataclass(frozen=True)
class PipelineSetup:
    """The compiled pipeline of a session and what belongs to it."""

    info: SessionInfo
    pipeline: DevicePipeline
    outputs: OutputQueue
    tracer: Tracer
    #: Gives the tensors that are pushed, in types that the first device has.
    prepare: Callable[[Inputs], tuple[torch.Tensor, ...]]
    chips: int
    #: Seconds that an output may take.
    timeout_s: float


class PybudaSession:
    """The base of all sessions of this backend: info, prepared inputs, and the end.

    Args:
        info: what the session reports about itself.
        depth: inputs in flight.
        prepare: converts an input to what is pushed.
    """

    is_reference: Final = False

    def __init__(
        self,
        info: SessionInfo,
        depth: int,
        prepare: Callable[[Inputs], Sequence[torch.Tensor]],
    ) -> None:
        self.depth: Final = depth
        self.effective: Final = info.effective
        self.notes: Final = info.notes
        self._undo: Final = info.undo
        self._prepare: Final = prepare
        self._last_inputs: Inputs | None = None
        self._last_prepared: Sequence[torch.Tensor] = ()
        self._open = True

    def device_peak_bytes(self) -> int | None:
        """Give None: PyBuda does not report the memory use of a card."""
        return None

    def close(self) -> None:
        """End what runs and restore everything; may be called twice."""
        try:
            self._end()
        finally:
            self._undo.close()

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *exc_info: object) -> None:
        # an error at the end of a run that has failed would hide the reason
        with contextlib.suppress(Exception) if any(exc_info) else contextlib.nullcontext():
            self.close()

    def _end(self) -> bool:
        """End what runs, once; give whether it has ended."""
        if not self._open:
            return True
        self._open = False
        return self._shut_down()

    def _shut_down(self) -> bool:
        raise NotImplementedError

    def _prepared(self, inputs: Inputs) -> Sequence[torch.Tensor]:
        """Give an input as it is pushed; cached, because the same one is pushed repeatedly."""
        if inputs is not self._last_inputs:
            self._last_inputs, self._last_prepared = inputs, self._prepare(inputs)
        return self._last_prepared

    def _refuse_beyond_depth(self, in_flight: int) -> None:
        if in_flight == self.depth:
            held = f"{self.depth} input{' is' if self.depth == 1 else 's are'}"
            raise SessionError(f"{held} in flight already: pop before pushing")


class PipelineSession(PybudaSession):
    """The base of the sessions with a pipeline in this process.

    Args:
        setup: the compiled pipeline and what belongs to it.
        depth: inputs in flight.
    """

    def __init__(self, setup: PipelineSetup, depth: int) -> None:
        super().__init__(setup.info, depth, setup.prepare)
        self._setup: Final = setup

    def trace(self, inputs: Inputs, level: Trace, folder: Path) -> Sequence[Path]:
        """End this pipeline and run a few inputs through one that is traced; see `tracing`."""
        if not self._end():
            raise DeviceHangsError("the pipeline could not be ended, so no other can be traced")
        return self._setup.tracer(inputs, level, folder)

    def _shut_down(self) -> bool:
        timeout_s = self._setup.timeout_s
        with CALL_DEADLINE.within(timeout_s + _SHUTDOWN_EXTRA_S, "ending the pipeline"):
            return shut_down_pipeline(max(timeout_s, _SHUTDOWN_EXTRA_S))

    def _next_outputs(self) -> tuple[torch.Tensor, ...]:
        """Wait for the outputs of the oldest input."""
        return _as_tensors(self._setup.outputs.get())


def _as_tensors(item: Sequence[Any]) -> tuple[torch.Tensor, ...]:
    """Convert PyBuda's tensors to those of torch; a loss is a plain number."""
    if is_data_parallel():
        # all outputs of the first chip, then all of the second: each has half of the microbatch
        halves = [one.value() for one in item]
        first, second = halves[: len(halves) // 2], halves[len(halves) // 2 :]
        return tuple(torch.cat(both) for both in zip(first, second, strict=True))
    return tuple(torch.tensor(one) if isinstance(one, float) else one.value() for one in item)
