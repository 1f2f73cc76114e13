"""How many floating point operations one input of a model takes.

Counted with PyTorch's `FlopCounterMode`: matrix products, convolutions,
attention and LSTMs, two operations a multiply-add. Element-wise work is not
counted, by convention: it costs memory traffic, not arithmetic.
"""

from __future__ import annotations

import contextlib
import functools
import warnings
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import asdict, dataclass, field
from typing import Any, Final

import torch
from torch.utils.flop_counter import FlopCounterMode

from ttbench_core.errors import one_line
from ttbench_core.model import BenchmarkModel, Inputs
from ttbench_core.models.counting import new_tokens_of
from ttbench_core.models.inputs import call_with
from ttbench_core.models.reference.formulas import formulas
from ttbench_core.models.reference.outputs import as_tensors
from ttbench_core.models.reference.stages import (
    float32_stages,
    generates_in_torch,
    in_float32,
    reference_conditions,
    runs_in_torch,
)

__all__ = ["FlopCount", "count_flops"]

#: First with shapes alone, which costs nothing; then in a real run, for a model that reads values.
_METHODS: Final = ("meta", "cpu")


@dataclass(frozen=True)
class FlopCount:
    """FLOPs of one input: one microbatch."""

    #: None where they could not be counted.
    total: int | None
    #: By stage, in the order of the data; in training with the backward pass, and the loss.
    stages: Mapping[str, int] = field(default_factory=dict)
    #: `meta`: counted on shapes; `cpu`: in a run on the CPU.
    method: str | None = None
    #: Why there is no total.
    reason: str | None = None

    def to_record(self) -> dict[str, Any]:
        """Give it as plain values for JSON."""
        return asdict(self)


def count_flops(model: BenchmarkModel, *, training: bool) -> FlopCount:
    """Count the FLOPs of one input of a model; what the model raises becomes a `reason`.

    Works on private copies in float32, so the count is that of the model and
    not of a format or an engine. Random state stays as it is.

    Args:
        model: as built.
        training: forward, loss and backward instead of forward alone.
    """
    if not runs_in_torch(model, training=training) and not generates_in_torch(model):
        return FlopCount(
            None, reason="only a model of torch modules, run once an input, is counted"
        )
    reasons = []
    for method in _METHODS:
        try:
            stages = _count(model, torch.device(method), training=training)
        except Exception as error:  # noqa: BLE001 - a model may raise anything, and still runs
            reasons.append(f"{method}: {one_line(error)}")
        else:
            return FlopCount(sum(stages.values()), stages, method)
    return FlopCount(None, reason="; ".join(reasons))


def _count(model: BenchmarkModel, device: torch.device, *, training: bool) -> dict[str, int]:
    with _counting_conditions():
        stages = float32_stages(model, training=training, device=device)
        inputs = in_float32(model.inputs, device, copy=True)
        if generates_in_torch(model):
            return {"device": _generation(stages["device"], inputs, new_tokens_of(model) or 1)}
        if not training:
            return _forward(stages, inputs)
        targets = in_float32(model.targets, device, copy=True)
        with torch.enable_grad():
            return _forward_and_backward(stages, inputs, targets)


def _forward(stages: Mapping[str, torch.nn.Module], inputs: Inputs) -> dict[str, int]:
    flops = {}
    for name, stage in stages.items():
        # the counter looks for the gradients of parameters that a module passes on as inputs, and
        # fails where there are none
        stage.requires_grad_(False)
        with torch.no_grad(), _counter() as counter:
            inputs = in_float32(as_tensors(call_with(stage, inputs)))
        flops[name] = counter.get_total_flops()
    return flops


def _generation(stage: Any, inputs: Inputs, tokens: int) -> int:
    """Count reading the prompt and every further token; all steps, as the past grows."""
    stage.requires_grad_(False)
    with torch.no_grad(), _counter() as counter:
        logits, past = call_with(stage.prefill, inputs)
        for _ in range(tokens - 1):
            logits, past = stage.decode(logits.argmax(dim=-1, keepdim=True), past)
    return int(counter.get_total_flops())


def _forward_and_backward(
    stages: Mapping[str, torch.nn.Module],
    inputs: Inputs,
    targets: Sequence[torch.Tensor],
) -> dict[str, int]:
    flops: dict[str, int] = {}
    backward_start: dict[str, int] = {}
    with _counter() as counter:

        def mark_backward_start(name: str, _: torch.Tensor) -> None:
            backward_start.setdefault(name, counter.get_total_flops())

        for name, stage in stages.items():
            before = counter.get_total_flops()
            values: Inputs = (*inputs, *targets) if name == "loss" else inputs
            outputs = in_float32(as_tensors(call_with(stage, values)))
            flops[name] = counter.get_total_flops() - before
            for tensor in outputs:
                if tensor.requires_grad:
                    tensor.register_hook(functools.partial(mark_backward_start, name))  # type: ignore[no-untyped-call,unused-ignore]
            inputs = outputs
        outputs[0].backward()  # type: ignore[no-untyped-call,unused-ignore]
        end = counter.get_total_flops()
    # the backward of a stage lasts until that of the stage before it begins
    for name in stages:
        if name in backward_start:
            flops[name] += end - backward_start[name]
            end = backward_start[name]
    return flops


def _counter() -> FlopCounterMode:
    return FlopCounterMode(display=False, custom_mapping=formulas())


@contextlib.contextmanager
def _counting_conditions() -> Iterator[None]:
    with (
        warnings.catch_warnings(),
        reference_conditions(),
        _fast_path_disabled(),
        torch.inference_mode(False),
    ):
        # warnings of a run on shapes are not about the measured run
        warnings.simplefilter("ignore")
        yield


@contextlib.contextmanager
def _fast_path_disabled() -> Iterator[None]:
    """Run nn.TransformerEncoder and nn.MultiheadAttention step by step.

    In inference they are one operator, which the counter does not know.
    """
    settings = getattr(torch.backends, "mha", None)
    if settings is None:  # PyTorch 2.1 has no such setting, and counts nothing of them
        yield
        return
    before = settings.get_fastpath_enabled()
    settings.set_fastpath_enabled(False)
    try:
        yield
    finally:
        settings.set_fastpath_enabled(before)
