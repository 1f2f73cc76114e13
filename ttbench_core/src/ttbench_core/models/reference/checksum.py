"""A checksum of a tensor's values, at the speed of memory and without a copy of them.

The bytes are read as 64-bit integers in rows of a prime number of them, and each column is
summed; the sums of integers are exact in any order, so threads do not matter. The row length is
a prime, so rows and columns of a tensor that change places change the sums. The number of rows is
odd: if the highest bit of all values of a column flips, its sum changes.

Not seen are changes that leave the sum of a column as it is: values that change places at a
distance of a multiple of the row length, or two of a column of which one grows as the other
shrinks.
"""

from __future__ import annotations

import hashlib
from array import array
from collections.abc import Iterable, Iterator
from typing import Final

import torch

__all__ = ["checksum"]

#: 64-bit integers of a row: a prime, and 32 KiB.
_ROW: Final = 4093
_WORD_BYTES: Final = 8
#: Rows that are copied at a time where a tensor does not begin at a word: 2 MiB.
_COPIED_ROWS: Final = 64
_INTEGERS: Final = {1: torch.int8, 2: torch.int16, 4: torch.int32, 8: torch.int64}


def checksum(tensor: torch.Tensor) -> int | None:
    """Return a checksum of the values; None for a tensor that has none, or does not show them.

    Equal for equal values in the same order of memory.
    """
    if tensor.is_meta:
        return None
    try:
        with torch.no_grad():
            return _digest(map(_of_strided, _strided_parts(tensor.detach())))
    except (NotImplementedError, RuntimeError, TypeError):
        return None  # a tensor of another library, which has its values elsewhere


def _strided_parts(tensor: torch.Tensor) -> Iterator[torch.Tensor]:
    if tensor.layout is torch.strided:
        yield tensor.int_repr() if tensor.is_quantized else tensor
    elif tensor.layout is torch.sparse_coo:
        yield from (tensor._indices(), tensor._values())  # noqa: SLF001 - sorting would copy
    elif tensor.layout in {torch.sparse_csr, torch.sparse_bsr}:
        yield from (tensor.crow_indices(), tensor.col_indices(), tensor.values())
    else:
        yield from (tensor.ccol_indices(), tensor.row_indices(), tensor.values())


def _digest(parts: Iterable[bytes]) -> int:
    # not hash(), for which -1 and -2 are equal
    digest = hashlib.blake2b(digest_size=_WORD_BYTES)
    for part in parts:
        digest.update(len(part).to_bytes(_WORD_BYTES, "little"))
        digest.update(part)
    return int.from_bytes(digest.digest(), "little")


def _of_strided(tensor: torch.Tensor) -> bytes:
    flat = _in_order_of_memory(tensor)
    per_row = _ROW * _WORD_BYTES // flat.element_size()
    rows = flat.numel() // per_row
    rows -= rows > 0 and rows % 2 == 0
    rest = flat[rows * per_row :]
    words = rest.numel() * rest.element_size() // _WORD_BYTES
    whole = words * _WORD_BYTES // rest.element_size()
    return array(
        "q",
        (
            *_column_sums(flat[: rows * per_row], per_row).tolist(),
            *_as_words(rest[:whole]).tolist(),
            *rest[whole:].tolist(),
        ),
    ).tobytes()


def _column_sums(flat: torch.Tensor, per_row: int) -> torch.Tensor:
    # in parts where each is copied, so that no large copy exists
    length = max(flat.numel(), 1) if _is_aligned(flat) else _COPIED_ROWS * per_row
    sums = torch.zeros(_ROW, dtype=torch.int64, device=flat.device)
    for start in range(0, flat.numel(), length):
        sums += _as_words(flat[start : start + length]).view(-1, _ROW).sum(0)
    return sums


def _as_words(flat: torch.Tensor) -> torch.Tensor:
    return (flat if _is_aligned(flat) else flat.clone()).view(torch.int64)


def _is_aligned(flat: torch.Tensor) -> bool:
    """Return whether a tensor begins at a word of its storage."""
    return flat.storage_offset() * flat.element_size() % _WORD_BYTES == 0


def _in_order_of_memory(tensor: torch.Tensor) -> torch.Tensor:
    """Return the elements as integers in one dimension; of those repeated by a stride of 0, one."""
    if tensor.is_complex():
        tensor = torch.view_as_real(tensor.resolve_conj())
    tensor = tensor.resolve_neg()
    for dimension, stride in enumerate(tensor.stride()):
        if stride == 0:
            tensor = tensor.narrow(dimension, 0, min(tensor.shape[dimension], 1))
    by_stride = sorted(range(tensor.dim()), key=tensor.stride, reverse=True)
    # a copy only of what has gaps in memory
    flat = tensor.permute(by_stride).contiguous().view(-1)
    return flat.view(_INTEGERS[flat.element_size()])
