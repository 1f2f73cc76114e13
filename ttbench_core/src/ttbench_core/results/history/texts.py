"""A history in words, for the terminal and for reports."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import Final

from ttbench_core.record.comparability import left_out_texts
from ttbench_core.results.comparison.effect import ratio_interval_text, ratio_text
from ttbench_core.results.history.change_points import MIN_RUNS
from ttbench_core.results.history.changes import Change, Segment
from ttbench_core.results.history.histories import History, SeriesHistory
from ttbench_core.results.history.run_series import RunPoint

__all__ = [
    "change_text",
    "differences_text",
    "p_text",
    "percent_text",
    "remarks_on",
    "runs_text",
    "segment_text",
    "start_text",
]

#: Series without a change that are named; of more, only their number is given.
_MAX_NAMED: Final = 10


def change_text(change: Change) -> str:
    """Return how much the rate changed: `slower, 0.977 (0.970 to 0.984), p 2e-05`."""
    interval = ratio_interval_text(change.interval) or "no interval"
    ratio = f"{ratio_text(change.ratio)} ({interval})"
    return f"{change.direction}, {ratio}, p {p_text(change.p_value)}"


def p_text(p_value: float) -> str:
    """Return a p-value as text."""
    return f"{p_value:.1g}"


def percent_text(share: float) -> str:
    """Return a share in percent."""
    return f"{share * 100:.4g} %"


def differences_text(change: Change) -> str:
    """Return what else changed."""
    return ", ".join(map(str, change.differences)) or "nothing that is recorded"


def runs_text(count: int) -> str:
    """Return a number of runs."""
    return f"{count:,} run{'' if count == 1 else 's'}"


def start_text(point: RunPoint) -> str:
    """Return when a run started, to the minute, or its name if that is not recorded."""
    date, mark, time = point.started_at.partition("T")
    return f"{date} {time[:5]}" if mark and point.started_ms is not None else point.name


def segment_text(segment: Segment) -> str:
    """Return from when to when a segment reaches, and its number of runs."""
    first, last = start_text(segment.first), start_text(segment.last)
    span = first if len(segment.points) == 1 else f"{first} to {last}"
    return f"{span}, {runs_text(len(segment.points))}"


def remarks_on(found: History) -> Iterator[tuple[str, str]]:
    """Yield what a reader of the changes must know, as titles and texts."""
    for series, change in found.changes():
        yield "differs", f"{series.label}, {change.after.first.name}: {differences_text(change)}"
    yield from _unchanged(found)
    if found.ignored:
        yield "ignored", f"{runs_text(found.ignored)} noisy or unstable; --all-points counts them"
    if found.failed:
        yield "not counted", f"{runs_text(found.failed)} failed, interrupted or without a rate"
    if found.duplicates:
        yield "not counted", f"{runs_text(found.duplicates)} repeated"
    for text in left_out_texts(found.left_out):
        yield "not counted", text
    sensitivity = found.sensitivity
    yield (
        "a change has",
        f"p below {sensitivity.max_p:g} and more than {percent_text(sensitivity.min_change)}",
    )


def _unchanged(found: History) -> Iterator[tuple[str, str]]:
    steady = [one for one in found.series if not one.changes]
    if not steady:
        return
    judged = [one for one in steady if len(one.points) >= MIN_RUNS]
    few = [one for one in steady if len(one.points) < MIN_RUNS]
    for label, series in (("no change in", judged), ("too few runs of", few)):
        if series:
            yield label, _named(series)


def _named(series: Sequence[SeriesHistory]) -> str:
    counts = [f"{one.label} ({runs_text(len(one.points))})" for one in series[:_MAX_NAMED]]
    more = f" and {len(series) - _MAX_NAMED:,} more" if len(series) > _MAX_NAMED else ""
    return ", ".join(counts) + more
