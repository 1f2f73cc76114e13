"""The options of the ONNX Runtime backend: `-B NAME=VALUE`."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal, TypeAlias

from ttbench_core.backends.protocol import CompileOptions, engine_option

__all__ = ["OnnxruntimeOptions", "Provider", "onnxruntime_options"]

Provider: TypeAlias = Literal["cpu", "cuda", "tensorrt"]


@dataclass(frozen=True)
class OnnxruntimeOptions:
    """What only ONNX Runtime is asked."""

    provider: Provider | None = engine_option(
        None,
        help="what computes: that of the device by default; cuda and tensorrt need onnxruntime-gpu"
        " in place of onnxruntime",
    )


def onnxruntime_options(options: CompileOptions) -> OnnxruntimeOptions:
    """Give the options of this backend in what will be run."""
    given = options.engine
    return given if isinstance(given, OnnxruntimeOptions) else OnnxruntimeOptions()
