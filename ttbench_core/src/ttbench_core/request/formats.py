"""Number formats: the seven of PyBuda's benchmark, and those that an engine declares itself."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final, TypeAlias

from ttbench_core.errors import OptionError
from ttbench_core.request.checking import OptionEnum

__all__ = ["DEFAULT_PCC", "DataFormat", "EngineFormat", "NumberFormat", "read_format"]

#: Minimum correlation with Fp32 for outputs to count as right, where nothing else declares one.
DEFAULT_PCC: Final = 0.99


class DataFormat(OptionEnum):
    """The number format a model's device stage is asked to run in."""

    FP32 = "Fp32"
    FP16 = "Fp16"
    FP16_B = "Fp16_b"
    BFP8 = "Bfp8"
    BFP8_B = "Bfp8_b"
    BFP4 = "Bfp4"
    BFP4_B = "Bfp4_b"

    @property
    def is_block_float(self) -> bool:
        """Whether blocks of 16 elements share one exponent in this format."""
        return self.value.startswith("Bfp")

    @property
    def pcc(self) -> float:
        """See `EngineFormat.pcc`."""
        return DEFAULT_PCC


@dataclass(frozen=True)
class EngineFormat:
    """A number format that an engine has beside those of `DataFormat`, such as `Int8`."""

    #: What `-df` is given.
    name: str
    #: What it means, in a few words.
    help: str = ""
    #: Minimum correlation with Fp32 for its outputs to count as right, where the model declares
    #: none for it.
    pcc: float = DEFAULT_PCC
    #: The format whose measured peak its rate is compared with; None asks the backend's `peak`
    #: for this format itself.
    peak_format: DataFormat | None = None

    @property
    def value(self) -> str:
        """Its spelling, as of a `DataFormat`."""
        return self.name

    @property
    def is_block_float(self) -> bool:
        """Whether it is one of PyBuda's formats with shared exponents."""
        return False

    def __str__(self) -> str:
        return self.name


#: What a run computes in.
NumberFormat: TypeAlias = DataFormat | EngineFormat


def read_format(value: object) -> DataFormat | str | None:
    """Read `-df`: a `DataFormat`, or the name of a format that only its engine knows.

    Raises `OptionError` for what is no name.
    """
    if value is None or isinstance(value, DataFormat):
        return value
    if isinstance(value, EngineFormat):
        return value.name
    if not isinstance(value, str) or not value:
        known = ", ".join(one.value for one in DataFormat)
        raise OptionError(f"unknown data format {value!r}: one of {known}, or one of the backend's")
    return next((one for one in DataFormat if one.value == value), value)
