"""What a change point means: how much the rate changed, and what else changed there."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from itertools import pairwise

from ttbench_core.measure.intervals import Interval, geometric_mean, ratio_interval
from ttbench_core.results.comparison.context_differences import differences_between
from ttbench_core.results.comparison.effect import FASTER, SLOWER
from ttbench_core.results.comparison.key import Difference
from ttbench_core.results.history.change_points import Sensitivity, Split, find_change_points
from ttbench_core.results.history.run_series import RunPoint

__all__ = ["Change", "Segment", "changes_of"]


@dataclass(frozen=True)
class Segment:
    """Runs of a series that follow each other, without a change among them; one at least."""

    points: tuple[RunPoint, ...]

    @property
    def first(self) -> RunPoint:
        """The earliest run."""
        return self.points[0]

    @property
    def last(self) -> RunPoint:
        """The latest run."""
        return self.points[-1]

    @property
    def rate_per_s(self) -> float:
        """The geometric mean of the rates."""
        return geometric_mean(self.rates_per_s)

    @property
    def rates_per_s(self) -> list[float]:
        """The rate of each run."""
        return [point.rate_per_s for point in self.points]


@dataclass(frozen=True)
class Change:
    """A change of the rate between two segments that follow each other."""

    before: Segment
    after: Segment
    #: `faster` or `slower`.
    direction: str
    #: The rate after, as a multiple of the rate before.
    ratio: float
    #: 95 % interval of the ratio; None if a segment has one run.
    interval: Interval | None
    p_value: float
    #: What else differs between the last run before and the first run after: software, machine,
    #: commit, environment. What also varies within a segment is left out.
    differences: tuple[Difference, ...]


def changes_of(points: Sequence[RunPoint], sensitivity: Sensitivity) -> tuple[Change, ...]:
    """Return the changes of a series, in the order of time."""
    splits = find_change_points([point.rate_per_s for point in points], sensitivity)
    bounds = [0, *(split.index for split in splits), len(points)]
    segments = [Segment(tuple(points[start:end])) for start, end in pairwise(bounds)]
    return tuple(
        _change(split, *sides) for split, sides in zip(splits, pairwise(segments), strict=True)
    )


def _change(split: Split, before: Segment, after: Segment) -> Change:
    ratio = after.rate_per_s / before.rate_per_s
    return Change(
        before=before,
        after=after,
        direction=FASTER if ratio > 1 else SLOWER,
        ratio=ratio,
        interval=ratio_interval(after.rates_per_s, before.rates_per_s),
        p_value=split.contrast.p_value,
        differences=tuple(_explanations(before, after)),
    )


def _explanations(before: Segment, after: Segment) -> Iterator[Difference]:
    """Yield what differs at the change, and may explain it.

    If machines take turns, neighbouring runs differ in theirs at every place, change or not.
    """
    for one in differences_between([before.last.context], [after.first.context]):
        comes_back = any(point.context.get(one.what) == one.old for point in after.points)
        was_there = any(point.context.get(one.what) == one.new for point in before.points)
        if not comes_back and not was_there:
            yield one
