"""Comparing results: what NEW does faster or slower than OLD, and how sure that is.

    from ttbench_core.results.comparison import compare
    from ttbench_core.results.reading import load

    comparison = compare(load("old.json"), load("new.json"))
    for pair in comparison.pairs:
        print(pair.label, pair.effect.ratio, pair.effect.verdict)

The key that two results must share is in `key`, the matching in `pairing`, the
statistics in `effect`, the rest of what a reader must know in `surroundings`.
"""

from __future__ import annotations

from collections.abc import Sequence

from ttbench_core.errors import OptionError, suggestion
from ttbench_core.record.result import Result
from ttbench_core.results.comparison.effect import (
    DEFAULT_BAND,
    FASTER,
    INCONCLUSIVE,
    SAME,
    SLOWER,
    Effect,
)
from ttbench_core.results.comparison.key import KEY_NAMES, Difference, Key
from ttbench_core.results.comparison.pairing import Failure, Lonely, UnlikeError, pair_up
from ttbench_core.results.comparison.report import OUTCOMES, Comparison, Measured, Pair, report_of

__all__ = [
    "DEFAULT_BAND",
    "FASTER",
    "INCONCLUSIVE",
    "KEY_NAMES",
    "OUTCOMES",
    "SAME",
    "SLOWER",
    "Comparison",
    "Difference",
    "Effect",
    "Failure",
    "Key",
    "Lonely",
    "Measured",
    "Pair",
    "UnlikeError",
    "compare",
]


def compare(
    old: Sequence[Result],
    new: Sequence[Result],
    *,
    band: float = DEFAULT_BAND,
    across: Sequence[str] = (),
) -> Comparison:
    """Compare the results of NEW with those of OLD that are alike.

    Args:
        old: what the ratios are relative to.
        new: what is judged.
        band: ratios from 1 / (1 + band) to 1 + band count as the same.
        across: names of `KEY_NAMES` in which results may differ and still be compared.

    Raises `UnlikeError` where nothing can be compared with anything, naming
    what differs, and `OptionError` for a band or a name that cannot be.
    """
    if not 0 <= band <= 1:
        raise OptionError(f"band must be 0 to 1 (0 to 100 %), not {band}")
    for name in across:
        if name not in KEY_NAMES:
            raise OptionError(
                f"cannot compare across {name!r}: one of {', '.join(KEY_NAMES)}"
                f"{suggestion(name, KEY_NAMES)}"
            )
    return report_of(pair_up(old, new, tuple(dict.fromkeys(across))), band)
