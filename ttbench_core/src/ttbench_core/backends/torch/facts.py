"""What a session of the torch backend reports: how it really runs, and what must be known of it."""

from __future__ import annotations

from collections.abc import Iterator, Mapping

import torch

from ttbench_core.backends.protocol import CompileOptions
from ttbench_core.backends.shared.stages import HOST
from ttbench_core.backends.torch.formats import Quantised, compute_dtype, format_notes
from ttbench_core.backends.torch.levels import COMPILE_LEVEL
from ttbench_core.backends.torch.model_copies import is_channels_last
from ttbench_core.backends.torch.options import torch_options
from ttbench_core.backends.torch.quantised_formats import is_quantised
from ttbench_core.backends.torch.quantising import torchao_version
from ttbench_core.backends.torch.sessions import SessionInfo
from ttbench_core.model import BenchmarkModel
from ttbench_core.request.options import DataFormat

__all__ = ["session_info"]


def session_info(
    model: BenchmarkModel,
    options: CompileOptions,
    device: torch.device,
    quantised: Quantised,
    compiled: Mapping[str, object],
) -> SessionInfo:
    """Say how a model runs on one device.

    Args:
        model: as built.
        options: what will be run.
        device: of the device stage.
        quantised: what its format has quantised.
        compiled: how it was compiled; empty where it was not.
    """
    effective = {**_effective(options, device, quantised), **compiled}
    if model.generation:
        effective["cache"] = torch_options(options).cache
    return SessionInfo(
        effective=effective,
        notes=tuple(_notes(model, options, quantised)),
        device=device,
        is_reference=_is_reference(options, device),
    )


def _effective(
    options: CompileOptions, device: torch.device, quantised: Quantised
) -> dict[str, object]:
    data_format = options.data_format
    effective: dict[str, object] = {
        "dtype": str(compute_dtype(data_format)).removeprefix("torch."),
        "emulated": data_format.is_block_float,
        "threads": torch.get_num_threads(),
        "matmul_precision": torch.get_float32_matmul_precision(),
        "compiled": options.opt_level >= COMPILE_LEVEL,
        "autocast": torch_options(options).autocast,
        "channels_last": is_channels_last(options),
        "device": str(device),
    }
    if data_format.is_block_float or is_quantised(data_format):
        effective["quantised_weights"] = quantised.weights
    if is_quantised(data_format):
        effective["torchao"] = torchao_version()
    if device.type == "cuda":
        effective["convolution_tf32"] = torch.backends.cudnn.allow_tf32
    return effective


def _is_reference(options: CompileOptions, device: torch.device) -> bool:
    # the channels-last level is allowed: the same products in another layout
    return (
        options.data_format is DataFormat.FP32
        and not options.training
        and options.opt_level < COMPILE_LEVEL
        and device == HOST
        and torch.get_float32_matmul_precision() == "highest"
        and torch_options(options).cache == "dynamic"
    )


def _notes(model: BenchmarkModel, options: CompileOptions, quantised: Quantised) -> Iterator[str]:
    kind = options.devices[0].kind
    yield from format_notes(options.data_format, options.math_fidelity, kind, quantised)
    stages = len(model.stages.present(training=False))
    if kind == "cpu" and stages > 1 and not options.training:
        yield f"its {stages} stages overlap and share the cores of this CPU, device stage included"
