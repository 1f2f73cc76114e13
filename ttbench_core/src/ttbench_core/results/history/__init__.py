"""How results changed over time: series of comparable runs, and where their rate changed.

    from ttbench_core import history, load

    for series in history(load("nightly.jsonl")).series:
        for change in series.changes:
            print(series.label, change.after.first.started_at, change.direction, change.ratio)

`run_series` puts the runs in order, `change_points` finds where their rates change, by `energy`
and `t_test`, `changes` says how much and what else changed there; `texts` are for people.
"""

from __future__ import annotations

from collections.abc import Iterable

from ttbench_core.record.result import Result
from ttbench_core.results.history.change_points import DEFAULT_SENSITIVITY, Sensitivity
from ttbench_core.results.history.changes import Change, Segment
from ttbench_core.results.history.histories import DIRECTIONS, History, SeriesHistory
from ttbench_core.results.history.run_series import RunPoint, collect_series

__all__ = [
    "DEFAULT_SENSITIVITY",
    "DIRECTIONS",
    "Change",
    "History",
    "RunPoint",
    "Segment",
    "Sensitivity",
    "SeriesHistory",
    "history",
]


def history(
    results: Iterable[Result],
    *,
    all_points: bool = False,
    max_p: float = DEFAULT_SENSITIVITY.max_p,
    min_change: float = DEFAULT_SENSITIVITY.min_change,
    window: int = DEFAULT_SENSITIVITY.window,
) -> History:
    """Find where the rates of comparable runs changed.

    Args:
        results: in any order, read once; none is kept in memory.
        all_points: count runs whose verdict is `noisy` or `unstable`, too.
        max_p: the largest p-value of a change, above 0 and below 1.
        min_change: the smallest change that counts, as a share: 0.01 is 1 %.
        window: runs that are searched at once, 4 to 1000.

    Raises `OptionError` for a value out of its range.
    """
    sensitivity = Sensitivity(max_p=max_p, min_change=min_change, window=window)
    return History.of(collect_series(results, all_points=all_points), sensitivity)
