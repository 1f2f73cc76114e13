"""What became of a configuration over time: which of its runs are compared with which."""

from __future__ import annotations

from array import array
from collections import OrderedDict, deque
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from typing import Final

from ttbench_core.record.result import Result
from ttbench_core.results.comparison import UnlikeError, compare
from ttbench_core.results.report.facts import Change, Point

__all__ = ["Groups", "Kept", "Thinned"]

#: Runs that stand for a configuration in one environment, at most.
_GROUP: Final = 5
#: Environments that a configuration is remembered in: with two machines that take turns, both.
_ENVIRONMENTS: Final = 4
#: Points of a history that a screen can tell from each other.
_MOST_POINTS: Final = 150


@dataclass(frozen=True)
class Kept:
    """A run, as far as comparing needs it: of its times, those of whole passes."""

    number: int
    _rest: Result
    _e2e_ns: array[float]
    _processes: array[int]

    @classmethod
    def of(cls, number: int, result: Result) -> Kept:
        """Keep what comparing needs of a result, in little memory."""
        rest = replace(
            result,
            passes=(),
            partial_pass=None,
            processes=(),
            warmup=None,
            requested={"threads": result.requested.get("threads")},
            verdict={"verdict": (result.verdict or {}).get("verdict")},
            latency=None,
            output_interval=None,
            host_during=None,
        )
        times = array("d", (float(one["e2e_ns"]) for one in result.passes))
        processes = array("q", (int(one.get("process") or 0) for one in result.passes))
        return cls(number, rest, times, processes)

    def result(self) -> Result:
        """Give it back as a result that can be compared."""
        pairs = zip(self._e2e_ns, self._processes, strict=True)
        passes = tuple({"e2e_ns": e2e_ns, "process": process} for e2e_ns, process in pairs)
        return replace(self._rest, passes=passes)


class Thinned:
    """The points of a history: every one, or every second, fourth, ... and the last."""

    def __init__(self) -> None:
        self.count = 0
        self._points: list[Point] = []
        self._last: Point | None = None
        self._step = 1

    def add(self, point: Point) -> None:
        """Take the next point in time."""
        if self.count % self._step == 0:
            self._points.append(point)
        self.count += 1
        self._last = point
        if len(self._points) > _MOST_POINTS:
            self._points = self._points[::2]
            self._step *= 2

    def points(self) -> tuple[Point, ...]:
        """Give those that were kept."""
        last = [self._last] if self._last and self._last not in self._points[-1:] else []
        return (*self._points, *last)


class Groups:
    """The first runs of a configuration, and the latest of each of its latest environments."""

    def __init__(self) -> None:
        self._first: list[Kept] = []
        self._first_environment: int | None = None
        self._latest: OrderedDict[int, deque[Kept]] = OrderedDict()

    def add(self, run: Kept, environment: int) -> None:
        """Take the next run in time that has a number."""
        if self._first_environment is None:
            self._first_environment = environment
        if environment == self._first_environment and len(self._first) < _GROUP:
            self._first.append(run)
        self._latest.setdefault(environment, deque(maxlen=_GROUP)).append(run)
        self._latest.move_to_end(environment)
        if len(self._latest) > _ENVIRONMENTS:
            self._latest.popitem(last=False)

    def changes(self) -> Iterator[Change]:
        """Compare the latest runs with the first, and with those of the environment before."""
        if not self._latest:
            return
        *before, now = self._latest
        latest = list(self._latest[now])
        if now == self._first_environment:
            yield from _change("the first runs", *_halves(self._first, latest))
        else:
            yield from _change("the first runs", self._first, latest)
        if before and not (before[-1] == self._first_environment and len(before) == 1):
            since = "the latest runs in the environment before"
            yield from _change(since, list(self._latest[before[-1]]), latest)


def _halves(first: Sequence[Kept], latest: Sequence[Kept]) -> tuple[Sequence[Kept], Sequence[Kept]]:
    """Let no run stand on both sides: few runs in one environment are halved."""
    if first[-1].number < latest[0].number:
        return first, latest
    every = list({one.number: one for one in (*first, *latest)}.values())
    return every[: len(every) // 2], every[len(every) // 2 :]


def _change(since: str, old: Sequence[Kept], new: Sequence[Kept]) -> Iterator[Change]:
    if not old or not new:
        return
    try:
        compared = compare([one.result() for one in old], [one.result() for one in new])
    except UnlikeError:
        return  # none has a number that can be compared
    old_runs, new_runs = (tuple(one.number for one in side) for side in (old, new))
    yield from (Change(since, old_runs, new_runs, pair) for pair in compared.pairs)
