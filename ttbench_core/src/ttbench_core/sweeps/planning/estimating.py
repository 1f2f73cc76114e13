"""How long a run of a cell takes, from the times of earlier records."""

from __future__ import annotations

import math
import statistics
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Final, TypeAlias

from ttbench_core.sinks.target_checks import error_reason
from ttbench_core.sinks.targets import Target
from ttbench_core.sweeps.planning.combinations import combination_of_record

__all__ = [
    "SAME",
    "SIMILAR",
    "Estimate",
    "History",
    "Kind",
    "RunTimes",
    "read_history",
    "seconds_of",
    "total_of",
]

#: Of a record of the same cell.
SAME: Final = "same"
#: Of records of the same model, configuration and backend.
SIMILAR: Final = "similar"
_NS_PER_S: Final = 1e9
#: Model, configuration, backend.
Kind: TypeAlias = tuple[str, str | None, str | None]


@dataclass(frozen=True)
class Estimate:
    """Seconds that a run, or several, will take."""

    seconds: float
    #: The shortest and the longest of earlier runs.
    low_s: float
    high_s: float
    #: `same` or `similar`: which records it is of; of a sum, `similar` if any is.
    basis: str


@dataclass(frozen=True)
class RunTimes:
    """Seconds of a run, by what a definition says of it: equal on every machine."""

    by_combination: Mapping[str, float] = field(default_factory=dict, hash=False)
    #: Where the backend of a kind is None, of all backends.
    by_kind: Mapping[Kind, float] = field(default_factory=dict, hash=False)

    def seconds(self, combination: str, kind: Kind) -> float | None:
        """Give the time of a cell, else that of its kind; None where neither is known."""
        found = self.by_combination.get(combination)
        return self.by_kind.get(kind) if found is None else found


class History:
    """The times of earlier runs.

    Args:
        records: as sinks give them back; untrusted.
    """

    def __init__(self, records: Iterable[Any] = ()) -> None:
        self._of_cell: dict[str, list[float]] = {}
        self._of_kind: dict[Kind, list[float]] = {}
        self._of_combination: dict[str, list[float]] = {}
        for record in records:
            self._add(record)

    def estimate(self, key: str, kind: Kind) -> Estimate | None:
        """Estimate a run; None where no record is like it.

        Args:
            key: of its cell.
            kind: its model, configuration and backend.
        """
        if key in self._of_cell:
            return _estimate(self._of_cell[key], SAME)
        if kind in self._of_kind:
            return _estimate(self._of_kind[kind], SIMILAR)
        return None

    def times(self) -> RunTimes:
        """Give the medians, for dealing out cells."""
        of_kind = {kind: seconds for kind, seconds in self._of_kind.items() if kind[2]}
        for (model, config, _), seconds in self._of_kind.items():
            any_backend = model, config, None
            of_kind[any_backend] = [*of_kind.get(any_backend, ()), *seconds]
        return RunTimes(_medians(self._of_combination), _medians(of_kind))

    def _add(self, record: Any) -> None:
        if not isinstance(record, Mapping) or record.get("status") != "ok":
            return
        seconds = seconds_of(record)
        if seconds is None:
            return
        sweep = _part(record, "sweep")
        key, combination = sweep.get("cell"), combination_of_record(sweep)
        if isinstance(key, str):
            self._of_cell.setdefault(key, []).append(seconds)
        if combination is not None:
            self._of_combination.setdefault(combination, []).append(seconds)
        model, args = _part(record, "model"), _part(record, "args")
        name = model.get("name") or args.get("model")
        config = model.get("config") or args.get("config")
        backend = args.get("backend") or record.get("backend")
        if isinstance(name, str) and all(
            one is None or isinstance(one, str) for one in (config, backend)
        ):
            self._of_kind.setdefault((name, config, backend), []).append(seconds)


def read_history(targets: Sequence[Target]) -> tuple[History, tuple[str, ...]]:
    """Read the times of earlier runs from where the results will go.

    Gives them, and a sentence for each target that cannot be read.
    """
    records: list[Any] = []
    notes = []
    for target in targets:
        try:
            # only what is needed: a record may have thousands of passes
            if not _is_missing(target):
                records += [_timed_part(record) for _, record in target.records()]
        except (Exception, SystemExit) as error:  # noqa: BLE001 - of a sink of others
            reason = target.hide_secrets(error_reason(error))
            notes.append(f"no times of earlier runs from {target}: {reason}")
    return History(records), tuple(notes)


def total_of(estimates: Sequence[Estimate], times: int) -> Estimate | None:
    """Add estimates up, each so many times; None for none."""
    if not estimates:
        return None
    basis = SAME if all(one.basis == SAME for one in estimates) else SIMILAR
    return Estimate(
        times * sum(one.seconds for one in estimates),
        times * sum(one.low_s for one in estimates),
        times * sum(one.high_s for one in estimates),
        basis,
    )


def _medians(found: Mapping[Any, Sequence[float]]) -> dict[Any, float]:
    return {name: statistics.median(seconds) for name, seconds in found.items()}


def _estimate(seconds: Sequence[float], basis: str) -> Estimate:
    return Estimate(statistics.median(seconds), min(seconds), max(seconds), basis)


def _is_missing(target: Target) -> bool:
    return isinstance(target.place, Path) and not target.place.exists()


def _timed_part(record: Any) -> Any:
    if not isinstance(record, Mapping):
        return None
    names = ("status", "sweep", "model", "args", "backend", "phases_ns", "processes")
    return {name: record.get(name) for name in names}


def seconds_of(record: Mapping[str, Any]) -> float | None:
    """Give how long a run took, in seconds: all phases of all its processes; None if unknown.

    Args:
        record: untrusted.
    """
    processes = record.get("processes")
    parts = processes if isinstance(processes, list) and processes else [record]
    numbers = [
        number
        for part in parts
        if isinstance(part, Mapping)
        for number in _part(part, "phases_ns").values()
        if isinstance(number, (int, float)) and not isinstance(number, bool)
    ]
    total = sum(numbers) / _NS_PER_S if numbers else 0.0
    return total if math.isfinite(total) and total > 0 else None


def _part(record: Mapping[str, Any], name: str) -> Mapping[str, Any]:
    part = record.get(name)
    return part if isinstance(part, Mapping) else {}
