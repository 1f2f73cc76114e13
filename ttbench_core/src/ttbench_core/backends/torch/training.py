"""One training step: forward, loss and backward of one input."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Final

import torch

from ttbench_core.backends.torch.stages import Step, Tensors, to_host

__all__ = ["TrainingStep"]


class TrainingStep:
    """Forward, loss and backward of one input; gives the loss on the host.

    Gradients are cleared before each input, so that every input costs the
    same. No optimizer takes part: its step belongs to an optimizer's benchmark.

    Args:
        forward: the stages in order, the last output on the loss's device.
        loss: called with the last stage's outputs, then the targets; gives a scalar.
        targets: on the loss's device.
        parameters: all that gradients are cleared of.
        device: where the device stage runs; the step ends when it has finished.
    """

    def __init__(
        self,
        forward: Step,
        loss: Callable[..., torch.Tensor],
        targets: Tensors,
        parameters: Sequence[torch.nn.Parameter],
        device: torch.device,
    ) -> None:
        self._forward: Final = forward
        self._loss: Final = loss
        self._targets: Final = tuple(targets)
        self._parameters: Final = tuple(parameters)
        self._device: Final = device

    def __call__(self, inputs: Tensors) -> Tensors:
        """Train on one input."""
        for parameter in self._parameters:
            parameter.grad = None
        with torch.enable_grad():
            loss = self._loss(*self._forward(inputs), *self._targets)
            loss.backward()  # type: ignore[no-untyped-call,unused-ignore]
        if self._device.type == "cuda":
            # a loss on the host is there before the device has finished its backward
            torch.cuda.synchronize(self._device)
        return to_host([loss.detach()])
