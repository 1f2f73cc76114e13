"""The devices of a pipeline, with a model's stages placed on them."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import pybuda

from ttbench_core.backends.protocol import CompileOptions
from ttbench_core.backends.pybuda.configuration import engine_options, is_sequential
from ttbench_core.backends.pybuda.enums import arch_of, devtype_of, format_of
from ttbench_core.backends.pybuda.loading import load_image
from ttbench_core.backends.pybuda.modules import (
    narrow_integers,
    pass_through_module,
    pushed_tensors,
    refuse_unpicklable,
    wrap_loss,
    wrap_stage,
)
from ttbench_core.model import BenchmarkModel, Inputs

__all__ = ["DevicePipeline", "compile_pipeline", "place_stages", "prepare_inputs", "sample_inputs"]


@dataclass(frozen=True)
class DevicePipeline:
    """The devices of a pipeline, as PyBuda's objects."""

    #: Takes the inputs.
    first: Any
    #: Takes the targets and gives the outputs.
    last: Any
    #: The Tenstorrent device among them.
    device: Any
    #: How many of the devices are of the host.
    host_device_count: int


def place_stages(model: BenchmarkModel, options: CompileOptions) -> DevicePipeline:
    """Make the devices of a model: one of the host, Tenstorrent's, and one of the host again.

    A loss goes to the last device of the host, which is added if the model needs none.
    Raises `UnsupportedOptionError` for a stage of the host that cannot be sent to its process.
    """
    stages, training = model.stages, options.training
    devices = []
    if stages.cpu_pre is not None:
        devices.append(_host_device("cpu_pre", stages.cpu_pre, options, model.inputs))
    loaded = engine_options(options).load_tti is not None
    device = load_image(model, options) if loaded else _tenstorrent_device(model, options)
    devices.append(device)
    if stages.cpu_post is not None:
        devices.append(_host_device("cpu_post", stages.cpu_post, options))
    if training and stages.loss is not None:
        if devices[-1] is device:
            devices.append(pybuda.CPUDevice("cpu-post", module=pass_through_module()))
        if not is_sequential(options):
            refuse_unpicklable("loss", stages.loss)
        devices[-1].place_loss_module(wrap_loss(stages.loss))
    return DevicePipeline(devices[0], devices[-1], device, len(devices) - 1)


def sample_inputs(model: BenchmarkModel) -> Sequence[Any]:
    """Give the inputs that a model is compiled for: its own, or a group for each subgraph."""
    groups: Any = model.generation.get("compile_inputs")
    if groups is None:
        return prepare_inputs(model, model.inputs)
    return tuple(
        narrow_integers(one) if isinstance(one, (list, tuple)) else narrow_integers([one])[0]
        for one in groups
    )


def prepare_inputs(model: BenchmarkModel, inputs: Inputs) -> tuple[Any, ...]:
    """Give the tensors that are pushed, in types that the first device has.

    A card has no 64-bit integers.
    """
    tensors = pushed_tensors(inputs)
    return tensors if model.stages.cpu_pre is not None else narrow_integers(tensors)


def compile_pipeline(model: BenchmarkModel, options: CompileOptions) -> Any:
    """Compile the pipeline that was placed; gives the queue of its outputs."""
    queue = pybuda.initialize_pipeline(
        training=options.training,
        sample_inputs=sample_inputs(model),
        sample_targets=tuple(model.targets) if options.training else (),
        microbatch_count=engine_options(options).microbatch_count,
        _verify_cfg=pybuda.VerifyConfig.disabled(),
    )
    return pybuda.get_loss_queue() if options.training else queue


def _tenstorrent_device(model: BenchmarkModel, options: CompileOptions) -> Any:
    asked = engine_options(options)
    chips: dict[str, Any] = {"num_chips": len(options.devices)}
    if asked.parallel_tti:
        chips = {"num_chips": 1}
    elif asked.galaxy or options.devices[0].index:
        chips = {"chip_ids": [device.index for device in options.devices]}
    first = options.devices[0]
    inputs = model.inputs if model.stages.cpu_pre is None else None
    return pybuda.TTDevice(
        "tt0",
        module=wrap_stage("device", model.stages.device, training=options.training, inputs=inputs),
        arch=arch_of(first.arch),
        devtype=devtype_of(first.kind),
        fp32_fallback=format_of(options.data_format),
        **chips,
    )


def _host_device(
    stage: str, module: Any, options: CompileOptions, inputs: Inputs | None = None
) -> Any:
    if not is_sequential(options):
        refuse_unpicklable(stage, module)
    name = stage.replace("_", "-")
    wrapped = wrap_stage(stage, module, training=options.training, inputs=inputs)
    return pybuda.CPUDevice(name, module=wrapped)
