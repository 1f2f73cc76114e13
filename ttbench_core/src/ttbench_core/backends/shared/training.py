"""One training step: forward, loss and backward of one input."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import Any, Final

import torch

from ttbench_core.backends.shared.stages import (
    HOST,
    Place,
    Step,
    Tensors,
    chain_steps,
    stage_steps,
    to_host,
)
from ttbench_core.model import BenchmarkModel, Inputs

__all__ = ["TrainingStep", "make_training_step"]


class TrainingStep:
    """Forward, loss and backward of one input; gives the loss on the host.

    Gradients are cleared before each input, so that every input costs the
    same. No optimizer takes part: its step belongs to an optimizer's benchmark.

    Args:
        forward: the stages in order, the last output on the loss's device.
        loss: called with the last stage's outputs, then the targets; gives a scalar.
        targets: on the loss's device.
        parameters: those whose gradients are cleared.
        finish: waits until the device stage has finished, with which the step ends.
    """

    def __init__(
        self,
        forward: Step,
        loss: Callable[..., torch.Tensor],
        targets: Tensors,
        parameters: Sequence[torch.nn.Parameter],
        finish: Callable[[], object],
    ) -> None:
        self._forward: Final = forward
        self._loss: Final = loss
        self._targets: Final = tuple(targets)
        self._parameters: Final = tuple(parameters)
        self._finish: Final = finish

    def __call__(self, inputs: Inputs) -> Tensors:
        """Train on one input."""
        for parameter in self._parameters:
            parameter.grad = None
        with torch.enable_grad():
            loss = self._loss(*self._forward(inputs), *self._targets)
            loss.backward()  # type: ignore[no-untyped-call,unused-ignore]
        # a loss on the host is complete before the device has finished its backward pass
        self._finish()
        return to_host([loss.detach()])


def make_training_step(
    model: BenchmarkModel,
    modules: Mapping[str, Any],
    place: Place,
    finish: Callable[[], object],
) -> TrainingStep:
    """Make the training step of a model; the loss runs where its last stage does.

    Args:
        model: gives the targets, and the structure of the inputs.
        modules: private copies by the name of their stage, with the loss.
        place: of the device stage.
        finish: waits until the device has finished.
    """
    on_host = "cpu_post" in modules
    loss_device = HOST if on_host else place.device
    loss_dtype = torch.float32 if on_host else place.dtype
    targets = [
        target.to(loss_device, loss_dtype if target.is_floating_point() else target.dtype)
        for target in model.targets
    ]
    steps = stage_steps(modules, place, model.inputs)
    return TrainingStep(
        forward=chain_steps(list(steps.values())),
        loss=modules["loss"].to(loss_device, loss_dtype),
        targets=targets,
        parameters=[p for module in modules.values() for p in module.parameters()],
        finish=finish,
    )
