"""Sums over two sequences of numbers, in float64 and chunk by chunk."""

from __future__ import annotations

import math
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import Final, TypeAlias

import torch

__all__ = ["Moments", "Range", "moments_of"]

#: Gives chunks of both sequences, in float64, from the beginning at every call.
Chunks: TypeAlias = Callable[[], Iterator[tuple[torch.Tensor, torch.Tensor]]]

#: Minimum divisor of a relative difference, as a share of the reference's root mean square.
_FLOOR: Final = 1e-3


@dataclass
class Range:
    """Range and mean of the values of one sequence."""

    count: int = 0
    total: float = 0.0
    smallest: float = math.inf
    largest: float = -math.inf

    def add(self, chunk: torch.Tensor) -> None:
        """Add a chunk."""
        if chunk.numel():
            self.count += chunk.numel()
            self.total += float(chunk.sum())
            self.smallest = min(self.smallest, float(chunk.min()))
            self.largest = max(self.largest, float(chunk.max()))

    @property
    def mean(self) -> float:
        """The mean; 0 without values."""
        return self.total / self.count if self.count else 0.0

    @property
    def max_abs(self) -> float:
        """The largest absolute value; 0 without values."""
        return max(abs(self.smallest), abs(self.largest)) if self.count else 0.0

    @property
    def relative_spread(self) -> float:
        """Largest less smallest value, as a share of `max_abs`; 0 where all are zero."""
        return (self.largest - self.smallest) / self.max_abs if self.max_abs else 0.0


@dataclass
class Moments:
    """Sums over two sequences, b being the reference."""

    a: Range
    b: Range
    #: Sums of products of the values less their means.
    centred_aa: float = 0.0
    centred_bb: float = 0.0
    centred_ab: float = 0.0
    #: Sums of squares.
    bb: float = 0.0
    differences: float = 0.0
    max_difference: float = 0.0
    max_relative_difference: float | None = 0.0

    def add(self, a: torch.Tensor, b: torch.Tensor) -> None:
        """Add a chunk; the ranges must be complete."""
        if not a.numel():
            return
        difference = a - b
        self.max_difference = max(self.max_difference, float(difference.abs().max()))
        self.differences += float(difference.dot(difference))
        self.bb += float(b.dot(b))
        centred_a, centred_b = a - self.a.mean, b - self.b.mean
        self.centred_aa += float(centred_a.dot(centred_a))
        self.centred_bb += float(centred_b.dot(centred_b))
        self.centred_ab += float(centred_a.dot(centred_b))

    @property
    def correlation(self) -> float | None:
        """Pearson's; None where the squares are out of the range of float64."""
        norms = math.sqrt(self.centred_aa) * math.sqrt(self.centred_bb)
        if not 0 < norms < math.inf:
            return None
        return max(-1.0, min(1.0, self.centred_ab / norms))

    @property
    def relative_l2(self) -> float | None:
        """Norm of the difference over that of the reference; None where only the latter is zero."""
        if self.bb:
            return math.sqrt(self.differences) / math.sqrt(self.bb)
        return None if self.max_difference else 0.0


def moments_of(chunks: Chunks) -> Moments:
    """Compute ranges, sums and relative differences, in three passes over the chunks."""
    moments = Moments(Range(), Range())
    for a, b in chunks():
        moments.a.add(a)
        moments.b.add(b)
    for a, b in chunks():
        moments.add(a, b)
    moments.max_relative_difference = _max_relative_difference(chunks, moments)
    return moments


def _max_relative_difference(chunks: Chunks, moments: Moments) -> float | None:
    if not moments.bb:
        return None if moments.max_difference else 0.0
    floor = _FLOOR * math.sqrt(moments.bb / moments.b.count)
    return max(
        float(((a - b).abs() / b.abs().clamp(min=floor)).max()) for a, b in chunks() if a.numel()
    )
