"""Formats of `-df` that the library torchao quantises to. It imports neither torch nor torchao.

The peak that a rate is compared with is that of the type in which products are computed. Int8 and
Int4_w expand their weights and multiply in float32 and bfloat16. Int8_dyn and Fp8 multiply in 8
bits, which is faster than any type whose peak is measured here, so they have none.
"""

from __future__ import annotations

import importlib.util
from typing import Final

from ttbench_core.errors import UnsupportedOptionError
from ttbench_core.request.formats import DataFormat, EngineFormat, NumberFormat

__all__ = [
    "FP8",
    "INT4_W",
    "INT8",
    "INT8_DYN",
    "QUANTISED_FORMATS",
    "REMEDY",
    "is_quantised",
    "multiplies_in_8_bits",
    "quantised_format",
    "require_torchao",
]

INT8: Final = EngineFormat(
    "Int8",
    help="weights of linear layers in 8-bit integers, products in float32 (torchao)",
    pcc=0.99,
    peak_format=DataFormat.FP32,
)
INT8_DYN: Final = EngineFormat(
    "Int8_dyn",
    help="the same, activations rounded to 8-bit integers at each call (torchao)",
    pcc=0.98,
)
INT4_W: Final = EngineFormat(
    "Int4_w",
    help="weights of linear layers in 4-bit integers, products in bfloat16; CUDA (torchao)",
    pcc=0.95,
    peak_format=DataFormat.FP16_B,
)
FP8: Final = EngineFormat(
    "Fp8",
    help="weights and activations of linear layers in 8-bit floats; CUDA from 8.9 on (torchao)",
    pcc=0.97,
)
QUANTISED_FORMATS: Final = (INT8, INT8_DYN, INT4_W, FP8)
#: What a user can do about a format that cannot run.
REMEDY: Final = "pip install 'ttbench-core[torchao]'"


def is_quantised(data_format: NumberFormat) -> bool:
    """Say whether torchao quantises the weights of a format."""
    return data_format in QUANTISED_FORMATS


def multiplies_in_8_bits(data_format: NumberFormat) -> bool:
    """Say whether the products of a format are those of 8-bit numbers."""
    return data_format in (INT8_DYN, FP8)


def quantised_format(name: object) -> EngineFormat | None:
    """Give the format that torchao quantises to by its name or itself; None for any other."""
    return next((one for one in QUANTISED_FORMATS if name in (one, one.name)), None)


def require_torchao(data_format: EngineFormat) -> None:
    """Raise `UnsupportedOptionError` where torchao is not installed; does not import it."""
    if importlib.util.find_spec("torchao") is None:
        raise UnsupportedOptionError(
            f"-df {data_format} needs the library torchao, which is not installed: {REMEDY}"
        )
