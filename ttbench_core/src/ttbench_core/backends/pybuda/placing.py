"""Devices in the order of the pipeline, with a model's stages placed on them."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import pybuda

from ttbench_core.backends.protocol import CompileOptions
from ttbench_core.backends.pybuda.cards import GALAXY_CHIPS
from ttbench_core.backends.pybuda.modules import PassThrough, narrowed, wrapped, wrapped_loss
from ttbench_core.backends.pybuda.names import arch_of, devtype_of, format_of
from ttbench_core.backends.pybuda.settings import engine_options
from ttbench_core.model import BenchmarkModel

__all__ = ["Line", "compiled", "placed", "sample_inputs"]


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
    """
    stages, training = model.stages, options.training
    line = []
    if stages.cpu_pre is not None:
        pre = wrapped("pre", stages.cpu_pre, training=training)
        line.append(pybuda.CPUDevice("cpu-pre", module=pre))
    device = _loaded(options) or _device(model, options)
    line.append(device)
    if stages.cpu_post is not None:
        post = wrapped("post", stages.cpu_post, training=training)
        line.append(pybuda.CPUDevice("cpu-post", module=post))
    if training and stages.loss is not None:
        if line[-1] is device:
            through = pybuda.PyTorchModule("through", PassThrough())
            line.append(pybuda.CPUDevice("cpu-post", module=through))
        line[-1].place_loss_module(wrapped_loss("loss", stages.loss))
    return Line(line[0], line[-1], device, len(line) - 1)


def sample_inputs(model: BenchmarkModel) -> Sequence[Any]:
    """Give what a model is compiled for: its inputs, or a group of them for each subgraph."""
    groups: Any = model.generation.get("compile_inputs")
    if groups is None:
        return narrowed(model.inputs)
    return tuple(
        narrowed(one) if isinstance(one, (list, tuple)) else narrowed([one])[0] for one in groups
    )


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
    elif asked.galaxy:
        chips = {"chip_ids": list(GALAXY_CHIPS)}
    elif options.devices[0].index:
        chips = {"chip_ids": [options.devices[0].index]}
    first = options.devices[0]
    return pybuda.TTDevice(
        "tt0",
        module=wrapped("model", model.stages.device, training=options.training),
        arch=arch_of(first.arch),
        devtype=devtype_of(first.kind),
        fp32_fallback=format_of(options.data_format),
        **chips,
    )


def _loaded(options: CompileOptions) -> Any:
    path = engine_options(options).load_tti
    return None if path is None else pybuda.TTDevice.load_image(img_path=path)
