"""The sessions of the torch backend; `compiling` chooses one of them."""

from __future__ import annotations

import contextlib
from collections import deque
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final

import torch

from ttbench_core.backends.pipeline import Pipeline
from ttbench_core.backends.shared.stages import Step, Tensors, chain_steps
from ttbench_core.backends.torch.tracing import write_trace
from ttbench_core.errors import SessionError
from ttbench_core.model import Inputs
from ttbench_core.request.options import Trace

if TYPE_CHECKING:
    from typing_extensions import Self

__all__ = ["AsyncSession", "SessionInfo", "StagedSession", "SyncSession", "TorchSession"]


@dataclass(frozen=True)
class SessionInfo:
    """What a session reports about itself, and its device."""

    effective: Mapping[str, object]
    notes: Sequence[str]
    device: torch.device
    #: See `Session.is_reference`.
    is_reference: bool = False


class TorchSession:
    """The base of the sessions of this backend.

    Args:
        step: runs one input through all stages, for the profiler.
        info: what the session reports about itself.
        settings: restores torch's settings when it is closed; shared by the
            sessions of several devices. In inference the caller's thread is in
            inference mode until then.
    """

    def __init__(self, step: Step, info: SessionInfo, settings: contextlib.ExitStack) -> None:
        self._step: Final = step
        self._device: Final = info.device
        self._settings: Final = settings
        self.effective: Final = info.effective
        self.notes: Final = info.notes
        self.is_reference: Final = info.is_reference

    def trace(self, inputs: Inputs, level: Trace, folder: Path) -> Sequence[Path]:
        """Profile a few inputs, one after the other in this thread."""
        return write_trace(self._step, inputs, level, folder, self._device)

    def device_peak_bytes(self) -> int | None:
        """Give the peak of the CUDA memory that torch allocated since compiling."""
        if self._device.type != "cuda":
            return None
        return int(torch.cuda.max_memory_allocated(self._device))

    def close(self) -> None:
        """Restore torch's global settings."""
        self._settings.close()

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *exc_info: object) -> None:
        self.close()


class SyncSession(TorchSession):
    """Runs an input when it is pushed."""

    depth: Final = 1

    def __init__(self, step: Step, info: SessionInfo, settings: contextlib.ExitStack) -> None:
        super().__init__(step, info, settings)
        self._outputs: Tensors | None = None

    def push(self, inputs: Inputs) -> None:
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


class AsyncSession(TorchSession):
    """Queues an input on a CUDA stream when it is pushed and waits when it is popped.

    With two inputs in flight the launch of one overlaps with the computation
    of the other. The copy of the outputs to the host is queued with the input,
    so that waiting for it waits for this input alone.

    Args:
        step: runs one input through the stage.
        pin: copies the tensors of an input to pinned memory.
        info: what the session reports about itself.
        settings: as for every session.
    """

    depth: Final = 2

    def __init__(
        self,
        step: Step,
        pin: Callable[[Inputs], Inputs],
        info: SessionInfo,
        settings: contextlib.ExitStack,
    ) -> None:
        super().__init__(step, info, settings)
        self._pin: Final = pin
        self._in_flight: deque[tuple[Tensors, Any]] = deque()

    def push(self, inputs: Inputs) -> None:
        """Queue one input and the copy of its outputs."""
        if len(self._in_flight) == self.depth:
            raise SessionError(f"{self.depth} inputs are in flight already: pop before pushing")
        with torch.cuda.device(self._device):
            # a copy from memory that is not pinned would wait for the input before this one
            outputs = self._step(self._pin(inputs))
            host_outputs = [tensor.to("cpu", non_blocking=True) for tensor in outputs]
            done = torch.cuda.Event()  # type: ignore[no-untyped-call,unused-ignore]
            done.record()
        self._in_flight.append((host_outputs, done))

    def pop(self) -> Tensors:
        """Wait until the oldest input's outputs are on the host."""
        if not self._in_flight:
            raise SessionError("nothing is in flight: push before popping")
        outputs, done = self._in_flight.popleft()
        done.synchronize()
        return outputs

    def close(self) -> None:
        """Wait for the device, then restore torch's settings."""
        self._in_flight.clear()
        try:
            torch.cuda.synchronize(self._device)
        finally:
            super().close()


class StagedSession(TorchSession):
    """Runs several stages in overlapping threads.

    Args:
        steps: one per stage.
        info: what the session reports about itself.
        settings: as for every session.
    """

    def __init__(
        self, steps: Sequence[Step], info: SessionInfo, settings: contextlib.ExitStack
    ) -> None:
        super().__init__(chain_steps(steps), info, settings)
        self._thread_count: Final = torch.get_num_threads()
        self._pipeline: Final = Pipeline(steps, thread_context=self._thread_context)
        self.depth: Final = self._pipeline.depth

    def push(self, inputs: Inputs) -> None:
        """Hand one input to the first stage."""
        self._pipeline.push(inputs)

    def pop(self) -> Tensors:
        """Wait for the oldest input's outputs."""
        return self._pipeline.pop()

    def _thread_context(self) -> contextlib.AbstractContextManager[object]:
        # inference mode belongs to a thread, and a thread count that another thread has set
        # takes effect in a new thread only with its first own call
        torch.set_num_threads(self._thread_count)
        return torch.inference_mode()

    def close(self) -> None:
        """End the threads, then restore torch's settings."""
        try:
            self._pipeline.close()
        finally:
            super().close()
