"""Which results of OLD are compared with which of NEW, and which with none."""

from __future__ import annotations

import math
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import Final

from ttbench_core.errors import RequestError
from ttbench_core.record.result import Result
from ttbench_core.results.comparison.key import Difference, Key, key_of

__all__ = ["NEW", "OLD", "Failure", "Lonely", "Match", "Pairing", "Side", "UnlikeError", "pair_up"]

OLD: Final = "OLD"
NEW: Final = "NEW"


class UnlikeError(RequestError):
    """Nothing in OLD may be compared with anything in NEW."""


@dataclass(frozen=True)
class Side:
    """The results that stand for one key in OLD or in NEW, taken together."""

    key: Key
    #: In the order of the file, each of another run.
    results: tuple[Result, ...]
    #: Earlier results of the key, of other versions, another commit or another machine.
    left_out: int
    #: Results that repeat a run which is among the others.
    copies: int


@dataclass(frozen=True)
class Match:
    """Two sides that are alike in everything that `key` names."""

    key: Key
    old: Side
    new: Side


@dataclass(frozen=True)
class Failure:
    """Runs of one key that have no number."""

    place: str
    key: Key
    count: int
    #: Of the last one.
    reason: str
    #: Whether a later run of the key in the same place went through.
    mended: bool


@dataclass(frozen=True)
class Lonely:
    """A key that only one of OLD and NEW has."""

    key: Key
    #: How the nearest of the same model and configuration in the other place differs.
    nearest: tuple[Difference, ...]


@dataclass(frozen=True)
class Pairing:
    """Everything in OLD and NEW, each in its place."""

    matches: tuple[Match, ...]
    failures: tuple[Failure, ...]
    vanished: tuple[Lonely, ...]
    appeared: tuple[Lonely, ...]


@dataclass(frozen=True)
class _Place:
    """OLD or NEW, sorted by key."""

    name: str
    measured: dict[Key, list[Result]]
    failures: tuple[Failure, ...]

    def knows(self, key: Key) -> bool:
        return key in self.measured or any(one.key.may_be(key) for one in self.failures)


def pair_up(old: Sequence[Result], new: Sequence[Result], across: Sequence[str]) -> Pairing:
    """Match results by key, leaving out of it what `across` names.

    Raises `UnlikeError`, naming what differs, where OLD and NEW share no key.
    """
    before, after = _sorted(OLD, old, across), _sorted(NEW, new, across)
    shared = [key for key in before.measured if key in after.measured]
    if not shared and not _share_a_failure(before, after):
        raise UnlikeError(_why_nothing_pairs(before, after))
    return Pairing(
        matches=tuple(
            Match(key, _side(before, key, across), _side(after, key, across)) for key in shared
        ),
        failures=(*before.failures, *after.failures),
        vanished=_lonely(before, after),
        appeared=_lonely(after, before, turned=True),
    )


def _sorted(name: str, results: Sequence[Result], across: Sequence[str]) -> _Place:
    measured: dict[Key, list[Result]] = {}
    failed: dict[Key, list[Result]] = {}
    last_good: dict[Key, int] = {}
    last_bad: dict[Key, int] = {}
    for number, result in enumerate(results):
        good = _has_number(result)
        key = key_of(result).without(across)
        (measured if good else failed).setdefault(key, []).append(result)
        (last_good if good else last_bad)[key] = number
    failures = []
    for key, runs in failed.items():
        mended = any(last_bad[key] < last_good[good] for good in measured if key.may_be(good))
        failures.append(Failure(name, key, len(runs), _reason(runs[-1]), mended))
    return _Place(name, measured, tuple(failures))


def _has_number(result: Result) -> bool:
    rate = result.samples_per_sec
    if not result.ok or rate is None or not math.isfinite(rate) or rate <= 0:
        return False
    return all(one["e2e_ns"] > 0 for one in result.passes)


def _reason(result: Result) -> str:
    if result.ok:
        return "it has no number"
    return f"{result.status}: {result.error}" if result.error else result.status


def _side(place: _Place, key: Key, across: Sequence[str]) -> Side:
    results = place.measured[key]
    newest = _origin(results[-1])
    alike = [result for result in results if _origin(result) == newest]
    unique = _without_copies(alike)
    full = key_of(unique[-1])
    for result in unique:
        _refuse_mixture(full.differences(key_of(result)), full, place.name, across)
    return Side(full, unique, len(results) - len(alike), len(alike) - len(unique))


def _origin(result: Result) -> tuple[object, ...]:
    """Give what makes runs of one key replicates of each other: software, commit, machine."""
    versions = sorted((str(name), str(one)) for name, one in result.versions.items())
    commit = result.git or {"hash": result.hash}
    return (*versions, str(commit.get("hash")), bool(commit.get("dirty")), result.machine_name)


def _without_copies(results: Iterable[Result]) -> tuple[Result, ...]:
    # a run that was appended twice is one replicate, not two
    last = {result.run_id or str(id(result)): result for result in results}
    return tuple(last.values())


def _refuse_mixture(
    differences: Sequence[Difference], key: Key, name: str, across: Sequence[str]
) -> None:
    if differences:
        first = differences[0]
        raise UnlikeError(
            f"{key.title}: with --across {' --across '.join(across)} one thing a side is compared,"
            f" and {name} holds both {first.what} {first.new} and {first.old}; name one record,"
            " as FILE@N, or keep them in files of their own"
        )


def _lonely(place: _Place, other: _Place, *, turned: bool = False) -> tuple[Lonely, ...]:
    return tuple(
        Lonely(key, _nearest(key, other, turned=turned))
        for key in place.measured
        if not other.knows(key)
    )


def _nearest(key: Key, other: _Place, *, turned: bool) -> tuple[Difference, ...]:
    candidates = [
        one.differences(key) if turned else key.differences(one)
        for one in other.measured
        if one.title == key.title
    ]
    return min(candidates, key=len, default=())


def _share_a_failure(old: _Place, new: _Place) -> bool:
    keys = [(one, two.key) for one in (*old.measured, *_failed(old)) for two in new.failures]
    keys += [(one, two.key) for one in new.measured for two in old.failures]
    return any(failed.may_be(key) or key.may_be(failed) for key, failed in keys)


def _failed(place: _Place) -> list[Key]:
    return [one.key for one in place.failures]


def _why_nothing_pairs(old: _Place, new: _Place) -> str:
    for place in (old, new):
        if not place.measured:
            failed = sum(one.count for one in place.failures)
            why = f"no run in it went through ({failed} did not)" if failed else "it is empty"
            return f"nothing in {place.name} can be compared: {why}"
    pairs = [(key, other) for key in old.measured for other in new.measured]
    key, other = min(pairs, key=lambda pair: _distance(*pair))
    differences = key.differences(other)
    if key.get("model") != other.get("model"):
        return f"OLD and NEW share no model: the nearest are {key.title} and {other.title}"
    options = " ".join(f"--across {one.what}" for one in differences)
    told = ", ".join(str(one) for one in differences)
    return f"{key.title}: {told}; use {options} to compare them all the same"


def _distance(key: Key, other: Key) -> tuple[bool, bool, int]:
    return (
        key.get("model") != other.get("model"),
        key.title != other.title,
        len(key.differences(other)),
    )
