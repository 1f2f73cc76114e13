"""Matching the results of OLD and NEW by key."""

from __future__ import annotations

import math
from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Final

from ttbench_core.errors import RequestError
from ttbench_core.record.comparability import left_out_texts
from ttbench_core.record.result import Result
from ttbench_core.results.comparison.doubts import with_verdict
from ttbench_core.results.comparison.key import Difference, Key, key_of
from ttbench_core.results.comparison.replicates import are_replicates, without_duplicates

__all__ = [
    "NEW",
    "OLD",
    "Failure",
    "Match",
    "NotComparableError",
    "Pairing",
    "Side",
    "Unmatched",
    "pair_up",
]

OLD: Final = "OLD"
NEW: Final = "NEW"


class NotComparableError(RequestError):
    """No result in OLD is comparable with any in NEW."""


@dataclass(frozen=True)
class Side:
    """The results of one key in OLD or in NEW that are compared, as replicates."""

    key: Key
    #: In the order of the file, one per run; each has its verdict if it can be known.
    results: tuple[Result, ...]
    #: Number of results of the key with other versions, another commit or another machine.
    left_out: int
    #: Number of duplicates of runs in `results`.
    duplicates: int


@dataclass(frozen=True)
class Match:
    """Two sides with the same key."""

    key: Key
    old: Side
    new: Side


@dataclass(frozen=True)
class Failure:
    """The runs of one key without a throughput."""

    #: `OLD` or `NEW`.
    place: str
    key: Key
    count: int
    #: Of the last run.
    reason: str
    #: Whether a later run of the key on the same side succeeded.
    mended: bool


@dataclass(frozen=True)
class Unmatched:
    """A key that only one of OLD and NEW has."""

    key: Key
    #: Differences to the nearest key of the same model and configuration on the other side.
    nearest: tuple[Difference, ...]


@dataclass(frozen=True)
class Pairing:
    """All results of OLD and NEW, matched or not."""

    matches: tuple[Match, ...]
    failures: tuple[Failure, ...]
    vanished: tuple[Unmatched, ...]
    appeared: tuple[Unmatched, ...]
    #: How many runs of `OLD` and `NEW` nothing compares, by the reason.
    left_out: Mapping[str, Mapping[str, int]]


@dataclass(frozen=True)
class _Results:
    """The results of OLD or NEW by key."""

    name: str
    measured: dict[Key, list[Result]]
    failures: tuple[Failure, ...]
    left_out: Mapping[str, int]

    def has(self, key: Key) -> bool:
        return key in self.measured or any(one.key.may_match(key) for one in self.failures)


def pair_up(old: Sequence[Result], new: Sequence[Result], across: Sequence[str]) -> Pairing:
    """Match results by key; names in `across` are not part of the key.

    Raises `NotComparableError`, naming the differences, if OLD and NEW share no key.
    """
    olds, news = _group_by_key(OLD, old, across), _group_by_key(NEW, new, across)
    shared = [key for key in olds.measured if key in news.measured]
    if not shared and not _have_common_failure(olds, news):
        raise NotComparableError(_no_match_reason(olds, news))
    return Pairing(
        matches=tuple(
            Match(key, _side(olds, key, across), _side(news, key, across)) for key in shared
        ),
        failures=(*olds.failures, *news.failures),
        vanished=_unmatched(olds, news),
        appeared=_unmatched(news, olds, reverse=True),
        left_out={one.name: one.left_out for one in (olds, news)},
    )


