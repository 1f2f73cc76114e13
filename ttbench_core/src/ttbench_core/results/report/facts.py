"""What a report tells, as plain values: runs, configurations, environments.

Nothing here holds a whole record, so that a report of any number of runs fits in memory.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Final

from ttbench_core.record.tables.cells import Cell
from ttbench_core.results.comparison import Comparison, Key, Pair

__all__ = [
    "Change",
    "Configuration",
    "Detail",
    "Environment",
    "Finding",
    "Gathered",
    "PassTime",
    "Point",
    "Quantile",
    "Rate",
    "Run",
]

#: A unit stands in the titles of charts, which Vega-Lite makes expressions of: words alone pass.
_UNIT: Final = re.compile(r"[A-Za-z]{1,20}")


@dataclass(frozen=True)
class Environment:
    """Where runs took place, each fact by its name; equal ones are told once."""

    host: tuple[tuple[str, str], ...]
    devices: tuple[str, ...]
    versions: tuple[tuple[str, str], ...]
    #: Environment variables.
    variables: tuple[tuple[str, str], ...]


@dataclass(frozen=True)
class Finding:
    """What a rule said of a run."""

    level: str
    text: str


@dataclass(frozen=True)
class Rate:
    """Samples (or tokens) a second of the median pass."""

    per_s: float
    #: The 95 % interval; None where there is none.
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
    #: How it ran, in words.
    ran: str
    #: None where the run has no number.
    rate: Rate | None
    #: Cells of `tables.columns` by their names.
    cells: Mapping[str, Cell]
    findings: tuple[Finding, ...]
    notes: tuple[str, ...]
    error: str | None

    @property
    def unit(self) -> str:
        """What is counted: `token`, or what the model says, if that is a word; else `sample`."""
        unit = str(self.cells.get("unit"))
        return unit if self.cells.get("unit") and _UNIT.fullmatch(unit) else "sample"

    @property
    def is_doubtful(self) -> bool:
        """Whether the run says of itself that its number is not to be trusted."""
        return self.cells.get("verdict") in ("noisy", "unstable")


@dataclass(frozen=True)
class Quantile:
    """A share of the inputs took this long at most."""

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
    """The times of one run, thinned to a bounded number."""

    run: int
    started_at: str
    latency: tuple[Quantile, ...]
    #: How many latencies the quantiles are of.
    inputs: int
    passes: tuple[PassTime, ...]
    #: How many passes there were.
    pass_count: int

    @property
    def name(self) -> str:
        """What a legend calls the run."""
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
    """What became of a configuration between two groups of its runs."""

    #: What the latest runs are compared with, in words.
    since: str
    old_runs: tuple[int, ...]
    new_runs: tuple[int, ...]
    pair: Pair


@dataclass(frozen=True)
class Configuration:
    """All runs that are alike in everything that `comparison.key` names."""

    key: Key
    #: Model, configuration, and what else tells it from the others.
    label: str
    runs: int
    #: Failed or interrupted.
    failures: int
    #: The latest run that has a number.
    latest: Run | None
    last_failure: Run | None
    history: tuple[Point, ...]
    #: How many runs `history` was thinned from.
    measured: int
    details: tuple[Detail, ...]
    changes: tuple[Change, ...]


@dataclass(frozen=True)
class Gathered:
    """Everything that a report tells."""

    total: int
    failures: int
    #: The latest ones, the last first.
    runs: tuple[Run, ...]
    #: Those measured last come first.
    configurations: tuple[Configuration, ...]
    #: Configurations that were measured before these, and are not told.
    left_out: int
    environments: Mapping[int, Environment]
    #: Against `--baseline`; None where there is none, and where nothing is alike.
    comparison: Comparison | None
    #: Why nothing could be compared.
    unlike: str | None

    @property
    def failed_runs(self) -> tuple[Run, ...]:
        """Those of `runs` that did not go through."""
        return tuple(run for run in self.runs if run.status != "ok")

    def label_of(self, key: Key) -> str:
        """Give what people call a configuration."""
        labels = {one.key: one.label for one in self.configurations}
        return labels.get(key, key.title)
