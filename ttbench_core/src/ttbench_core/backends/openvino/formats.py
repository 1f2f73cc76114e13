"""Formats of `-df` that OpenVINO quantises weights to. It imports neither OpenVINO nor NNCF.

Int8 and Int4_w expand their weights and multiply in float32. Int8_dyn multiplies in 8 bits, which
is faster than any type whose peak is measured here, so it has none.
"""

from __future__ import annotations

import importlib.util
from dataclasses import dataclass
from typing import Final

from ttbench_core.errors import UnsupportedOptionError
from ttbench_core.request.formats import DataFormat, EngineFormat, NumberFormat

__all__ = ["INT8_DYN", "Quantisation", "quantisation_of", "quantised_formats", "require_nncf"]

_INT8: Final = EngineFormat(
    "Int8",
    help="weights of linear layers in 8-bit integers, products in float32 (OpenVINO's NNCF)",
    pcc=0.99,
    peak_format=DataFormat.FP32,
)
INT8_DYN: Final = EngineFormat(
    "Int8_dyn",
    help="the same, activations rounded to 8-bit integers at each call (OpenVINO's NNCF)",
    pcc=0.98,
)
_INT4_W: Final = EngineFormat(
    "Int4_w",
    help="weights of linear layers in 4-bit integers, of the last one and of embeddings in 8-bit"
    " integers, products in float32 (OpenVINO's NNCF)",
    pcc=0.95,
    peak_format=DataFormat.FP32,
)


@dataclass(frozen=True)
class Quantisation:
    """How the weights of a format are compressed, and its products computed."""

    #: A member of NNCF's `CompressWeightsMode`.
    mode: str
    #: Values of an activation that share a scale; 0 leaves activations in float32.
    activation_group: int
    #: OpenVINO's names of the types of weights, of which there must be one.
    weight_types: tuple[str, ...]


#: Symmetric, as torchao's, so that rows of both engines compare.
_QUANTISATIONS: Final = {
    _INT8: Quantisation("INT8_SYM", 0, ("i8",)),
    # 32 is what OpenVINO chooses on a processor itself
    INT8_DYN: Quantisation("INT8_SYM", 32, ("i8",)),
    _INT4_W: Quantisation("INT4_SYM", 0, ("i4",)),
}


def quantised_formats() -> tuple[EngineFormat, ...]:
    """Give the formats whose weights are integers."""
    return tuple(_QUANTISATIONS)


def quantisation_of(data_format: NumberFormat | str | None) -> Quantisation | None:
    """Give how a format, or one that is named, is quantised; None for one that is not."""
    found = (how for one, how in _QUANTISATIONS.items() if data_format in (one, one.name))
    return next(found, None)


def require_nncf(data_format: object) -> None:
    """Raise `UnsupportedOptionError` where NNCF is not installed; does not import it.

    Args:
        data_format: as the user gave it.
    """
    if importlib.util.find_spec("nncf") is None:
        raise UnsupportedOptionError(
            f"-df {data_format} needs OpenVINO's library NNCF, which is not installed:"
            " pip install 'ttbench-core[openvino-int8]'"
        )
