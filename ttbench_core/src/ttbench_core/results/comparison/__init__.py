"""Comparing results: what NEW does faster or slower than OLD, and how certain that is.

    from ttbench_core.results.comparison import compare
    from ttbench_core.results.reading import load

    comparison = compare(load("old.json"), load("new.json"))
    for pair in comparison.pairs:
        print(pair.label, pair.effect.ratio, pair.effect.verdict)

`key` is what two results must share, `pairing` the matching, `effect` the statistics,
`context_differences` the other differences, `comparison` the result, `paired` the comparison of
results that were measured side by side.
"""

from __future__ import annotations

from collections.abc import Sequence

from ttbench_core.errors import OptionError, suggestion
from ttbench_core.record.result import Result
from ttbench_core.results.comparison.comparison import (
    OUTCOMES,
    Comparison,
    Measured,
    Pair,
    build_comparison,
)
from ttbench_core.results.comparison.effect import (
    DEFAULT_BAND,
    FASTER,
    INCONCLUSIVE,
    SAME,
    SLOWER,
    Effect,
)
from ttbench_core.results.comparison.key import KEY_NAMES, Difference, Key
from ttbench_core.results.comparison.pairing import Failure, NotComparableError, Unmatched, pair_up

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
    "Measured",
    "NotComparableError",
    "Pair",
    "Unmatched",
    "compare",
]


def compare(
    old: Sequence[Result],
    new: Sequence[Result],
    *,
    band: float = DEFAULT_BAND,
    across: Sequence[str] = (),
) -> Comparison:
    """Compare the results of NEW with the results of OLD that have the same key.

    Args:
        old: the results that the ratios are relative to.
        new: the results that are judged.
        band: ratios from 1 / (1 + band) to 1 + band count as the same.
        across: names of `KEY_NAMES` in which results may differ and still be compared.

    Raises `NotComparableError`, naming the differences, if no two results can be compared,
    and `OptionError` for an invalid band or name.
    """
    if not 0 <= band <= 1:
        raise OptionError(f"band must be 0 to 1 (0 to 100 %), not {band}")
    for name in across:
        if name not in KEY_NAMES:
            raise OptionError(
                f"cannot compare across {name!r}: one of {', '.join(KEY_NAMES)}"
                f"{suggestion(name, KEY_NAMES)}"
            )
    return build_comparison(pair_up(old, new, tuple(dict.fromkeys(across))), band)