def _group_by_key(name: str, results: Sequence[Result], across: Sequence[str]) -> _Results:
    measured: dict[Key, list[Result]] = {}
    failed: dict[Key, list[Result]] = {}
    last_measured: dict[Key, int] = {}
    last_failed: dict[Key, int] = {}
    left_out: Counter[str] = Counter()
    for number, result in enumerate(results):
        if (reason := result.incomparable_reason) is not None:
            left_out[reason] += 1
            continue
        is_measured = _has_throughput(result)
        key = key_of(result).without(across)
        (measured if is_measured else failed).setdefault(key, []).append(result)
        (last_measured if is_measured else last_failed)[key] = number
    failures = []
    for key, runs in failed.items():
        mended = any(
            last_failed[key] < last_measured[other] for other in measured if key.may_match(other)
        )
        failures.append(Failure(name, key, len(runs), _reason(runs[-1]), mended))
    return _Results(name, measured, tuple(failures), left_out)


def _has_throughput(result: Result) -> bool:
    rate = result.samples_per_sec
    if not result.ok or rate is None or not math.isfinite(rate) or rate <= 0:
        return False
    return all(one["e2e_ns"] > 0 for one in result.passes)


def _reason(result: Result) -> str:
    if result.ok:
        return "it has no number"
    return f"{result.status}: {result.error}" if result.error else result.status


def _side(group: _Results, key: Key, across: Sequence[str]) -> Side:
    results = group.measured[key]
    same_origin = [result for result in results if are_replicates(result, results[-1])]
    unique = without_duplicates(same_origin)
    full_key = key_of(unique[-1])
    for result in unique:
        _refuse_mixture(full_key.differences(key_of(result)), full_key, group.name, across)
    return Side(
        key=full_key,
        results=tuple(map(with_verdict, unique)),
        left_out=len(results) - len(same_origin),
        duplicates=len(same_origin) - len(unique),
    )


def _refuse_mixture(
    differences: Sequence[Difference], key: Key, name: str, across: Sequence[str]
) -> None:
    if differences:
        first = differences[0]
        raise NotComparableError(
            f"{key.title}: with --across {' --across '.join(across)} one thing a side is compared,"
            f" and {name} holds both {first.what} {first.new} and {first.old}; name one record,"
            " as FILE@N, or keep them in files of their own"
        )


def _unmatched(group: _Results, other: _Results, *, reverse: bool = False) -> tuple[Unmatched, ...]:
    return tuple(
        Unmatched(key, _nearest(key, other, reverse=reverse))
        for key in group.measured
        if not other.has(key)
    )


def _nearest(key: Key, other: _Results, *, reverse: bool) -> tuple[Difference, ...]:
    candidates = [
        one.differences(key) if reverse else key.differences(one)
        for one in other.measured
        if one.title == key.title
    ]
    return min(candidates, key=len, default=())


def _have_common_failure(old: _Results, new: _Results) -> bool:
    keys = [(one, two.key) for one in (*old.measured, *_failed_keys(old)) for two in new.failures]
    keys += [(one, two.key) for one in new.measured for two in old.failures]
    return any(failed.may_match(key) or key.may_match(failed) for key, failed in keys)


def _failed_keys(group: _Results) -> list[Key]:
    return [one.key for one in group.failures]


def _no_match_reason(old: _Results, new: _Results) -> str:
    for group in (old, new):
        if not group.measured:
            failed = sum(one.count for one in group.failures)
            why = [f"no run in it went through ({failed} did not)"] if failed else []
            why.extend(left_out_texts(group.left_out))
            reasons = ", and ".join(why) or "it is empty"
            return f"nothing in {group.name} can be compared: {reasons}"
    pairs = [(key, other) for key in old.measured for other in new.measured]
    key, other = min(pairs, key=lambda pair: _distance(*pair))
    differences = key.differences(other)
    if key.get("model") != other.get("model"):
        nearest = f"the nearest are {key.title} and {other.title}"
        return f"OLD and NEW share no model: {nearest}; --across model compares different ones"
    options = " ".join(f"--across {one.what}" for one in differences)
    texts = ", ".join(str(one) for one in differences)
    return f"{key.title}: {texts}; use {options} to compare them anyway"


def _distance(key: Key, other: Key) -> tuple[bool, bool, int]:
    return (
        key.get("model") != other.get("model"),
        key.title != other.title,
        len(key.differences(other)),
    )
