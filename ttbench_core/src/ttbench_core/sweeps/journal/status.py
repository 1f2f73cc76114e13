"""How far a sweep is, as its targets tell on any machine: also on one that runs none of it.

A record is of a cell if it has its key or, because keys differ between machines, if it was
measured by the same definition and has the same combination.
"""

from __future__ import annotations

import time
from collections import Counter
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import Final

from ttbench_core.record.result import Result
from ttbench_core.sinks.target_checks import error_reason
from ttbench_core.sinks.targets import Target
from ttbench_core.sweeps.journal.heartbeats import (
    LOST_S,
    Heartbeat,
    heartbeats_of,
    keeps_heartbeats,
)
from ttbench_core.sweeps.journal.journal import ROW_ORDER, row_of, stored_results
from ttbench_core.sweeps.planning.cell import Cell
from ttbench_core.sweeps.planning.combinations import combination_of, combinations_of_record
from ttbench_core.sweeps.planning.plan import Plan

__all__ = ["STATES", "CellState", "Driver", "SweepStatus", "status_of"]

STATES: Final = ("done", "running", "failed", "refused", "missing")
_OF_ROWS: Final = {"ok": "done", "failed": "failed", "refused": "refused"}


@dataclass(frozen=True)
class CellState:
    """A cell in a round."""

    label: str
    round: int
    #: One of `STATES`.
    state: str
    #: Why it failed or was refused.
    reason: str | None = None
    #: Where its record was measured; None where it has none.
    host: str | None = None
    shard: str | None = None


@dataclass(frozen=True)
class Driver:
    """A process that runs the sweep, as it said last."""

    beat: Heartbeat
    #: Seconds since then.
    age_s: float

    @property
    def is_lost(self) -> bool:
        """Whether it has said nothing for too long: what it ran counts as missing."""
        return self.age_s > LOST_S


@dataclass(frozen=True)
class SweepStatus:
    """The state of every cell in every round, and who runs them."""

    plan: Plan
    cells: tuple[CellState, ...]
    drivers: tuple[Driver, ...] = ()
    notes: tuple[str, ...] = ()

    @property
    def counts(self) -> dict[str, int]:
        """How many cells of all rounds have each of `STATES`."""
        found = Counter(one.state for one in self.cells)
        return {state: found[state] for state in STATES}

    def counts_by(self, name: str) -> dict[str, dict[str, int]]:
        """Give how many cells have each state, by the `host` or the `shard` of their records."""
        found: dict[str, Counter[str]] = {}
        for one in self.cells:
            if (value := getattr(one, name)) is not None:
                found.setdefault(value, Counter())[one.state] += 1
        return {value: dict(found[value]) for value in sorted(found)}

    @property
    def is_complete(self) -> bool:
        """Whether every cell has a number, or is refused."""
        return all(one.state in ("done", "refused") for one in self.cells)


@dataclass
class _Rows:
    """The record that counts of each cell and round, by key and by combination."""

    by_key: dict[tuple[str, int], _Row] = field(default_factory=dict)
    by_combination: dict[tuple[str, int], _Row] = field(default_factory=dict)


@dataclass(frozen=True)
class _Row:
    status: str
    reason: str | None
    host: str
    shard: str | None


def status_of(plan: Plan, targets: Sequence[Target], notes: Sequence[str] = ()) -> SweepStatus:
    """Read what targets say of a sweep; runs nothing, and writes nothing.

    Args:
        plan: of the sweep, on this machine.
        targets: all of them, also those of other shards.
        notes: sentences to begin with.

    Raises `ResultsFileError` for a target that cannot be read.
    """
    rows, said = _Rows(), [*notes]
    drivers: dict[tuple[str, int], Driver] = {}
    for target in targets:
        if not hasattr(target.open, "records"):
            said.append(f"{target} cannot be read back: what only it holds is not counted")
            continue
        for result in stored_results(target, plan.sweep.name):
            _add(rows, plan, result)
        said += _hear(drivers, plan, target)
    known = _without_old(drivers.values())
    found = SweepStatus(plan, tuple(_states(plan, rows, known)), known, tuple(said))
    if not found.is_complete:
        return found
    # whoever was lost has been replaced
    return replace(found, drivers=tuple(one for one in known if not one.is_lost))


def _add(rows: _Rows, plan: Plan, result: Result) -> None:
    found, sweep = row_of(result), result.sweep or {}
    shard = sweep.get("shard")
    row = _Row(
        found.status,
        result.error,
        result.machine_name,
        shard if isinstance(shard, str) else None,
    )
    _keep_best(rows.by_key, (found.cell, found.round), row)
    if found.identity == plan.identity:
        for combination in combinations_of_record(sweep):
            _keep_best(rows.by_combination, (combination, found.round), row)


def _keep_best(rows: dict[tuple[str, int], _Row], place: tuple[str, int], row: _Row) -> None:
    known = rows.get(place)
    if known is None or ROW_ORDER.index(row.status) >= ROW_ORDER.index(known.status):
        rows[place] = row


def _best(*rows: _Row | None) -> _Row | None:
    """Give the row that counts most, the first of equal ones; None where there is none."""
    known = [one for one in rows if one is not None]
    return max(known, key=lambda one: ROW_ORDER.index(one.status), default=None)


def _hear(drivers: dict[tuple[str, int], Driver], plan: Plan, target: Target) -> Iterator[str]:
    """Add the drivers that a target knows; yield why it tells of none."""
    if not keeps_heartbeats(target):
        yield f"{target} keeps no heartbeats: what runs now is not known from it"
        return
    try:
        found = heartbeats_of(target, plan.sweep.name)
    except (Exception, SystemExit) as error:  # noqa: BLE001 - of a sink of others
        reason = target.hide_secrets(error_reason(error))
        yield f"{target}: what runs now cannot be read from it: {reason}"
        return
    for _, beat in found:
        driver = Driver(beat, max(0.0, time.time() - beat.time_s))
        known = drivers.get((beat.host, beat.pid))
        if known is None or driver.age_s < known.age_s:
            drivers[beat.host, beat.pid] = driver


def _without_old(drivers: Iterable[Driver]) -> tuple[Driver, ...]:
    """Leave out a lost driver whose shard another one has taken over."""
    latest = sorted(drivers, key=lambda one: one.age_s)
    alive = {one.beat.shard for one in latest if not one.is_lost}
    return tuple(one for one in latest if not one.is_lost or one.beat.shard not in alive)


def _states(plan: Plan, rows: _Rows, drivers: Sequence[Driver]) -> Iterator[CellState]:
    running = Counter(
        cell.combination
        for one in drivers
        if not one.is_lost and one.beat.identity == plan.identity
        for cell in one.beat.running
    )
    for cell in plan.cells:
        yield from _of_cell(cell, plan.sweep.rounds, rows, running)


def _of_cell(
    cell: Cell, rounds: int, rows: _Rows, running: Mapping[str, int]
) -> Iterator[CellState]:
    """Yield the rounds of a cell; those after a failure are left out, as the sweep does."""
    name = combination_of(cell.settings, cell.scenario, cell.label)
    left, has_ended = running.get(name, 0), False
    for number in range(1, rounds + 1):
        row = _best(rows.by_key.get((cell.key, number)), rows.by_combination.get((name, number)))
        state = _OF_ROWS.get(row.status) if row is not None else None
        if row is not None and state is not None:
            has_ended = has_ended or state != "done"
            reason = None if state == "done" else row.reason
            yield CellState(cell.label, number, state, reason, row.host, row.shard)
        elif not has_ended:
            yield CellState(cell.label, number, "running" if left > 0 else "missing")
            left -= 1
