"""One pass over results of any number, with what a report tells of them in bounded memory."""

from __future__ import annotations

from collections import Counter, OrderedDict, deque
from collections.abc import Iterable, Mapping
from typing import Final

from ttbench_core.record.result import Result
from ttbench_core.results.comparison import Comparison, Key, UnlikeError, compare
from ttbench_core.results.comparison.key import key_of, labels_of
from ttbench_core.results.report.extracting import (
    environment_of,
    passes_of,
    quantiles_of,
    run_of,
    tamed,
)
from ttbench_core.results.report.facts import (
    Configuration,
    Detail,
    Environment,
    Gathered,
    Point,
    Run,
)
from ttbench_core.results.report.history import Groups, Kept, Thinned
from ttbench_core.results.report.view import brief

__all__ = ["MOST_CONFIGURATIONS", "MOST_RUNS", "gather"]

#: Runs that are told one by one.
MOST_RUNS: Final = 200
#: Configurations that are told; of more, those measured last.
MOST_CONFIGURATIONS: Final = 200
#: Runs of a configuration whose times are drawn.
_DETAILED: Final = 3
#: Runs of a configuration that are compared with the baseline's.
_COMPARED: Final = 20
#: Environments that are told from each other; far more than a page shows.
_MOST_ENVIRONMENTS: Final = 1000


def gather(results: Iterable[Result], baseline: Iterable[Result] | None = None) -> Gathered:
    """Take in results in the order of time.

    Args:
        results: what the report is of; each is forgotten once its facts are taken.
        baseline: what they are compared with, if with anything.
    """
    gathering, old, new = _Gathering(), _Compared(), _Compared()
    for number, result in enumerate(map(tamed, results), 1):
        gathering.add(number, result)
        if baseline is not None:
            new.add(number, result)
    if baseline is None:
        return gathering.gathered(None, None)
    for number, result in enumerate(map(tamed, baseline), 1):
        old.add(number, result)
    try:
        compared = compare(old.results(), new.results())
    except UnlikeError as error:
        return gathering.gathered(None, str(error))
    return gathering.gathered(compared, None)


class _Compared:
    """The latest runs of every configuration, for a comparison."""

    def __init__(self) -> None:
        self._kept: OrderedDict[Key, deque[Kept]] = OrderedDict()

    def add(self, number: int, result: Result) -> None:
        key = key_of(result)
        self._kept.setdefault(key, deque(maxlen=_COMPARED)).append(Kept.of(number, result))
        self._kept.move_to_end(key)
        if len(self._kept) > MOST_CONFIGURATIONS:
            self._kept.popitem(last=False)

    def results(self) -> list[Result]:
        """Give them in the order they came in."""
        kept = [one for group in self._kept.values() for one in group]
        return [one.result() for one in sorted(kept, key=lambda one: one.number)]


class _Environments:
    """Numbers of environments, from 1 in the order they are met."""

    def __init__(self) -> None:
        self._numbers: OrderedDict[Environment, int] = OrderedDict()
        self._met = 0

    def number_of(self, environment: Environment) -> int:
        if environment not in self._numbers:
            self._met += 1
            self._numbers[environment] = self._met
        self._numbers.move_to_end(environment)
        if len(self._numbers) > _MOST_ENVIRONMENTS:
            self._numbers.popitem(last=False)
        return self._numbers[environment]

    def of(self, numbers: Iterable[int]) -> Mapping[int, Environment]:
        known = {number: environment for environment, number in self._numbers.items()}
        return {number: known[number] for number in sorted(set(numbers)) if number in known}


class _Series:
    """The runs of one configuration, summed up."""

    def __init__(self) -> None:
        self.statuses: Counter[bool] = Counter()
        self.latest: Run | None = None
        self.last_failure: Run | None = None
        self._history = Thinned()
        self._groups = Groups()
        self._details: deque[Detail] = deque(maxlen=_DETAILED)

    def add(self, run: Run, result: Result) -> None:
        self.statuses[run.status == "ok"] += 1
        if run.status != "ok":
            self.last_failure = run
        if run.rate is None:
            return
        self.latest = run
        self._history.add(
            Point(run.number, run.started_ms, run.started_at, run.rate, run.environment)
        )
        self._groups.add(Kept.of(run.number, result), run.environment)
        quantiles, inputs = quantiles_of(result)
        passes = passes_of(result)
        self._details.append(
            Detail(run.number, run.started_at, quantiles, inputs, passes, len(result.passes))
        )

    def adopt(self, failed: _Series) -> None:
        """Take in the runs that failed before they knew that they were of this configuration."""
        self.statuses += failed.statuses
        mine, theirs = self.last_failure, failed.last_failure
        if theirs and (mine is None or mine.number < theirs.number):
            self.last_failure = theirs

    def told(self, key: Key, label: str) -> Configuration:
        return Configuration(
            key=key,
            label=label,
            runs=self.statuses.total(),
            failures=self.statuses[False],
            latest=self.latest,
            last_failure=self.last_failure,
            history=self._history.points(),
            measured=self._history.count,
            details=tuple(self._details),
            changes=tuple(self._groups.changes()),
        )


class _Gathering:
    """What was taken in so far."""

    def __init__(self) -> None:
        self._total = self._failures = 0
        self._runs: deque[Run] = deque(maxlen=MOST_RUNS)
        self._environments = _Environments()
        self._series: OrderedDict[Key, _Series] = OrderedDict()
        self._left_out = 0

    def add(self, number: int, result: Result) -> None:
        environment = self._environments.number_of(environment_of(result))
        run = run_of(number, result, environment)
        self._total += 1
        self._failures += run.status != "ok"
        self._runs.append(run)
        self._series.setdefault(run.key, _Series()).add(run, result)
        self._series.move_to_end(run.key)
        if len(self._series) > MOST_CONFIGURATIONS:
            self._series.popitem(last=False)
            self._left_out += 1

    def gathered(self, comparison: Comparison | None, unlike: str | None) -> Gathered:
        series = _with_failures_adopted(self._series)
        labels = labels_of({key: key.title for key in series})
        told = [series[key].told(key, brief(labels[key])) for key in reversed(series)]
        runs = tuple(reversed(self._runs))
        return Gathered(
            total=self._total,
            failures=self._failures,
            runs=runs,
            configurations=tuple(told),
            left_out=self._left_out,
            environments=self._environments.of(run.environment for run in runs),
            comparison=comparison,
            unlike=unlike,
        )


def _with_failures_adopted(series: Mapping[Key, _Series]) -> dict[Key, _Series]:
    """Count runs that failed before their sizes were known with those they would have been."""
    measured = {key: one for key, one in series.items() if one.latest is not None}
    kept = {}
    for key, one in series.items():
        home = next((good for good in measured if key.may_be(good)), None)
        if one.latest is None and home is not None:
            measured[home].adopt(one)
        else:
            kept[key] = one
    return kept
