"""Collecting the data of a report in one pass over any number of results, in bounded memory."""

from __future__ import annotations

from collections import Counter, OrderedDict, deque
from collections.abc import Iterable, Iterator, Mapping
from typing import Final

from ttbench_core.record.comparability import left_out_texts
from ttbench_core.record.result import Result
from ttbench_core.results.answer import Answer, AnswerOptions, Gatherer, answer_of
from ttbench_core.results.compact_run import CompactRun
from ttbench_core.results.comparison import Comparison, Key, NotComparableError, compare
from ttbench_core.results.comparison.key import key_of, unique_labels
from ttbench_core.results.history.run_series import ContextPool
from ttbench_core.results.report.change_points import SearchedRuns
from ttbench_core.results.report.extracting import (
    environment_of,
    passes_of,
    quantiles_of,
    run_of,
    sanitize,
)
from ttbench_core.results.report.history import RunGroups, ThinnedHistory
from ttbench_core.results.report.page_elements import shorten_label
from ttbench_core.results.report.report_data import (
    Configuration,
    Detail,
    Environment,
    Point,
    ReportData,
    Run,
)

__all__ = ["MAX_CONFIGURATIONS", "MAX_RUNS", "collect"]

#: Runs that are listed one by one.
MAX_RUNS: Final = 200
#: Configurations in a report; of more, those measured last.
MAX_CONFIGURATIONS: Final = 200
#: Runs of a configuration whose times are drawn.
_MAX_DETAILED_RUNS: Final = 3
#: Runs of a configuration that are compared with the baseline's.
_MAX_COMPARED_RUNS: Final = 20
#: Environments that are numbered; far more than a page shows.
_MAX_ENVIRONMENTS: Final = 1000


def collect(
    results: Iterable[Result],
    baseline: Iterable[Result] | None = None,
    asked: AnswerOptions | None = None,
) -> ReportData:
    """Collect the data of results, which are in the order of time.

    Args:
        results: the results of the report; none is kept in memory.
        baseline: results to compare with.
        asked: what is asked of the answer, if that is not the usual.

    Raises `OptionError` if nothing matches what is asked.
    """
    collector, gatherer, new = _Collector(), Gatherer(), _ComparedRuns()
    left_out: Counter[str] = Counter()
    for number, result in enumerate(map(sanitize, _comparable(results, left_out)), 1):
        collector.add(number, result)
        gatherer.add(number, result)
        if baseline is not None:
            new.add(number, result)
    collector.remarks.extend(left_out_texts(left_out))
    answer = answer_of(gatherer.gathering(), asked or AnswerOptions())
    if baseline is None:
        return collector.report_data(None, None, answer)
    old = _ComparedRuns()
    left_out.clear()
    for number, result in enumerate(map(sanitize, _comparable(baseline, left_out)), 1):
        old.add(number, result)
    collector.remarks.extend(f"baseline: {one}" for one in left_out_texts(left_out))
    try:
        compared = compare(old.results(), new.results())
    except NotComparableError as error:
        return collector.report_data(None, str(error), answer)
    return collector.report_data(compared, None, answer)


def _comparable(results: Iterable[Result], left_out: Counter[str]) -> Iterator[Result]:
    """Leave out runs that nothing compares, and count them: a report is about numbers."""
    for one in results:
        if (reason := one.incomparable_reason) is None:
            yield one
        else:
            left_out[reason] += 1


class _ComparedRuns:
    """The latest runs of every configuration, for a comparison."""

    def __init__(self) -> None:
        self._kept: OrderedDict[Key, deque[CompactRun]] = OrderedDict()

    def add(self, number: int, result: Result) -> None:
        key = key_of(result)
        self._kept.setdefault(key, deque(maxlen=_MAX_COMPARED_RUNS)).append(
            CompactRun.of(number, result)
        )
        self._kept.move_to_end(key)
        if len(self._kept) > MAX_CONFIGURATIONS:
            self._kept.popitem(last=False)

    def results(self) -> list[Result]:
        """Return the runs as results, in the order in which they were added."""
        kept = [one for group in self._kept.values() for one in group]
        return [one.result() for one in sorted(kept, key=lambda one: one.number)]


