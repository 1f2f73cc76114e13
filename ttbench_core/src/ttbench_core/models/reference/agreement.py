"""How well the outputs of a run agree with those of the reference.

For an output with values a, and the reference's b, over all their elements:

| figure | definition |
|---|---|
| pcc | Pearson's correlation: u.v / (norm of u x norm of v), u = a - mean of a, v = b - mean of b |
| max_abs_difference | max abs(a - b) |
| max_relative_difference | max abs(a - b) / max(abs(b), root mean square of b / 1000) |
| relative_l2 | norm of a - b / norm of b |

All are computed in float64. The floor under the relative difference keeps an
element that is almost zero beside the others from dominating it.

PCC does not detect a wrong scale or offset, relative L2 detects both; PCC is
not defined for a tensor without variance, relative L2 is. For values of the
same mean and scale they are equivalent: relative L2 = sqrt(2 (1 - pcc)).
"""

from __future__ import annotations

import math
from collections.abc import Iterator, Sequence
from dataclasses import asdict, dataclass
from typing import Any, Final

import torch

from ttbench_core.models.reference.moments import Moments, moments_of

__all__ = ["Agreement", "OutputAgreement", "agreement"]

#: Elements that are in float64 at a time: 32 MiB of each tensor.
_CHUNK: Final = 1 << 22
#: Relative spread below which a tensor has no variance but that of rounding in float32.
_CONSTANT_WITHIN: Final = 1e-6
_EQUAL_WITHIN: Final = 1e-8


@dataclass(frozen=True)
class OutputAgreement:
    """One output beside the reference's; see the module for the figures.

    None is a figure that is not defined: all of them where shapes differ or values
    are not finite, `pcc` where a tensor has no variance, the relative ones where the
    reference is all zero.
    """

    pcc: float | None = None
    max_abs_difference: float | None = None
    max_relative_difference: float | None = None
    relative_l2: float | None = None
    #: Why it is wrong, whatever the figures.
    fault: str | None = None

    def passes(self, pcc_threshold: float) -> bool:
        """Return whether it is right.

        Where the reference has no variance, the relative L2 that corresponds to
        the threshold decides.
        """
        if self.fault is not None:
            return False
        if self.pcc is not None:
            return self.pcc >= pcc_threshold
        return self.relative_l2 is not None and self.relative_l2 <= math.sqrt(
            2 * (1 - pcc_threshold)
        )


@dataclass(frozen=True)
class Agreement:
    """All outputs of a model beside the reference's; each figure is the worst of them."""

    outputs: tuple[OutputAgreement, ...]
    #: Why the outputs are wrong, whatever the figures.
    fault: str | None = None

    @property
    def pcc(self) -> float | None:
        """The lowest; None with a fault, or where no output has one."""
        known = [one.pcc for one in self.outputs if one.pcc is not None]
        return min(known) if known and self.fault is None else None

    @property
    def max_abs_difference(self) -> float | None:
        """The largest; None where any output has none."""
        return _largest([one.max_abs_difference for one in self.outputs])

    @property
    def max_relative_difference(self) -> float | None:
        """The largest; None where any output has none."""
        return _largest([one.max_relative_difference for one in self.outputs])

    @property
    def relative_l2(self) -> float | None:
        """The largest; None where any output has none."""
        return _largest([one.relative_l2 for one in self.outputs])

    def passes(self, pcc_threshold: float) -> bool:
        """Return whether every output is right."""
        return self.fault is None and all(one.passes(pcc_threshold) for one in self.outputs)

    def to_record(self) -> dict[str, Any]:
        """Give it as plain values for JSON, None for what is not defined."""
        return {
            "pcc": self.pcc,
            "max_abs_difference": self.max_abs_difference,
            "max_relative_difference": self.max_relative_difference,
            "relative_l2": self.relative_l2,
            "fault": self.fault,
            "outputs": [asdict(one) for one in self.outputs],
        }


