"""The sessions of the backend; `compiling` says which one runs when."""

from __future__ import annotations

import contextlib
import os
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final, TypeAlias

import pybuda
import torch

from ttbench_core.backends.call_deadline import CALL_DEADLINE
from ttbench_core.backends.pybuda.placing import Line
from ttbench_core.backends.pybuda.waiting import (
    DeviceHangsError,
    Outlet,
    bounded,
    check,
    shut_down,
)
from ttbench_core.errors import SessionError
from ttbench_core.request.options import Trace

if TYPE_CHECKING:
    from typing_extensions import Self

__all__ = [
    "Facts",
    "FlowSession",
    "PipelineSession",
    "PybudaSession",
    "Setup",
    "StepSession",
    "TrainingSession",
]

#: Inputs in flight that keep a card busy: PyBuda's pusher holds three, and the queues before and
#: behind the chips two each; and for each further chip and stage on the host.
_INPUTS_PER_CARD: Final = 8
_INPUTS_PER_STAGE: Final = 2
#: What the end of a healthy pipeline may take beyond the patience for an output.
_SLACK_S: Final = 10.0

#: Runs a few inputs with the card's own trace, after the session's pipeline was ended.
Tracer: TypeAlias = Callable[[Sequence[Any], Trace, Path], Sequence[Path]]


@dataclass(frozen=True)
class Facts:
    """What a session says of itself, and what it puts back at its end."""

    effective: Mapping[str, object]
    notes: Sequence[str]
    undo: contextlib.ExitStack


@dataclass(frozen=True)
class Setup:
    """What the sessions of a pipeline are made of."""

    facts: Facts
    line: Line
    outlet: Outlet
    tracer: Tracer
    #: Brings inputs into types that the first device has.
    ready: Callable[[Sequence[Any]], tuple[torch.Tensor, ...]]
    chips: int
    #: Seconds that an output may take.
    patience_s: float


class PybudaSession:
    """What all sessions of this backend share: facts, inputs as a card takes them, and the end.

    Args:
        facts: what it says of itself.
        depth: inputs in flight.
        ready: brings an input into what is pushed.
    """

    is_reference: Final = False

    def __init__(
        self,
        facts: Facts,
        depth: int,
        ready: Callable[[Sequence[Any]], Sequence[torch.Tensor]],
    ) -> None:
        self.depth: Final = depth
        self.effective: Final = facts.effective
        self.notes: Final = facts.notes
        self._undo: Final = facts.undo
        self._bring: Final = ready
        self._seen: Sequence[Any] | None = None
        self._ready: Sequence[torch.Tensor] = ()
        self._open = True

    def device_peak_bytes(self) -> int | None:
        """PyBuda does not tell what a card's memory holds."""
        return None

    def close(self) -> None:
        """End what runs and put everything back; may be called twice."""
        try:
            self._end()
        finally:
            self._undo.close()

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *exc_info: object) -> None:
        # what goes wrong at the end of a run that has failed would hide why
        with contextlib.suppress(Exception) if any(exc_info) else contextlib.nullcontext():
            self.close()

    def _end(self) -> bool:
        """End what runs, once; say whether it is over."""
        if not self._open:
            return True
        self._open = False
        return self._shut_down()

    def _shut_down(self) -> bool:
        raise NotImplementedError

    def _prepared(self, inputs: Sequence[Any]) -> Sequence[torch.Tensor]:
        """Give an input as it is pushed; the same one is pushed again and again."""
        if inputs is not self._seen:
            self._seen, self._ready = inputs, self._bring(inputs)
        return self._ready

    def _refuse_beyond_depth(self, in_flight: int) -> None:
        if in_flight == self.depth:
            held = f"{self.depth} input{' is' if self.depth == 1 else 's are'}"
            raise SessionError(f"{held} in flight already: pop before pushing")


class PipelineSession(PybudaSession):
    """What the sessions of a pipeline in this process share.

    Args:
        setup: the compiled pipeline and what belongs to it.
        depth: inputs in flight.
    """

    def __init__(self, setup: Setup, depth: int) -> None:
        super().__init__(setup.facts, depth, setup.ready)
        self._setup: Final = setup

    def trace(self, inputs: Sequence[Any], level: Trace, folder: Path) -> Sequence[Path]:
        """End this pipeline and run a few inputs through one that is traced; see `tracing`."""
        if not self._end():
            raise DeviceHangsError("the pipeline could not be ended, so no other can be traced")
        return self._setup.tracer(inputs, level, folder)

    def _shut_down(self) -> bool:
        with CALL_DEADLINE.within(self._setup.patience_s + _SLACK_S, "ending the pipeline"):
            return shut_down(max(self._setup.patience_s, _SLACK_S))

    def _outputs(self) -> tuple[torch.Tensor, ...]:
        return _as_tensors(self._setup.outlet.take())


