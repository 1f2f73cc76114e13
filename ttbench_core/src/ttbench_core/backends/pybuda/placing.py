"""Devices in the order of the pipeline, with a model's stages placed on them."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import pybuda

from ttbench_core.backends.protocol import CompileOptions
from ttbench_core.backends.pybuda.loading import load_image
from ttbench_core.backends.pybuda.modules import (
    narrowed,
    passed_through,
    refuse_unsendable,
    wrapped,
    wrapped_loss,
)
from ttbench_core.backends.pybuda.names import arch_of, devtype_of, format_of
from ttbench_core.backends.pybuda.settings import engine_options, is_sequential
from ttbench_core.model import BenchmarkModel

__all__ = ["Line", "compiled", "placed", "ready", "sample_inputs"]


@dataclass(frozen=True)
class Line:
    """The devices of a pipeline."""

    #: Takes the inputs.
    first: Any
    #: Takes the targets and gives the outputs.
    last: Any
    #: The Tenstorrent device among them.
    device: Any
    #: How many of them are the host's.
    on_host: int


def placed(model: BenchmarkModel, options: CompileOptions) -> Line:
    """Make the devices of a model: the host's, Tenstorrent's, and the host's again.

    A loss goes to the host's last device, which is made for it where the model has none.
    Raises `UnsupportedOptionError` for a stage of the host that cannot be sent to its process.
    """
    stages, training = model.stages, options.training
    line = []
    if stages.cpu_pre is not None:
        line.append(_on_host("cpu_pre", stages.cpu_pre, options))
    loaded = engine_options(options).load_tti is not None
    device = load_image(model, options) if loaded else _device(model, options)
    line.append(device)
    if stages.cpu_post is not None:
        line.append(_on_host("cpu_post", stages.cpu_post, options))
    if training and stages.loss is not None:
        if line[-1] is device:
            line.append(pybuda.CPUDevice("cpu-post", module=passed_through()))
        if not is_sequential(options):
            refuse_unsendable("loss", stages.loss)
        line[-1].place_loss_module(wrapped_loss(stages.loss))
    return Line(line[0], line[-1], device, len(line) - 1)


def sample_inputs(model: BenchmarkModel) -> Sequence[Any]:
    """Give what a model is compiled for: its inputs, or a group of them for each subgraph."""
    groups: Any = model.generation.get("compile_inputs")
    if groups is None:
        return ready(model, model.inputs)
    return tuple(
        narrowed(one) if isinstance(one, (list, tuple)) else narrowed([one])[0] for one in groups
    )


def ready(model: BenchmarkModel, tensors: Sequence[Any]) -> tuple[Any, ...]:
    """Give inputs as the first device takes them: a card has no 64-bit whole numbers."""
    return tuple(tensors) if model.stages.cpu_pre is not None else narrowed(tensors)


def compiled(model: BenchmarkModel, options: CompileOptions) -> Any:
    """Compile the pipeline that was placed; gives the queue that its outputs come to."""
    queue = pybuda.initialize_pipeline(
        training=options.training,
        sample_inputs=sample_inputs(model),
        sample_targets=tuple(model.targets) if options.training else (),
        microbatch_count=engine_options(options).microbatch_count,
        _verify_cfg=pybuda.VerifyConfig.disabled(),
    )
    return pybuda.get_loss_queue() if options.training else queue


def _device(model: BenchmarkModel, options: CompileOptions) -> Any:
    asked = engine_options(options)
    chips: dict[str, Any] = {"num_chips": len(options.devices)}
    if asked.parallel_tti:
        chips = {"num_chips": 1}
    elif asked.galaxy or options.devices[0].index:
        chips = {"chip_ids": [device.index for device in options.devices]}
    first = options.devices[0]
    return pybuda.TTDevice(
        "tt0",
        module=wrapped("device", model.stages.device, training=options.training),
        arch=arch_of(first.arch),
        devtype=devtype_of(first.kind),
        fp32_fallback=format_of(options.data_format),
        **chips,
    )


def _on_host(stage: str, module: Any, options: CompileOptions) -> Any:
    if not is_sequential(options):
        refuse_unsendable(stage, module)
    name = stage.replace("_", "-")
    placed_there = wrapped(stage, module, training=options.training)
    return pybuda.CPUDevice(name, module=placed_there)
