"""What two sides do not share besides their key, and what else a reader of a pair must know."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from typing import Any, Final

from ttbench_core.record.result import Result
from ttbench_core.results.comparison.key import Difference
from ttbench_core.results.comparison.pairing import NEW, OLD, Match, Side

__all__ = ["doubt_of", "notes_of", "surrounding_differences"]

#: What a run says of itself when its number is not to be trusted, the worst first.
_DOUBTS: Final = ("unstable", "noisy")
#: All that records of the original script tell of where they were made.
_ALWAYS_RECORDED: Final = frozenset({"machine", "commit"})


def surrounding_differences(match: Match) -> tuple[Difference, ...]:
    """List what differs between the runs of a pair: software, machine, commit, environment.

    Also what differs among the runs of one side. Where a side has records of
    the original script, only what those tell is compared.
    """
    old, new = ([dict(_facts(one)) for one in side.results] for side in (match.old, match.new))
    names = dict.fromkeys(name for facts in (*old, *new) for name in facts)
    if _is_bare(match.old) or _is_bare(match.new):
        names = dict.fromkeys(name for name in names if name in _ALWAYS_RECORDED)
    return tuple(
        Difference(name, _together(name, old), _together(name, new))
        for name in names
        if len({facts.get(name) for facts in (*old, *new)}) > 1
    )


def notes_of(match: Match) -> tuple[str, ...]:
    """Say what else a reader of the pair's number must know."""
    notes = [note for name, side in _named(match) for note in _notes_of_side(name, side)]
    identities = [{one.run_id for one in side.results if one.run_id} for _, side in _named(match)]
    if identities[0] & identities[1]:
        notes.append("OLD and NEW share a run")
    return tuple(notes)


def doubt_of(side: Side) -> str | None:
    """Give the worst that a run of a side says of its own number; None if all is well."""
    said = {str((result.verdict or {}).get("verdict")) for result in side.results}
    return next((doubt for doubt in _DOUBTS if doubt in said), None)


def _named(match: Match) -> tuple[tuple[str, Side], tuple[str, Side]]:
    return (OLD, match.old), (NEW, match.new)


def _notes_of_side(name: str, side: Side) -> Iterator[str]:
    if doubt := doubt_of(side):
        yield f"{name} is {doubt}"
    if not all(result.outputs_are_right for result in side.results):
        yield f"{name} has outputs that are wrong"
    if side.left_out:
        yield f"{_runs(side.left_out, 'earlier')} left out of {name}"
    if side.copies:
        yield f"{_runs(side.copies, 'repeated')} left out of {name}"
    if _is_bare(side):
        yield f"{name} does not record its software, host and environment"


def _runs(count: int, kind: str) -> str:
    return f"{count} {kind} run{'' if count == 1 else 's'}"


def _is_bare(side: Side) -> bool:
    return not all(result.versions for result in side.results)


def _together(name: str, facts: Sequence[Mapping[str, str | None]]) -> str | None:
    values = dict.fromkeys(one.get(name) for one in facts)
    if len(values) == 1:
        return next(iter(values))
    return " and ".join(value or "unset" for value in values)


def _facts(result: Result) -> Iterator[tuple[str, str | None]]:
    yield "machine", result.machine_name
    yield "cpu", _text(result.host.get("cpu"))
    yield "usable cores", _text(result.host.get("usable_cores"))
    yield "commit", _commit(result)
    yield "pack", _text(result.model.get("pack"))
    yield "parameters", _text(result.model.get("parameters"))
    yield "threads in effect", _text(result.effective.get("threads"))
    yield "dtype in effect", _text(result.effective.get("dtype"))
    for name, value in (*result.versions.items(), *result.environment.items()):
        yield name, _text(value)


def _commit(result: Result) -> str | None:
    checkout = result.git or {"hash": result.hash}
    if not checkout.get("hash"):
        return None
    return f"{checkout['hash']}{' with changes' if checkout.get('dirty') else ''}"


def _text(value: Any) -> str | None:
    return None if value is None else str(value)
