"""The session of a device stage on the cards: inputs go in order, and outputs are fetched later."""

from __future__ import annotations

import contextlib
from collections import deque
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Final

import torch

from ttbench_core.backends.protocol import Tensors
from ttbench_core.errors import SessionError
from ttbench_core.model import BenchmarkModel, Inputs
from ttbench_core.models.inputs import call_with, tensor_mapper
from ttbench_core.models.reference.outputs import as_tensors
from ttbench_core.models.reference.stages import HOST, float32_copy, in_float32

if TYPE_CHECKING:
    from typing_extensions import Self

__all__ = ["SessionFacts", "Steps", "TtXlaSession", "staged_steps"]

#: One on the chips, and one that is handed over meanwhile.
_DEPTH: Final = 2


@dataclass(frozen=True)
class SessionFacts:
    """What a session reports about itself; see `Session`."""

    effective: Mapping[str, object]
    notes: Sequence[str] = ()


@dataclass(frozen=True)
class Steps:
    """The two halves of running an input."""

    #: Hands an input over; gives its outputs before they are computed.
    start: Callable[[Inputs], Tensors]
    #: Waits for these outputs, and gives them on the host.
    finish: Callable[[Tensors], Tensors]
    #: Inputs that may be started before the first of them is finished.
    depth: int = _DEPTH


def staged_steps(
    model: BenchmarkModel,
    compiled: Callable[..., Any],
    move: Callable[[torch.Tensor], torch.Tensor],
) -> Steps:
    """Make the steps of a model whose stages on the host run by PyTorch in Fp32.

    Args:
        model: as built.
        compiled: its device stage.
        move: brings a tensor to the device.
    """
    before, after = (
        None if module is None else float32_copy(module)
        for module in (model.stages.cpu_pre, model.stages.cpu_post)
    )
    move_all = tensor_mapper(move, model.inputs if before is None else ())

    # without gradients, but not in inference mode, whose tensors the compiler cannot trace
    @torch.no_grad()
    def start(inputs: Inputs) -> Tensors:
        if before is not None:
            inputs = as_tensors(call_with(before, in_float32(inputs)))
        return as_tensors(call_with(compiled, move_all(inputs)))

    @torch.no_grad()
    def finish(outputs: Tensors) -> Tensors:
        fetched = [tensor.to(HOST) for tensor in outputs]
        return fetched if after is None else as_tensors(after(*in_float32(fetched)))

    return Steps(start, finish)


class TtXlaSession:
    """A compiled model; see `Session`.

    Args:
        steps: run its inputs.
        facts: what it reports about itself.
        settings: restores what compiling has set.
    """

    is_reference: Final = False

    def __init__(self, steps: Steps, facts: SessionFacts, settings: contextlib.ExitStack) -> None:
        self.depth: Final = steps.depth
        self.effective: Final = dict(facts.effective)
        self.notes: Final = tuple(facts.notes)
        self._steps: Final = steps
        self._settings: Final = settings
        self._in_flight: deque[Tensors] = deque()

    def push(self, inputs: Inputs) -> None:
        """Hand over one input; raises `SessionError` beyond `depth`."""
        if len(self._in_flight) == self.depth:
            raise SessionError(f"{self.depth} inputs are in flight already: pop before pushing")
        self._in_flight.append(self._steps.start(inputs))

    def pop(self) -> Tensors:
        """Wait for the oldest input's outputs; raises `SessionError` where none is in flight."""
        if not self._in_flight:
            raise SessionError("nothing is in flight: push before popping")
        return self._steps.finish(self._in_flight.popleft())

    def device_peak_bytes(self) -> int | None:
        """Give None: the runtime does not tell how much memory of the cards was in use."""
        return None

    def close(self) -> None:
        """Forget what is in flight and what was compiled; may be called twice."""
        self._in_flight.clear()
        self._settings.close()

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *exc_info: object) -> None:
        self.close()
