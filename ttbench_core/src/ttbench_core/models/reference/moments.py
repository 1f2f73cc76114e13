"""What two sequences of numbers have in common, summed up in float64 over chunks of them."""

from __future__ import annotations

import math
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import Final, TypeAlias

import torch

__all__ = ["Moments", "Range", "moments_of"]

#: Gives chunks of both sequences, in float64, from the beginning at every call.
Chunks: TypeAlias = Callable[[], Iterator[tuple[torch.Tensor, torch.Tensor]]]

#: Part of the reference's root mean square that a relative difference is taken of at least.
_FLOOR: Final = 1e-3


@dataclass
class Range:
    """Where the values of one sequence lie."""

    count: int = 0
    total: float = 0.0
    smallest: float = math.inf
    largest: float = -math.inf

    def add(self, chunk: torch.Tensor) -> None:
        """Take a chunk in."""
        if chunk.numel():
            self.count += chunk.numel()
            self.total += float(chunk.sum())
            self.smallest = min(self.smallest, float(chunk.min()))
            self.largest = max(self.largest, float(chunk.max()))

    @property
    def mean(self) -> float:
        """The mean; 0 of nothing."""
        return self.total / self.count if self.count else 0.0

    @property
    def max_abs(self) -> float:
        """The largest absolute value; 0 of nothing."""
        return max(abs(self.smallest), abs(self.largest)) if self.count else 0.0

    @property
    def relative_spread(self) -> float:
        """From the smallest to the largest value, as a part of `max_abs`; 0 of zeros."""
        return (self.largest - self.smallest) / self.max_abs if self.max_abs else 0.0


@dataclass
class Moments:
    """Sums over two sequences, b being the reference."""

    a: Range
    b: Range
    #: Sums of products of what is left without the means.
    centred_aa: float = 0.0
    centred_bb: float = 0.0
    centred_ab: float = 0.0
    #: Sums of squares.
    bb: float = 0.0
    differences: float = 0.0
    max_difference: float = 0.0
    max_relative_difference: float | None = 0.0

    def add(self, a: torch.Tensor, b: torch.Tensor) -> None:
        """Take a chunk in; the ranges are whole by now."""
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
        """Pearson's; None where float64 does not hold the squares."""
        norms = math.sqrt(self.centred_aa) * math.sqrt(self.centred_bb)
        if not 0 < norms < math.inf:
            return None
        return max(-1.0, min(1.0, self.centred_ab / norms))

    @property
    def relative_l2(self) -> float | None:
        """Norm of the difference over the reference's; None where that one alone is zero."""
        if self.bb:
            return math.sqrt(self.differences) / math.sqrt(self.bb)
        return None if self.max_difference else 0.0


def moments_of(chunks: Chunks) -> Moments:
    """Go through the chunks for the ranges, for the sums, and for the relative differences."""
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