class _Environments:
    """Numbers of environments, from 1 in order of appearance."""

    def __init__(self) -> None:
        self._numbers: OrderedDict[Environment, int] = OrderedDict()
        self._count = 0

    def number_of(self, environment: Environment) -> int:
        if environment not in self._numbers:
            self._count += 1
            self._numbers[environment] = self._count
        self._numbers.move_to_end(environment)
        if len(self._numbers) > _MAX_ENVIRONMENTS:
            self._numbers.popitem(last=False)
        return self._numbers[environment]

    def by_number(self, numbers: Iterable[int]) -> Mapping[int, Environment]:
        known = {number: environment for environment, number in self._numbers.items()}
        return {number: known[number] for number in sorted(set(numbers)) if number in known}


class _Runs:
    """The runs of one configuration, summarized."""

    def __init__(self, contexts: ContextPool) -> None:
        self.counts_by_success: Counter[bool] = Counter()
        self.latest: Run | None = None
        self.last_failure: Run | None = None
        self._history = ThinnedHistory()
        self._groups = RunGroups()
        self._searched = SearchedRuns(contexts)
        self._details: deque[Detail] = deque(maxlen=_MAX_DETAILED_RUNS)

    def add(self, run: Run, result: Result) -> None:
        self.counts_by_success[run.status == "ok"] += 1
        if run.status != "ok":
            self.last_failure = run
        if run.rate is None:
            return
        self.latest = run
        self._history.add(
            Point(run.number, run.started_ms, run.started_at, run.rate, run.environment)
        )
        self._groups.add(CompactRun.of(run.number, result), run.environment)
        self._searched.add(run.number, result)
        quantiles, inputs = quantiles_of(result)
        passes = passes_of(result)
        self._details.append(
            Detail(run.number, run.started_at, quantiles, inputs, passes, len(result.passes))
        )

    def add_failed(self, failed: _Runs) -> None:
        """Add runs of this configuration that failed before their sizes were known."""
        self.counts_by_success += failed.counts_by_success
        last, other = self.last_failure, failed.last_failure
        if other and (last is None or last.number < other.number):
            self.last_failure = other

    def summary(self, key: Key, label: str) -> Configuration:
        return Configuration(
            key=key,
            label=label,
            runs=self.counts_by_success.total(),
            failures=self.counts_by_success[False],
            latest=self.latest,
            last_failure=self.last_failure,
            history=self._history.points(),
            measured=self._history.count,
            details=tuple(self._details),
            changes=tuple(self._groups.changes()),
            rate_changes=self._searched.found(),
        )


class _Collector:
    """The data that was collected so far."""

    def __init__(self) -> None:
        self._total = self._failures = 0
        self._runs: deque[Run] = deque(maxlen=MAX_RUNS)
        self._environments = _Environments()
        self._contexts = ContextPool()
        self._runs_by_key: OrderedDict[Key, _Runs] = OrderedDict()
        self._left_out = 0
        #: What is not in the report, in words.
        self.remarks: list[str] = []

    def add(self, number: int, result: Result) -> None:
        environment = self._environments.number_of(environment_of(result))
        run = run_of(number, result, environment)
        self._total += 1
        self._failures += run.status != "ok"
        self._runs.append(run)
        self._runs_by_key.setdefault(run.key, _Runs(self._contexts)).add(run, result)
        self._runs_by_key.move_to_end(run.key)
        if len(self._runs_by_key) > MAX_CONFIGURATIONS:
            self._runs_by_key.popitem(last=False)
            self._left_out += 1

    def report_data(
        self, comparison: Comparison | None, not_comparable: str | None, answer: Answer | None
    ) -> ReportData:
        by_key = _with_failures_assigned(self._runs_by_key)
        labels = unique_labels({key: key.title for key in by_key})
        configurations = [
            by_key[key].summary(key, shorten_label(labels[key])) for key in reversed(by_key)
        ]
        runs = tuple(reversed(self._runs))
        return ReportData(
            total=self._total,
            failures=self._failures,
            runs=runs,
            configurations=tuple(configurations),
            left_out=self._left_out,
            environments=self._environments.by_number(run.environment for run in runs),
            comparison=comparison,
            not_comparable=not_comparable,
            answer=answer,
            remarks=tuple(self.remarks),
        )


def _with_failures_assigned(
    runs_by_key: Mapping[Key, _Runs],
) -> dict[Key, _Runs]:
    """Assign runs that failed before their sizes were known to a configuration that they match."""
    measured = {key: one for key, one in runs_by_key.items() if one.latest is not None}
    kept = {}
    for key, one in runs_by_key.items():
        match = next((other for other in measured if key.may_match(other)), None)
        if one.latest is None and match is not None:
            measured[match].add_failed(one)
        else:
            kept[key] = one
    return kept
