"""Differences between two sides besides their key, and notes for the reader of a pair."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Final

from ttbench_core.record.foreign_formats import foreign_notes
from ttbench_core.record.result import Result
from ttbench_core.results.comparison.key import Difference
from ttbench_core.results.comparison.pairing import NEW, OLD, Match, Side
from ttbench_core.results.comparison.replicates import measured_run

__all__ = [
    "DOUBTFUL",
    "Context",
    "commit_text",
    "context_differences",
    "context_of",
    "differences_between",
    "notes_of",
    "worst_verdict",
]

#: Verdicts of runs whose throughput is not reliable, the worst first.
DOUBTFUL: Final = ("unstable", "noisy")
#: All that records of the original script hold about their context.
_ALWAYS_RECORDED: Final = frozenset({"machine", "commit"})


@dataclass(frozen=True)
class Context:
    """What a run was made with, besides its key: software, machine, commit, environment."""

    facts: tuple[tuple[str, str | None], ...]
    #: Whether the record has all of it; records of the original script do not.
    is_complete: bool

    def get(self, name: str) -> str | None:
        """Return a fact by its name; None if it is unset or not recorded."""
        return dict(self.facts).get(name)


def context_of(result: Result) -> Context:
    """Return the context of a run."""
    return Context(tuple(dict(_facts(result)).items()), is_complete=bool(result.versions))


def context_differences(match: Match) -> tuple[Difference, ...]:
    """List what differs between the runs of a pair: software, machine, commit, environment.

    Differences among the runs of one side are listed as well.
    """
    old, new = ([context_of(one) for one in side.results] for side in (match.old, match.new))
    return differences_between(old, new)


def differences_between(old: Sequence[Context], new: Sequence[Context]) -> tuple[Difference, ...]:
    """List what differs between or among the contexts of two sides.

    If one is of a record of the original script, only what those hold is compared.
    """
    olds, news = ([dict(one.facts) for one in side] for side in (old, new))
    names = dict.fromkeys(name for facts in (*olds, *news) for name in facts)
    if not all(one.is_complete for one in (*old, *new)):
        names = dict.fromkeys(name for name in names if name in _ALWAYS_RECORDED)
    return tuple(
        Difference(name, _joined(name, olds), _joined(name, news))
        for name in names
        if len({facts.get(name) for facts in (*olds, *news)}) > 1
    )


def notes_of(match: Match) -> tuple[str, ...]:
    """Return notes for the reader of a pair."""
    notes = [note for name, side in _named_sides(match) for note in _side_notes(name, side)]
    old_ids, new_ids = (
        set(filter(None, map(measured_run, side.results))) for side in (match.old, match.new)
    )
    if old_ids & new_ids:
        notes.append("OLD and NEW share a run")
    return tuple(notes)


def worst_verdict(side: Side) -> str | None:
    """Return the worst verdict among the runs of a side; None if none is doubtful."""
    verdicts = {str((result.verdict or {}).get("verdict")) for result in side.results}
    return next((doubt for doubt in DOUBTFUL if doubt in verdicts), None)


def commit_text(result: Result, *, with_date: bool = False) -> str | None:
    """Return the commit that a run was made at; None if it is not recorded."""
    checkout = result.git or {"hash": result.hash, "date": result.date}
    if not checkout.get("hash"):
        return None
    date = f" of {checkout['date']}" if with_date and checkout.get("date") else ""
    return f"{checkout['hash']}{date}{' with changes' if checkout.get('dirty') else ''}"


def _named_sides(match: Match) -> tuple[tuple[str, Side], tuple[str, Side]]:
    return (OLD, match.old), (NEW, match.new)


def _side_notes(name: str, side: Side) -> Iterator[str]:
    if doubt := worst_verdict(side):
        yield f"{name} is {doubt}"
    if not all(result.outputs_are_right for result in side.results):
        yield f"{name} has outputs that are wrong"
    if side.left_out:
        yield f"{_runs(side.left_out, 'earlier')} left out of {name}"
    if side.duplicates:
        yield f"{_runs(side.duplicates, 'repeated')} left out of {name}"
    if formats := _foreign_formats(side):
        yield f"{name} was read from the format of {' and '.join(formats)}: one value, no passes"
    noted = dict.fromkeys(note for one in side.results for note in foreign_notes(one.foreign))
    yield from (f"{name}: {note}" for note in noted)
    if _lacks_context(side):
        yield f"{name} does not record its software, host and environment"


def _runs(count: int, kind: str) -> str:
    return f"{count} {kind} run{'' if count == 1 else 's'}"


def _foreign_formats(side: Side) -> list[str]:
    without_passes = (one for one in side.results if not one.passes)
    formats = (one.foreign.get("format") for one in without_passes if one.foreign)
    return list(dict.fromkeys(map(str, formats)))


def _lacks_context(side: Side) -> bool:
    return not all(result.versions for result in side.results)


def _joined(name: str, facts: Sequence[Mapping[str, str | None]]) -> str | None:
    values = dict.fromkeys(one.get(name) for one in facts)
    if len(values) == 1:
        return next(iter(values))
    return " and ".join(value or "unset" for value in values)


def _facts(result: Result) -> Iterator[tuple[str, str | None]]:
    yield "machine", result.machine_name or None
    yield "cpu", _text(result.host.get("cpu"))
    yield "usable cores", _text(result.host.get("usable_cores"))
    yield "commit", commit_text(result)
    yield "pack", _text(result.model.get("pack"))
    yield "parameters", _text(result.model.get("parameters"))
    yield "threads in effect", _text(result.effective.get("threads"))
    yield "dtype in effect", _text(result.effective.get("dtype"))
    for name, value in (*result.versions.items(), *result.environment.items()):
        yield name, _text(value)


def _text(value: Any) -> str | None:
    return None if value is None else str(value)
