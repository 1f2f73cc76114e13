"""Formats that torchao quantises linear layers to; it is imported when such a format runs."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from functools import partial
from typing import Any, Final

import importlib_metadata
import torch

from ttbench_core.backends.shared.quiet_imports import hide_import_warnings
from ttbench_core.backends.torch.formats import Quantised, matmul_like
from ttbench_core.backends.torch.quantised_formats import (
    FP8,
    INT4_W,
    INT8,
    INT8_DYN,
    REMEDY,
    require_torchao,
)
from ttbench_core.errors import UnsupportedOptionError, one_line
from ttbench_core.request.formats import EngineFormat, NumberFormat

__all__ = ["quantise_linear", "torchao_version"]


def quantise_linear(module: torch.nn.Module, data_format: EngineFormat) -> Quantised:
    """Quantise the weights of linear layers, in place; each gets a new tensor.

    Args:
        module: on its device, in the dtype that the format is computed in.
        data_format: one of `QUANTISED_FORMATS`.

    Raises `UnsupportedOptionError` where torchao is not installed or refuses.
    """
    require_torchao(data_format)
    try:
        hide_import_warnings()
        import torchao.quantization as library

        # its settings of the compiler would stay after the run
        config = _CONFIGS[data_format](library)(set_inductor_config=False)
        library.quantize_(module, config)
    except Exception as error:
        device = next(module.parameters(), torch.empty(0)).device.type
        raise UnsupportedOptionError(
            f"-df {data_format} cannot run on {device} here: torchao {torchao_version()} refuses it"
            f" ({one_line(error)}); use another format or device, or a version that can ({REMEDY})"
        ) from error
    parts = list(matmul_like(module))
    weights = sum(_is_quantised(part) for part in parts)
    return Quantised(weights, len(parts) - weights)


def torchao_version() -> str:
    """Give the version of torchao; it is installed where a format of it runs."""
    return importlib_metadata.version("torchao")


def _int4_config(library: Any) -> Callable[..., Any]:
    # the layout of torch's own kernel; the default one needs another library
    return partial(library.Int4WeightOnlyConfig, int4_packing_format="tile_packed_to_4d")


_CONFIGS: Final[Mapping[NumberFormat, Callable[[Any], Callable[..., Any]]]] = {
    INT8: lambda library: library.Int8WeightOnlyConfig,
    INT8_DYN: lambda library: library.Int8DynamicActivationInt8WeightConfig,
    INT4_W: _int4_config,
    FP8: lambda library: library.Float8DynamicActivationFloat8WeightConfig,
}


def _is_quantised(part: torch.nn.Module) -> bool:
    weight = getattr(part, "weight", None)
    return weight is not None and type(weight) not in (torch.Tensor, torch.nn.Parameter)
