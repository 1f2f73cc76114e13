"""The history of a configuration: its points, and which of its runs are compared."""

from __future__ import annotations

from collections import OrderedDict, deque
from collections.abc import Iterator, Sequence
from typing import Final

from ttbench_core.results.compact_run import CompactRun
from ttbench_core.results.comparison import NotComparableError, compare
from ttbench_core.results.report.report_data import Change, Point

__all__ = ["RunGroups", "ThinnedHistory"]

#: Runs per group that is compared, at most.
_MAX_GROUP: Final = 5
#: Latest environments of which runs are kept: more than one, for machines that take turns.
_MAX_ENVIRONMENTS: Final = 4
#: Points of a history that can still be told apart on a screen.
_MAX_POINTS: Final = 150


class ThinnedHistory:
    """The points of a history: all, or every second, fourth, ... and the last."""

    def __init__(self) -> None:
        self.count = 0
        self._points: list[Point] = []
        self._last: Point | None = None
        self._step = 1

    def add(self, point: Point) -> None:
        """Add the next point in time."""
        if self.count % self._step == 0:
            self._points.append(point)
        self.count += 1
        self._last = point
        if len(self._points) > _MAX_POINTS:
            self._points = self._points[::2]
            self._step *= 2

    def points(self) -> tuple[Point, ...]:
        """Return the remaining points."""
        last = [self._last] if self._last and self._last not in self._points[-1:] else []
        return (*self._points, *last)


class RunGroups:
    """The first runs of a configuration, and the latest of each of its latest environments."""

    def __init__(self) -> None:
        self._first: list[CompactRun] = []
        self._first_environment: int | None = None
        self._latest: OrderedDict[int, deque[CompactRun]] = OrderedDict()

    def add(self, run: CompactRun, environment: int) -> None:
        """Add the next run in time, which has a throughput."""
        if self._first_environment is None:
            self._first_environment = environment
        if environment == self._first_environment and len(self._first) < _MAX_GROUP:
            self._first.append(run)
        self._latest.setdefault(environment, deque(maxlen=_MAX_GROUP)).append(run)
        self._latest.move_to_end(environment)
        if len(self._latest) > _MAX_ENVIRONMENTS:
            self._latest.popitem(last=False)

    def changes(self) -> Iterator[Change]:
        """Compare the latest runs with the first, and with those of the previous environment."""
        if not self._latest:
            return
        *earlier, current = self._latest
        latest = list(self._latest[current])
        if current == self._first_environment:
            yield from _change("the first runs", *_halves(self._first, latest))
        else:
            yield from _change("the first runs", self._first, latest)
        if earlier and earlier != [self._first_environment]:
            since = "the latest runs in the environment before"
            yield from _change(since, list(self._latest[earlier[-1]]), latest)


def _halves(
    first: Sequence[CompactRun], latest: Sequence[CompactRun]
) -> tuple[Sequence[CompactRun], Sequence[CompactRun]]:
    """Split the runs in halves if a run would be on both sides."""
    if first[-1].number < latest[0].number:
        return first, latest
    runs = list({one.number: one for one in (*first, *latest)}.values())
    return runs[: len(runs) // 2], runs[len(runs) // 2 :]


def _change(since: str, old: Sequence[CompactRun], new: Sequence[CompactRun]) -> Iterator[Change]:
    if not old or not new:
        return
    try:
        compared = compare([one.result() for one in old], [one.result() for one in new])
    except NotComparableError:
        return  # no runs are comparable
    old_runs, new_runs = (tuple(one.number for one in side) for side in (old, new))
    yield from (Change(since, old_runs, new_runs, pair) for pair in compared.pairs)
