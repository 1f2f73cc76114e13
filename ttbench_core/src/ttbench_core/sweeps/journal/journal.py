"""What the targets of a sweep already hold of it: the results are the journal."""

from __future__ import annotations

import math
import os
from collections.abc import Collection, Iterable, Iterator, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Final

from ttbench_core.errors import NoResultsYetError, ResultsFileError
from ttbench_core.record.record_checks import result_of
from ttbench_core.record.result import Result
from ttbench_core.sinks.storing import store_result
from ttbench_core.sinks.target_checks import error_reason
from ttbench_core.sinks.targets import Target
from ttbench_core.sweeps.planning.estimating import seconds_of

__all__ = [
    "ROW_ORDER",
    "Journal",
    "JournalRow",
    "is_plausible",
    "read_journal",
    "row_of",
    "stored_results",
]

#: What counts most of several rows of one cell and round.
ROW_ORDER: Final = ("interrupted", "failed", "refused", "ok")


@dataclass(frozen=True)
class JournalRow:
    """A record of a sweep, as far as the sweep needs it."""

    run_id: str
    cell: str
    round: int
    #: `ok` for a plausible number alone; else `failed`, `refused`, `interrupted`.
    status: str
    #: Identity of the definition that it was measured by.
    identity: str
    label: str
    #: How long it took; None where the record does not say.
    seconds: float | None
    outputs_are_right: bool = True


@dataclass(frozen=True)
class Journal:
    """The rows of one sweep, by cell and round."""

    rows: dict[tuple[str, int], JournalRow] = field(default_factory=dict)
    #: Targets that cannot be read back, so that nothing is known of them.
    unreadable: tuple[str, ...] = ()

    def status(self, cell: str, number: int) -> str | None:
        """Give what is known of a cell in a round; None for nothing."""
        row = self.rows.get((cell, number))
        return None if row is None else row.status

    def ended_cells(self) -> set[str]:
        """Give the keys of the cells that have a row, and not of an interruption alone."""
        return {cell for (cell, _), row in self.rows.items() if row.status != "interrupted"}

    def identities(self) -> set[str]:
        """Give the identities of the definitions that rows were measured by."""
        return {row.identity for row in self.rows.values()}

    def wrong_labels(self, cells: Collection[str]) -> list[str]:
        """Give the labels of those of some cells whose outputs were wrong, each once."""
        found = {
            row.label: None
            for row in self.rows.values()
            if row.cell in cells and row.status == "ok" and not row.outputs_are_right
        }
        return list(found)

    def seconds_by_cell(self) -> dict[str, list[float]]:
        """Give how long each cell took, each time that it gave a number."""
        found: dict[str, list[float]] = {}
        for row in self.rows.values():
            if row.status == "ok" and row.seconds is not None:
                found.setdefault(row.cell, []).append(row.seconds)
        return found


def read_journal(
    targets: Sequence[Target],
    name: str,
    others: Sequence[Target] = (),
    own: Collection[str] | None = None,
) -> Journal:
    """Read what targets hold of a sweep, and complete those that lack a row of another.

    A row that is in one target and not in another, because the sweep was killed between the two,
    is copied there: nothing is measured twice for it.

    Args:
        targets: checked targets; one that holds nothing yet is empty.
        name: of the sweep.
        others: targets of other shards, which are read alone.
        own: keys of the cells whose rows are copied; None is all. Another shard, or another
            machine, may be between two targets with one of its own.

    Raises `ResultsFileError` for a target that cannot be read, and `ResultNotStoredError`.
    """
    found: dict[str, JournalRow] = {}
    held: list[tuple[Target, set[str]]] = []
    unreadable = []
    for target in targets:
        if not hasattr(target.open, "records"):
            unreadable.append(str(target))
            continue
        rows = {row.run_id: row for row in map(row_of, stored_results(target, name))}
        held.append((target, set(rows)))
        found.update(rows)
    copied = {run_id for run_id, row in found.items() if own is None or row.cell in own}
    for target, ids in held:
        if missing := copied - ids:
            _copy(missing, [one for one, _ in held if one is not target], target, name)
    for target in others:
        if hasattr(target.open, "records"):
            found.update({row.run_id: row for row in map(row_of, stored_results(target, name))})
    return Journal(_best(found.values()), tuple(unreadable))


def is_plausible(result: Result) -> bool:
    """Return whether a record is a measurement: outputs came, and its rate is a finite number."""
    rate, samples = result.samples_per_sec, result.total_samples
    return (
        result.ok
        and rate is not None
        and math.isfinite(rate)
        and rate > 0
        and samples is not None
        and samples > 0
    )


def stored_results(target: Target, name: str) -> Iterator[Result]:
    """Yield the results of a sweep that a target holds; none where there is nothing yet.

    Raises `ResultsFileError`.
    """
    if isinstance(target.place, Path) and not os.path.lexists(target.place):
        return
    try:
        for where, record in target.records():
            if _sweep_name(record) == name:
                yield result_of(target.hide_secrets(where), record)
    except NoResultsYetError:
        return
    except ResultsFileError as error:
        raise ResultsFileError(
            f"cannot read {target}: {target.hide_secrets(str(error))}"
        ) from error
    except Exception as error:
        reason = target.hide_secrets(error_reason(error))
        raise ResultsFileError(f"cannot read {target}: {reason}") from error


def _sweep_name(record: Any) -> object:
    sweep = record.get("sweep") if isinstance(record, dict) else None
    return sweep.get("name") if isinstance(sweep, dict) else None


def row_of(result: Result) -> JournalRow:
    """Give the row of a record of a sweep; any value of it may be odd."""
    sweep = result.sweep or {}
    number = sweep.get("round")
    status = result.status if not result.ok or is_plausible(result) else "failed"
    if result.is_lost:
        status = "interrupted"  # with its machine: it says nothing about the cell
    return JournalRow(
        run_id=result.run_id,
        cell=str(sweep.get("cell")),
        round=number if isinstance(number, int) else 0,
        status=status if status in ROW_ORDER else "failed",
        identity=str(sweep.get("identity")),
        label=str(sweep.get("label")),
        seconds=seconds_of(vars(result)),
        outputs_are_right=result.outputs_are_right,
    )


def _copy(missing: set[str], sources: Iterable[Target], target: Target, name: str) -> None:
    for source in sources:
        for result in stored_results(source, name):
            if result.run_id in missing:
                missing.discard(result.run_id)
                store_result(result, target)


def _best(rows: Iterable[JournalRow]) -> dict[tuple[str, int], JournalRow]:
    """Keep one row of each cell and round: one with a number counts more than any other."""
    found: dict[tuple[str, int], JournalRow] = {}
    for row in rows:
        known = found.get((row.cell, row.round))
        if known is None or ROW_ORDER.index(row.status) >= ROW_ORDER.index(known.status):
            found[row.cell, row.round] = row
    return found