def agreement(outputs: Sequence[torch.Tensor], expected: Sequence[torch.Tensor]) -> Agreement:
    """Compare a model's outputs with the reference's, one after the other.

    Integers and booleans count as numbers, complex numbers as two. Values that
    are not finite in the same way in both (a mask of -inf) are left out.
    """
    if len(outputs) != len(expected):
        return Agreement((), f"{len(outputs)} outputs, and the reference has {len(expected)}")
    compared = tuple(map(_compare, outputs, expected))
    faults = [f"output {index}: {one.fault}" for index, one in enumerate(compared) if one.fault]
    return Agreement(compared, "; ".join(faults) or None)


def _compare(output: torch.Tensor, expected: torch.Tensor) -> OutputAgreement:
    a, b = _as_numbers(output), _as_numbers(expected)
    if a.shape != b.shape:
        return OutputAgreement(fault=f"shape {list(a.shape)}, and the reference's {list(b.shape)}")
    fault = _non_finite_fault(a, b)
    if fault is not None:
        return OutputAgreement(fault=fault)
    return _from_moments(moments_of(lambda: _finite_pairs(a, b)))


def _from_moments(moments: Moments) -> OutputAgreement:
    output_varies, reference_varies = (
        values.relative_spread > _CONSTANT_WITHIN for values in (moments.a, moments.b)
    )
    fault = pcc = None
    if output_varies and reference_varies:
        pcc = moments.correlation
        fault = "float64 does not hold the squares of its values" if pcc is None else None
    elif reference_varies:
        fault = "it is constant, and the reference is not"
    elif not output_varies and moments.max_difference <= _tolerance(moments):
        pcc = 1.0
    return OutputAgreement(
        pcc=pcc,
        max_abs_difference=_finite_or_none(moments.max_difference),
        max_relative_difference=_finite_or_none(moments.max_relative_difference),
        relative_l2=_finite_or_none(moments.relative_l2),
        fault=fault,
    )


def _tolerance(moments: Moments) -> float:
    return _EQUAL_WITHIN + _CONSTANT_WITHIN * moments.b.max_abs


def _as_numbers(tensor: torch.Tensor) -> torch.Tensor:
    plain = tensor.detach().cpu()
    if plain.layout is not torch.strided:
        plain = plain.to_dense()
    return torch.view_as_real(plain.resolve_conj()) if plain.is_complex() else plain


def _non_finite_fault(a: torch.Tensor, b: torch.Tensor) -> str | None:
    wrong = missing = 0
    for part, reference in _pairs(a, b):
        same = (part == reference) | (part.isnan() & reference.isnan())
        wrong += int((~part.isfinite() & ~same).sum())
        missing += int((part.isfinite() & ~reference.isfinite()).sum())
    if wrong:
        return f"{wrong} of {a.numel()} values are not finite"
    if missing:
        return f"{missing} of {a.numel()} values are finite where the reference's are not"
    return None


def _finite_pairs(a: torch.Tensor, b: torch.Tensor) -> Iterator[tuple[torch.Tensor, torch.Tensor]]:
    for part, reference in _pairs(a, b):
        finite = reference.isfinite()
        yield (part, reference) if bool(finite.all()) else (part[finite], reference[finite])


def _pairs(a: torch.Tensor, b: torch.Tensor) -> Iterator[tuple[torch.Tensor, torch.Tensor]]:
    a, b = a.reshape(-1), b.reshape(-1)
    for start in range(0, a.numel(), _CHUNK):
        part = slice(start, start + _CHUNK)
        yield a[part].to(torch.float64), b[part].to(torch.float64)


def _largest(figures: list[float | None]) -> float | None:
    known = [figure for figure in figures if figure is not None]
    return max(known) if known and len(known) == len(figures) else None


def _finite_or_none(figure: float | None) -> float | None:
    return figure if figure is not None and math.isfinite(figure) else None
