"""Block floating point: rounding to Bfp8, Bfp8_b, Bfp4 and Bfp4_b.

Layout of the formats. Sixteen neighbouring elements of a row (one row of a
16 x 16 face of a tile) share one exponent, the largest of theirs. Each element
keeps a sign and a magnitude without a hidden bit: 7 bits in Bfp8, 3 bits in
Bfp4, counted from the shared exponent down. The formats with `_b` share an
8-bit exponent with the range of bfloat16, those without share a 5-bit exponent
(bias 15) with the range of float16. Magnitudes are rounded to nearest, ties to
even, after elements smaller than the largest have been shifted right within 24
bits; a magnitude that rounds past the largest stays at the largest.

Source: the table of data formats and the section on block floating point in
Tenstorrent's PyBuda documentation ("Data Formats and Math Fidelity"); rounding
and saturation as in the host-side packer of tenstorrent/tt-metal,
`tt_metal/impl/data_format/blockfloat_common.cpp`, commit 034fc8c7f283. One
deviation: an element below the smallest shared exponent of a format with 5-bit
exponents is rounded on the smallest grid (to zero if need be), where the
packer lifts it to the smallest power of two.

Infinity and NaN, as in the same packer. An 8-bit shared exponent can be 255, that of
infinity and NaN in float32: a block with one of them has it, so that its elements
below 2**121 or so become zero. Read back as float32, a magnitude of the top bit alone is
infinity, and a larger one NaN. (Tenstorrent's tt-isa-documentation, `FloatBitPatterns.md`:
the matrix unit itself counts them as 2**128 and more.) A format with 5-bit exponents has
neither: both become its largest value, and their block has its largest exponent.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final

import torch

from ttbench_core.request.formats import DataFormat, NumberFormat

__all__ = ["BLOCK_SIZE", "BlockFormat", "block_format", "quantise"]

#: Elements that share an exponent.
BLOCK_SIZE: Final = 16
#: Bits of a float32 significand with its hidden bit: the packer's working width.
_WORKING_BITS: Final = 24


@dataclass(frozen=True)
class BlockFormat:
    """A block floating point format."""

    #: Bits of an element's magnitude.
    magnitude_bits: int
    #: Smallest and largest shared exponent: value of the top magnitude bit is 2**exponent.
    smallest_exponent: int
    largest_exponent: int

    @property
    def largest_magnitude(self) -> int:
        """The largest whole number that the magnitude can be."""
        return (1 << self.magnitude_bits) - 1


#: Smallest and largest shared exponent.
#: 128 is that of infinity and NaN.
_EXPONENTS_8_BIT: Final = (-126, 128)
_EXPONENTS_5_BIT: Final = (-15, 16)
_SIGNIFICAND_MASK: Final = 0x7FFFFF
_INFINITY: Final = 2.0**128
_FORMATS: Final[dict[NumberFormat, BlockFormat]] = {
    DataFormat.BFP8: BlockFormat(7, *_EXPONENTS_5_BIT),
    DataFormat.BFP8_B: BlockFormat(7, *_EXPONENTS_8_BIT),
    DataFormat.BFP4: BlockFormat(3, *_EXPONENTS_5_BIT),
    DataFormat.BFP4_B: BlockFormat(3, *_EXPONENTS_8_BIT),
}


def block_format(data_format: NumberFormat) -> BlockFormat:
    """Give the layout of a block floating point format; `KeyError` for any other."""
    return _FORMATS[data_format]


def quantise(tensor: torch.Tensor, layout: BlockFormat) -> torch.Tensor:
    """Round a tensor to what a block floating point format can hold.

    Args:
        tensor: floating point, any shape; blocks run along the last dimension,
            the last block of a row is padded with zeros.
        layout: the format.

    Returns:
        A new float32 tensor of the same shape.
    """
    if tensor.numel() == 0:
        return tensor.detach().to(torch.float32).clone()
    rows = tensor.detach().to(torch.float32).reshape(-1, tensor.shape[-1] if tensor.dim() else 1)
    width = rows.shape[-1]
    padded = torch.nn.functional.pad(rows, (0, -width % BLOCK_SIZE))
    blocks = padded.reshape(rows.shape[0], -1, BLOCK_SIZE)
    quantised = _quantise_blocks(blocks, layout)
    return quantised.reshape(rows.shape[0], -1)[:, :width].reshape(tensor.shape).contiguous()


def _quantise_blocks(blocks: torch.Tensor, layout: BlockFormat) -> torch.Tensor:
    # float64 holds every intermediate value exactly: 24 bits and exponents down to -150
    exact = _as_numbers(blocks)
    largest = exact.abs().amax(dim=-1, keepdim=True)
    _, exponent = torch.frexp(largest)
    shared = (exponent - 1).clamp(layout.smallest_exponent, layout.largest_exponent)
    unit = torch.ldexp(torch.ones_like(largest), shared - (_WORKING_BITS - 1))
    shifted = torch.trunc(exact.abs() / unit)
    dropped_bits = _WORKING_BITS - layout.magnitude_bits
    magnitude = torch.round(shifted / (1 << dropped_bits)).clamp(max=layout.largest_magnitude)
    quantised = torch.sign(exact) * magnitude * unit * float(1 << dropped_bits)
    quantised[quantised.abs() > _INFINITY] = torch.nan
    return quantised.to(torch.float32)


def _as_numbers(blocks: torch.Tensor) -> torch.Tensor:
    """Give float32 in float64, with infinity and NaN as the numbers that their bits would be."""
    significand = (blocks.view(torch.int32) & _SIGNIFICAND_MASK).to(torch.float64) / (
        _SIGNIFICAND_MASK + 1
    )
    beyond = torch.copysign((1 + significand) * _INFINITY, blocks.to(torch.float64))
    return torch.where(blocks.isfinite(), blocks.to(torch.float64), beyond)
