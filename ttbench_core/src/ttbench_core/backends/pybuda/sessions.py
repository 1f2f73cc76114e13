"""The sessions of a pipeline in this process; `compiling` chooses one of them."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, Final

import pybuda

from ttbench_core.backends.call_deadline import CALL_DEADLINE
from ttbench_core.backends.pybuda.session_base import PipelineSession, PipelineSetup
from ttbench_core.backends.pybuda.waiting import call_with_timeout, raise_device_failure
from ttbench_core.errors import SessionError
from ttbench_core.model import Inputs

__all__ = ["StreamingSession", "SyncSession", "TrainingSession"]

#: Inputs in flight that keep a card busy: PyBuda's pusher holds three, and the queues before and
#: behind the chips two each.
_INPUTS_PER_CARD: Final = 8
#: Inputs in flight for each further chip and each stage on the host.
_INPUTS_PER_STAGE: Final = 2


class StreamingSession(PipelineSession):
    """Keeps the pipeline full: outputs arrive while inputs are pushed.

    The first input of a pass asks for all outputs of the pass in one call, from
    which PyBuda makes a program for each input, or a single one that loops over
    them if PYBUDA_MICROBATCH_LOOPING is set.
    """

    def __init__(self, setup: PipelineSetup) -> None:
        further_stages = (setup.chips - 1) + setup.pipeline.host_device_count
        super().__init__(setup, _INPUTS_PER_CARD + _INPUTS_PER_STAGE * further_stages)
        self._in_flight = 0
        self._expected = 0
        #: Inputs that the device has been started for and that are still to be pushed.
        self._announced = 0

    def expect(self, count: int) -> None:
        """Prepare for a pass of so many inputs."""
        self._expected = count

    def push(self, inputs: Inputs) -> None:
        """Push one input to the first device; the first of a pass starts all of them."""
        self._refuse_beyond_depth(self._in_flight)
        with CALL_DEADLINE.within(self._setup.timeout_s, "running an input"):
            self._setup.pipeline.first.push_to_inputs(self._prepared(inputs))
            if self._announced == 0:
                self._announced, self._expected = max(self._expected, 1), 0
                pybuda.run_forward(input_count=self._announced)
        self._announced -= 1
        self._in_flight += 1

    def pop(self) -> Sequence[Any]:
        """Wait for the oldest input's outputs."""
        if not self._in_flight:
            raise SessionError("nothing is in flight: push before popping")
        outputs = self._next_outputs()
        self._in_flight -= 1
        return outputs


class SyncSession(PipelineSession):
    """Runs one input at a time: in sequential mode, and with `--single-thread`."""

    def __init__(self, setup: PipelineSetup) -> None:
        super().__init__(setup, depth=1)
        self._in_flight = 0

    def push(self, inputs: Inputs) -> None:
        """Push one input and start it."""
        self._refuse_beyond_depth(self._in_flight)
        # sequential mode waits forever for an input that was not pushed before
        with CALL_DEADLINE.within(self._setup.timeout_s, "running an input"):
            self._setup.pipeline.first.push_to_inputs(self._prepared(inputs))
            pybuda.run_forward(input_count=1)
        self._in_flight = 1

    def pop(self) -> Sequence[Any]:
        """Wait for the outputs of that input."""
        if not self._in_flight:
            raise SessionError("nothing is in flight: push before popping")
        outputs = self._next_outputs()
        self._in_flight = 0
        return outputs


class TrainingSession(PipelineSession):
    """Runs groups of inputs forward and then backward; gives the loss of each.

    Gradients are cleared at the first of a group. No optimizer takes part.

    Args:
        setup: as for every session.
        targets: what the loss compares with.
        group_size: inputs that run forward before they run backward.
    """

    def __init__(self, setup: PipelineSetup, targets: Sequence[Any], group_size: int) -> None:
        super().__init__(setup, depth=2 * group_size)
        self._targets: Final = tuple(targets)
        self._group_size: Final = group_size
        #: Inputs that were pushed and do not run yet.
        self._waiting = 0
        self._running = 0
        #: Inputs of this pass that are still to be pushed.
        self._expected = 0

    def expect(self, count: int) -> None:
        """Prepare for a pass of so many inputs."""
        self._expected = count

    def push(self, inputs: Inputs) -> None:
        """Push one input with its targets; the last of a group starts it."""
        self._refuse_beyond_depth(self._waiting + self._running)
        self._setup.pipeline.first.push_to_inputs(self._prepared(inputs))
        self._setup.pipeline.last.push_to_target_inputs(self._targets)
        self._waiting += 1
        self._expected = max(self._expected - 1, 0)
        if self._waiting == self._group_size:
            self._start()

    def pop(self) -> Sequence[Any]:
        """Wait for the loss of the oldest input; with the last one also for all backward passes."""
        if not self._waiting + self._running:
            raise SessionError("nothing is in flight: push before popping")
        if not self._running:
            self._start()
        outputs = self._next_outputs()
        self._running -= 1
        if not self._expected + self._waiting + self._running:
            call_with_timeout(pybuda.sync, self._setup.timeout_s, "waiting for the backward pass")
            # sync returns without an error if the device has failed meanwhile
            raise_device_failure()
        return outputs

    def _start(self) -> None:
        with CALL_DEADLINE.within(self._setup.timeout_s, "running a group of inputs"):
            pybuda.run_forward(input_count=self._waiting)
            pybuda.run_backward(input_count=self._waiting, zero_grad=True)
        self._running += self._waiting
        self._waiting = 0
