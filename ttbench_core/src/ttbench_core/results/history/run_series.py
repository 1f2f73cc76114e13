"""Runs that can be compared with each other, in the order of time, reduced to what a history needs.

Two runs are of one series if they have the same comparison key. Software, machine and commit are
not in it: these are what may explain a change.
"""

from __future__ import annotations

import math
from collections import Counter
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from typing import Final

from ttbench_core.record.result import Result
from ttbench_core.record.start_time import epoch_ms
from ttbench_core.results.comparison.context_differences import DOUBTFUL, Context, context_of
from ttbench_core.results.comparison.doubts import with_verdict
from ttbench_core.results.comparison.key import Key, key_of
from ttbench_core.results.comparison.replicates import measured_run

__all__ = [
    "CollectedSeries",
    "ContextPool",
    "RunPoint",
    "RunSeries",
    "collect_series",
    "is_doubtful",
    "point_of",
]


#: Facts that are remembered for sharing, at most.
_MAX_FACTS: Final = 100_000


@dataclass(frozen=True)
class RunPoint:
    """One run of a series."""

    #: From 1, in the order they were read.
    number: int
    run_id: str
    #: As it is recorded, or empty.
    started_at: str
    #: Milliseconds since 1970, or None.
    started_ms: float | None
    #: Samples, or what else the model counts, per second.
    rate_per_s: float
    context: Context

    @property
    def name(self) -> str:
        """The start of the run's id, or its number if it has none."""
        return self.run_id[:8] or f"run {self.number}"


@dataclass(frozen=True)
class RunSeries:
    """The runs of one comparison key that count."""

    key: Key
    #: What is counted: `sample`, or what the model says.
    unit: str
    #: In the order of time; those without a time come first, in the order they were read.
    points: tuple[RunPoint, ...]
    #: Runs that are left out because they are `noisy` or `unstable`.
    ignored: int


@dataclass(frozen=True)
class CollectedSeries:
    """All series of some results, in the order of their first records, and what is in none."""

    series: tuple[RunSeries, ...]
    #: Runs that failed, were interrupted or have no rate.
    failed: int
    #: Records of a run that had been read before.
    duplicates: int
    #: How many runs nothing compares, by the reason.
    left_out: Mapping[str, int]


class ContextPool:
    """The facts of contexts, each held once: most are the same in most runs."""

    def __init__(self) -> None:
        self._facts: dict[tuple[str, str | None], tuple[str, str | None]] = {}

    def context_of(self, result: Result) -> Context:
        """Return the context of a run, which shares its facts with others."""
        if len(self._facts) > _MAX_FACTS:
            self._facts.clear()
        context = context_of(result)
        facts = tuple(self._facts.setdefault(fact, fact) for fact in context.facts)
        return Context(facts, is_complete=context.is_complete)


@dataclass
class _Growing:
    unit: str = "sample"
    points: list[RunPoint] = field(default_factory=list)
    ignored: int = 0


def collect_series(results: Iterable[Result], *, all_points: bool = False) -> CollectedSeries:
    """Sort the runs of results into series.

    Args:
        results: read once.
        all_points: count doubtful runs, too.
    """
    growing: dict[Key, _Growing] = {}
    seen: set[str] = set()
    contexts = ContextPool()
    left_out: Counter[str] = Counter()
    failed = duplicates = 0
    for number, result in enumerate(results, 1):
        run = measured_run(result)
        if run and run in seen:
            duplicates += 1
            continue
        seen.add(run)
        if (reason := result.incomparable_reason) is not None:
            left_out[reason] += 1
            continue
        if not _has_rate(result):
            failed += 1
            continue
        one = growing.setdefault(key_of(result), _Growing())
        one.unit = str(result.model.get("unit") or "sample")
        if not all_points and is_doubtful(result):
            one.ignored += 1
            continue
        one.points.append(point_of(number, result, contexts.context_of(result)))
    series = [_in_order(key, one) for key, one in growing.items()]
    return CollectedSeries(tuple(series), failed, duplicates, left_out)


def point_of(number: int, result: Result, context: Context) -> RunPoint:
    """Return the point of a run that has a rate."""
    return RunPoint(
        number=number,
        run_id=result.run_id,
        started_at=str(result.started_at),
        started_ms=epoch_ms(result.started_at),
        rate_per_s=float(result.samples_per_sec or 0),
        context=context,
    )


def is_doubtful(result: Result) -> bool:
    """Return whether the verdict of a run says that its rate is not reliable."""
    return (with_verdict(result).verdict or {}).get("verdict") in DOUBTFUL


def _has_rate(result: Result) -> bool:
    rate = result.samples_per_sec
    return result.ok and rate is not None and math.isfinite(rate) and rate > 0


def _in_order(key: Key, one: _Growing) -> RunSeries:
    points = sorted(one.points, key=_place_in_time)
    return RunSeries(key, one.unit, tuple(points), one.ignored)


def _place_in_time(point: RunPoint) -> tuple[bool, float]:
    return point.started_ms is not None, point.started_ms or 0.0
