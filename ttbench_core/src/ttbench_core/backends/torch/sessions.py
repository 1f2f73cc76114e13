"""Sessions that drive their stages in the caller's thread: inference and training."""

from __future__ import annotations

import contextlib
from collections import deque
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final, TypeAlias

import torch

from ttbench_core.backends.pipeline import PipelinedSession
from ttbench_core.backends.torch.stages import Tensors, to_host
from ttbench_core.backends.torch.tracing import write_trace
from ttbench_core.errors import SessionError
from ttbench_core.options import Trace

if TYPE_CHECKING:
    from typing_extensions import Self

__all__ = [
    "AsyncSession",
    "DirectSession",
    "Facts",
    "StagedSession",
    "Step",
    "TrainingStep",
    "chained",
    "inference",
]

#: One input through all stages, called in order.
Step: TypeAlias = Callable[[Tensors], Tensors]


@dataclass(frozen=True)
class Facts:
    """What every session says of itself, and what it undoes when it closes."""

    effective: Mapping[str, object]
    notes: Sequence[str]
    devices: Sequence[torch.device]
    #: Puts torch's global settings back; shared by the sessions of several devices.
    settings: contextlib.ExitStack


class _TorchSession:
    """What the sessions of this backend share.

    Args:
        step: one input through all stages, for the profiler.
        facts: see `Facts`.
    """

    def __init__(self, step: Step, facts: Facts) -> None:
        self._step: Final = step
        self._facts: Final = facts
        self.effective: Final = facts.effective
        self.notes: Final = facts.notes

    def trace(self, inputs: Tensors, level: Trace, folder: Path) -> Sequence[Path]:
        """Profile a few inputs, one after the other in this thread."""
        return write_trace(self._step, inputs, level, folder)

    def device_peak_bytes(self) -> int | None:
        """Give the peak of CUDA memory that torch allocated since compiling."""
        cuda = [device for device in self._facts.devices if device.type == "cuda"]
        return sum(torch.cuda.max_memory_allocated(device) for device in cuda) if cuda else None

    def close(self) -> None:
        """Put torch's global settings back."""
        self._facts.settings.close()

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *exc_info: object) -> None:
        self.close()


class DirectSession(_TorchSession):
    """Runs an input when it is pushed; for the CPU, and for training."""

    depth: Final = 1

    def __init__(self, step: Step, facts: Facts) -> None:
        super().__init__(step, facts)
        self._outputs: Tensors | None = None

    def push(self, inputs: Tensors) -> None:
        """Run one input through every stage."""
        if self._outputs is not None:
            raise SessionError("1 input is in flight already: pop before pushing")
        self._outputs = self._step(inputs)

    def pop(self) -> Tensors:
        """Give the outputs of the input that was pushed last."""
        outputs, self._outputs = self._outputs, None
        if outputs is None:
            raise SessionError("nothing is in flight: push before popping")
        return outputs


class AsyncSession(_TorchSession):
    """Queues an input on a CUDA stream when it is pushed and waits when it is popped.

    Two inputs in flight hide the launching of one behind the computing of the
    other. The copy of the outputs to the host is queued with the input, so
    that waiting for it waits for this input alone.
    """

    depth: Final = 2

    def __init__(self, step: Step, device: torch.device, facts: Facts) -> None:
        super().__init__(step, facts)
        self._device: Final = device
        self._in_flight: deque[tuple[Tensors, Any]] = deque()

    def push(self, inputs: Tensors) -> None:
        """Queue one input and the copy of its outputs."""
        if len(self._in_flight) == self.depth:
            raise SessionError(f"{self.depth} inputs are in flight already: pop before pushing")
        with torch.cuda.device(self._device):
            outputs = [tensor.to("cpu", non_blocking=True) for tensor in self._step(inputs)]
            done = torch.cuda.Event()  # type: ignore[no-untyped-call,unused-ignore]
            done.record()
        self._in_flight.append((outputs, done))

    def pop(self) -> Tensors:
        """Wait until the oldest input's outputs are on the host."""
        if not self._in_flight:
            raise SessionError("nothing is in flight: push before popping")
        outputs, done = self._in_flight.popleft()
        done.synchronize()
        return outputs

    def close(self) -> None:
        """Wait for the device, then put torch's settings back."""
        self._in_flight.clear()
        torch.cuda.synchronize(self._device)
        super().close()


class StagedSession(_TorchSession):
    """Runs several stages in overlapping threads.

    Args:
        steps: one a stage.
        facts: see `Facts`.
    """

    def __init__(self, steps: Sequence[Step], facts: Facts) -> None:
        super().__init__(chained(steps), facts)
        threads = torch.get_num_threads()
        self._pipeline: Final = PipelinedSession(
            steps,
            # a thread count set elsewhere reaches a new thread only at its first own call
            enter_thread=lambda: torch.set_num_threads(threads),
        )
        self.depth: Final = self._pipeline.depth

    def push(self, inputs: Tensors) -> None:
        """Hand one input to the first stage."""
        self._pipeline.push(inputs)

    def pop(self) -> Tensors:
        """Wait for the oldest input's outputs."""
        return self._pipeline.pop()

    def close(self) -> None:
        """End the threads, then put torch's settings back."""
        self._pipeline.close()
        super().close()


class TrainingStep:
    """Forward, loss and backward of one input; gives the loss on the host.

    Gradients are cleared before each input, so that every input costs the
    same. No optimizer takes part: its step belongs to an optimizer's benchmark.

    Args:
        forward: the stages in order, the last output on the loss's device.
        loss: called with the last stage's outputs, then the targets; gives a scalar.
        targets: on the loss's device.
        parameters: all that gradients are cleared of.
    """

    def __init__(
        self,
        forward: Step,
        loss: Callable[..., torch.Tensor],
        targets: Tensors,
        parameters: Sequence[torch.nn.Parameter],
    ) -> None:
        self._forward: Final = forward
        self._loss: Final = loss
        self._targets: Final = tuple(targets)
        self._parameters: Final = tuple(parameters)

    def __call__(self, inputs: Tensors) -> Tensors:
        """Train on one input."""
        for parameter in self._parameters:
            parameter.grad = None
        with torch.enable_grad():
            loss = self._loss(*self._forward(inputs), *self._targets)
            loss.backward()  # type: ignore[no-untyped-call,unused-ignore]
        return to_host([loss.detach()])


def chained(steps: Sequence[Step]) -> Step:
    """Make one step of several, called one after the other."""
    if len(steps) == 1:
        return steps[0]

    def run(inputs: Tensors) -> Tensors:
        for step in steps:
            inputs = step(inputs)
        return inputs

    return run


def inference(step: Step) -> Step:
    """Make a step run in inference mode, which belongs to the calling thread."""

    def run(inputs: Tensors) -> Tensors:
        with torch.inference_mode():
            return step(inputs)

    return run
