"""How well the outputs of a run agree with those of the reference.

For an output with values a, and the reference's b, over all their elements:

| figure | definition |
|---|---|
| pcc | Pearson's correlation: u.v / (norm of u x norm of v), u = a - mean of a, v = b - mean of b |
| max_abs_difference | max abs(a - b) |
| max_relative_difference | max abs(a - b) / max(abs(b), root mean square of b / 1000) |
| relative_l2 | norm of a - b / norm of b |

All are computed in float64. The floor under the relative difference keeps an
element that is almost zero beside the others from deciding it.

PCC does not see a wrong scale or offset, relative L2 sees both; PCC says
nothing of a tensor without variance, where relative L2 still does. For values
of the same mean and scale they say the same: relative L2 = sqrt(2 (1 - pcc)).
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
    #: Why it is wrong whatever the figures would be.
    fault: str | None = None

    def passes(self, pcc_threshold: float) -> bool:
        """Say whether it is right.

        Where the reference has no variance, the relative L2 that would go with
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
    #: Why the outputs are wrong whatever the figures say.
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
        """Say whether every output is right."""
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
    compared = tuple(_compare(*pair) for pair in zip(outputs, expected, strict=True))
    faults = [f"output {place}: {one.fault}" for place, one in enumerate(compared) if one.fault]
    return Agreement(compared, "; ".join(faults) or None)


def _compare(output: torch.Tensor, expected: torch.Tensor) -> OutputAgreement:
    a, b = _as_numbers(output), _as_numbers(expected)
    if a.shape != b.shape:
        return OutputAgreement(fault=f"shape {list(a.shape)}, and the reference's {list(b.shape)}")
    fault = _infinite(a, b)
    if fault is not None:
        return OutputAgreement(fault=fault)
    return _measured(moments_of(lambda: _finite_pairs(a, b)))


def _measured(moments: Moments) -> OutputAgreement:
    varies = [one.relative_spread > _CONSTANT_WITHIN for one in (moments.a, moments.b)]
    fault = pcc = None
    if all(varies):
        pcc = moments.correlation
        fault = "float64 does not hold the squares of its values" if pcc is None else None
    elif varies[1]:
        fault = "it is constant, and the reference is not"
    elif not varies[0] and moments.max_difference <= _tolerance(moments):
        pcc = 1.0
    return OutputAgreement(
        pcc=pcc,
        max_abs_difference=_finite(moments.max_difference),
        max_relative_difference=_finite(moments.max_relative_difference),
        relative_l2=_finite(moments.relative_l2),
        fault=fault,
    )


def _tolerance(moments: Moments) -> float:
    return _EQUAL_WITHIN + _CONSTANT_WITHIN * moments.b.max_abs


def _as_numbers(tensor: torch.Tensor) -> torch.Tensor:
    plain = tensor.detach().cpu()
    if plain.layout is not torch.strided:
        plain = plain.to_dense()
    return torch.view_as_real(plain.resolve_conj()) if plain.is_complex() else plain


def _infinite(a: torch.Tensor, b: torch.Tensor) -> str | None:
    broken = missing = 0
    for part, reference in _pairs(a, b):
        alike = (part == reference) | (part.isnan() & reference.isnan())
        broken += int((~part.isfinite() & ~alike).sum())
        missing += int((part.isfinite() & ~reference.isfinite()).sum())
    if broken:
        return f"{broken} of {a.numel()} values are not finite"
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


def _finite(figure: float | None) -> float | None:
    return figure if figure is not None and math.isfinite(figure) else None