class FlowSession(PipelineSession):
    """Keeps the pipeline full: commands are posted, and outputs come while inputs are pushed.

    The device is told at the first input how many a pass has, so that it runs
    them as one program.
    """

    def __init__(self, setup: Setup) -> None:
        further = (setup.chips - 1) + setup.line.on_host
        super().__init__(setup, _INPUTS_PER_CARD + _INPUTS_PER_STAGE * further)
        self._in_flight = 0
        self._expected = 0
        self._announced = 0

    def expect(self, count: int) -> None:
        """Get ready for so many inputs."""
        self._expected = count

    def push(self, inputs: Sequence[Any]) -> None:
        """Hand one input to the first device; the first of a pass starts all of them."""
        self._refuse_beyond_depth(self._in_flight)
        self._setup.line.first.push_to_inputs(self._prepared(inputs))
        if self._announced == 0:
            self._announced, self._expected = max(self._expected, 1), 0
            pybuda.run_forward(input_count=self._announced)
        self._announced -= 1
        self._in_flight += 1

    def pop(self) -> Sequence[Any]:
        """Wait for the oldest input's outputs."""
        if not self._in_flight:
            raise SessionError("nothing is in flight: push before popping")
        outputs = self._outputs()
        self._in_flight -= 1
        return outputs


class StepSession(PipelineSession):
    """Runs one input when it is pushed: in sequential mode, and with `--single-thread`."""

    def __init__(self, setup: Setup) -> None:
        super().__init__(setup, depth=1)
        self._in_flight = 0

    def push(self, inputs: Sequence[Any]) -> None:
        """Hand over one input and start it."""
        self._refuse_beyond_depth(self._in_flight)
        # sequential mode waits for ever for an input that was not pushed before
        with CALL_DEADLINE.within(self._setup.patience_s, "running an input"):
            self._setup.line.first.push_to_inputs(self._prepared(inputs))
            pybuda.run_forward(input_count=1)
        self._in_flight = 1

    def pop(self) -> Sequence[Any]:
        """Wait for its outputs."""
        if not self._in_flight:
            raise SessionError("nothing is in flight: push before popping")
        outputs = self._outputs()
        self._in_flight = 0
        return outputs


class TrainingSession(PipelineSession):
    """Runs groups of inputs forward and then backward; gives the loss of each.

    Gradients are cleared at the first of a group. No optimizer takes part.

    Args:
        setup: as for every session.
        targets: what the loss compares with.
        group: inputs that go forward before they go backward.
    """

    def __init__(self, setup: Setup, targets: Sequence[Any], group: int) -> None:
        super().__init__(setup, depth=2 * group)
        self._targets: Final = tuple(targets)
        self._group: Final = group
        #: Inputs that were pushed and do not run yet.
        self._waiting = 0
        self._running = 0
        #: Inputs of this pass that are still to be pushed.
        self._expected = 0

    def expect(self, count: int) -> None:
        """Get ready for so many inputs."""
        self._expected = count

    def push(self, inputs: Sequence[Any]) -> None:
        """Hand over one input with its targets; the last of a group starts it."""
        self._refuse_beyond_depth(self._waiting + self._running)
        self._setup.line.first.push_to_inputs(self._prepared(inputs))
        self._setup.line.last.push_to_target_inputs(self._targets)
        self._waiting += 1
        self._expected = max(self._expected - 1, 0)
        if self._waiting == self._group:
            self._start()

    def pop(self) -> Sequence[Any]:
        """Wait for the loss of the oldest input, and with the last one for every backward."""
        if not self._waiting + self._running:
            raise SessionError("nothing is in flight: push before popping")
        if not self._running:
            self._start()
        outputs = self._outputs()
        self._running -= 1
        if not self._expected + self._waiting + self._running:
            bounded(pybuda.sync, self._setup.patience_s, "waiting for the backward pass")
            # it returns without a word where the device has failed meanwhile
            check()
        return outputs

    def _start(self) -> None:
        with CALL_DEADLINE.within(self._setup.patience_s, "running a group of inputs"):
            pybuda.run_forward(input_count=self._waiting)
            pybuda.run_backward(input_count=self._waiting, zero_grad=True)
        self._running += self._waiting
        self._waiting = 0


def _as_tensors(item: Sequence[Any]) -> tuple[torch.Tensor, ...]:
    """Take outputs out of PyBuda's tensors; a loss is a plain number."""
    if os.environ.get("PYBUDA_N300_DATA_PARALLEL") == "1":
        # each chip of the card gives its half of the microbatch
        halves = [one.value() for one in item]
        return tuple(torch.cat(both) for both in zip(halves[::2], halves[1::2], strict=True))
    return tuple(torch.tensor(one) if isinstance(one, float) else one.value() for one in item)
