"""The data of a report as plain values: runs, configurations, environments.

Nothing here holds a whole record, so that a report of any number of runs fits in memory.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass
from functools import cached_property

from ttbench_core.record.tables.cells import Cell
from ttbench_core.results.answer import Answer
from ttbench_core.results.comparison import Comparison, Key, Pair
from ttbench_core.results.comparison.context_differences import DOUBTFUL
from ttbench_core.results.history.changes import Change as HistoryChange
from ttbench_core.results.report.page_elements import plain_unit

__all__ = [
    "Change",
    "Configuration",
    "Detail",
    "Environment",
    "Finding",
    "PassTime",
    "Point",
    "Quantile",
    "Rate",
    "RateChanges",
    "ReportData",
    "Run",
]


@dataclass(frozen=True)
class Environment:
    """The environment of runs: facts by name. Equal environments are shown once."""

    host: tuple[tuple[str, str], ...]
    devices: tuple[str, ...]
    versions: tuple[tuple[str, str], ...]
    #: Environment variables.
    variables: tuple[tuple[str, str], ...]


@dataclass(frozen=True)
class Finding:
    """A finding of the verdict of a run."""

    level: str
    text: str


@dataclass(frozen=True)
class Rate:
    """Samples (or tokens) per second and the interval that it lies in."""

    per_s: float
    #: The 95 % interval; None if there is none.
    low_per_s: float | None
    high_per_s: float | None


@dataclass(frozen=True)
class Run:
    """One run, without its times."""

    #: From 1, in the order they were read.
    number: int
    key: Key
    #: Number of its `Environment`.
    environment: int
    status: str
    #: As it is recorded, or empty.
    started_at: str
    #: Milliseconds since 1970, or None.
    started_ms: float | None
    #: Conditions of the run, as text.
    ran: str
    #: None if the run has no throughput.
    rate: Rate | None
    #: Cells of `tables.columns` by their names.
    cells: Mapping[str, Cell]
    findings: tuple[Finding, ...]
    notes: tuple[str, ...]
    #: Those of a result of another tool that say what its rate is of.
    foreign_notes: tuple[str, ...]
    error: str | None

    @property
    def unit(self) -> str:
        """The unit of the model if it is a single word, such as `token`; else `sample`."""
        return plain_unit(self.cells.get("unit"))

    @property
    def is_doubtful(self) -> bool:
        """Whether the verdict of the run marks its throughput as unreliable."""
        return self.cells.get("verdict") in DOUBTFUL


@dataclass(frozen=True)
class Quantile:
    """The time that a share of the inputs took at most."""

    share: float
    ns: float


@dataclass(frozen=True)
class PassTime:
    """One pass."""

    #: From 1, over all processes.
    number: int
    process: int
    e2e_ns: float


@dataclass(frozen=True)
class Detail:
    """The times of one run, reduced to a bounded number."""

    run: int
    started_at: str
    latency: tuple[Quantile, ...]
    #: Number of latencies behind the quantiles.
    inputs: int
    passes: tuple[PassTime, ...]
    #: Number of passes of the run.
    pass_count: int

    @property
    def name(self) -> str:
        """The name of the run in a legend."""
        return f"run {self.run}"


@dataclass(frozen=True)
class Point:
    """One run in the history of its configuration."""

    run: int
    started_ms: float | None
    started_at: str
    rate: Rate
    environment: int


@dataclass(frozen=True)
class Change:
    """The change of a configuration between two groups of its runs."""

    #: What the latest runs are compared with, as text.
    since: str
    old_runs: tuple[int, ...]
    new_runs: tuple[int, ...]
    pair: Pair


@dataclass(frozen=True)
class RateChanges:
    """The change points of a configuration, in the order of time."""

    changes: tuple[HistoryChange, ...] = ()
    #: Runs that were not searched, because they are noisy or unstable.
    ignored: int = 0


@dataclass(frozen=True)
class Configuration:
    """All runs with the same key (see `comparison.key`)."""

    key: Key
    #: Model, configuration, and values that make it unique.
    label: str
    runs: int
    #: Failed or interrupted.
    failures: int
    #: The latest run that has a throughput.
    latest: Run | None
    last_failure: Run | None
    history: tuple[Point, ...]
    #: Number of runs with a throughput, of which `history` may have a part.
    measured: int
    details: tuple[Detail, ...]
    changes: tuple[Change, ...]
    rate_changes: RateChanges


@dataclass(frozen=True)
class ReportData:
    """All data of a report."""

    total: int
    failures: int
    #: The latest runs, the last first.
    runs: tuple[Run, ...]
    #: Last measured first.
    configurations: tuple[Configuration, ...]
    #: Number of earlier configurations, which are not in the report.
    left_out: int
    environments: Mapping[int, Environment]
    #: With `--baseline`; None if there is none, and if nothing is comparable.
    comparison: Comparison | None
    #: Why nothing could be compared with the baseline.
    not_comparable: str | None
    #: None if no model has more than one engine, format, level or machine.
    answer: Answer | None = None
    #: How many runs are left out because nothing compares them, in words.
    remarks: tuple[str, ...] = ()

    @property
    def failed_runs(self) -> tuple[Run, ...]:
        """Those of `runs` that failed or were interrupted."""
        return tuple(run for run in self.runs if run.status != "ok")

    def measured(self) -> list[tuple[Configuration, Run]]:
        """Return the configurations with a throughput and its run, by label: 4 before 16."""
        found = [(one, one.latest) for one in self.configurations if one.latest is not None]
        return sorted(found, key=lambda pair: _natural_order(pair[0].label))

    def label_of(self, key: Key) -> str:
        """Return the label of a configuration."""
        return self._labels.get(key, key.title)

    @cached_property
    def _labels(self) -> dict[Key, str]:
        return {one.key: one.label for one in self.configurations}


def _natural_order(label: str) -> list[tuple[bool, int, str]]:
    parts = re.split(r"([0-9]{1,15})", label)
    return [(part.isdecimal(), int(part) if part.isdecimal() else 0, part) for part in parts]
