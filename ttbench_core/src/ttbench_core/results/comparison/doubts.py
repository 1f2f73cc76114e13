"""What no interval of a ratio shows: a side that is unstable, a machine that was busy.

An interval covers what varied between its replicates. Work of other programs that lasted over
all of one side is in every replicate of it: the interval is narrow, and in the wrong place.
`docs/comparing.md` gives the rules and their reasons.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any, Final

from ttbench_core.record.deriving import derive
from ttbench_core.record.result import Result

__all__ = ["MORE_PAIRS", "Doubt", "SideRuns", "doubt_of_pairs", "doubt_of_sides", "with_verdict"]

_UNSTABLE: Final = "unstable"
_SEVERE: Final = frozenset({_UNSTABLE})
_DOUBTFUL: Final = frozenset({_UNSTABLE, "noisy"})
#: Rules of the verdict that find other work on the machine.
_BUSY: Final = frozenset({"host-busy", "preempted", "throttled", "steal"})
#: The rule that finds spread between replicates. The interval of a ratio over processes is made of
#: this spread, so it holds all the same. Every other rule may find what all replicates share.
_SPREAD: Final = frozenset({"interval-wide"})
#: The rule that finds wrong times, which are wrong in turns as well.
_WRONG_TIMES: Final = frozenset({"bookkeeping"})

_PROCESSES: Final = "measure both in turns (--vs), or each in several processes (--processes 5)"
_QUIETER: Final = f"{_PROCESSES} while nothing else runs"
#: What gives a verdict where one pair of processes was measured in turns.
MORE_PAIRS: Final = "measure several pairs of processes (--processes 5)"
_DEVICE: Final = "measure both on devices that are there"
_REPORT: Final = "report this: the engine mixes up its inputs, or the clock went back"


@dataclass(frozen=True)
class Doubt:
    """Why two sides have no verdict, whatever their interval is."""

    reason: str
    #: What would give a verdict.
    remedy: str


@dataclass(frozen=True)
class SideRuns:
    """The runs of one side of a comparison."""

    #: `OLD`, `NEW`, `A` or `B`.
    name: str
    results: Sequence[Result]
    #: Replicates of its interval; with one, these are its passes.
    processes: int


def with_verdict(result: Result) -> Result:
    """Return a result with the verdict that its passes give, if it has none and they give one."""
    if (result.verdict or {}).get("verdict") is not None:
        return result
    try:
        return replace(result, verdict=derive(result).verdict)
    except (ArithmeticError, AttributeError, LookupError, TypeError, ValueError):
        return result  # a record of the original script, a table, or one without times of inputs


def doubt_of_sides(*sides: SideRuns) -> Doubt | None:
    """Return why sides that were measured one after the other have no verdict; None if nothing."""
    reasons: list[str] = []
    rules: set[str] = set()
    for side in sides:
        covered = _SPREAD if side.processes > 1 else frozenset()
        unstable = [one for one in side.results if _is_unstable(one, covered)]
        if unstable:
            found = _rules(unstable, _SEVERE)
            reasons.append(f"{_unstable_runs(side, len(unstable))}{_in_brackets(found)}")
            rules |= set(found) or {"unknown"}
        elif busy := _busy_rules(side):
            reasons.append(f"{side.name} is one process on a busy machine{_in_brackets(busy)}")
    if not reasons:
        return None
    if rules & _WRONG_TIMES:
        return Doubt("; ".join(reasons), _REPORT)
    return Doubt("; ".join(reasons), _QUIETER if rules - _SPREAD else _PROCESSES)


def doubt_of_pairs(*sides: SideRuns) -> Doubt | None:
    """Return why sides that were measured in turns have no verdict; None if nothing.

    Both have had the same disturbance, so an unstable side counts only where its times are wrong.
    """
    for side in sides:
        if not all(one.is_comparable for one in side.results):
            return Doubt(f"{side.name} ran on an emulated device", _DEVICE)
        if _WRONG_TIMES & set(_rules(side.results, _SEVERE)):
            return Doubt(f"the times of {side.name} are wrong{_in_brackets(_WRONG_TIMES)}", _REPORT)
    if busy := dict.fromkeys(rule for side in sides for rule in _busy_rules(side)):
        return Doubt(f"one pair of processes on a busy machine{_in_brackets(busy)}", MORE_PAIRS)
    return None


def _is_unstable(result: Result, covered: frozenset[str]) -> bool:
    if (result.verdict or {}).get("verdict") != _UNSTABLE:
        return False
    found = set(_rules([result], _SEVERE))
    return not found or bool(found - covered)


def _busy_rules(side: SideRuns) -> list[str]:
    if side.processes > 1:
        return []
    return [rule for rule in _rules(side.results, _DOUBTFUL) if rule in _BUSY]


def _rules(results: Sequence[Result], levels: frozenset[str]) -> list[str]:
    """Return the rules that found something of these levels, each once."""
    return list(
        dict.fromkeys(
            str(finding.get("rule"))
            for result in results
            for finding in _findings(result)
            if str(finding.get("level")) in levels
        )
    )


def _findings(result: Result) -> Iterator[Mapping[str, Any]]:
    findings = (result.verdict or {}).get("findings")
    if isinstance(findings, (list, tuple)):  # records are untrusted
        yield from (one for one in findings if isinstance(one, Mapping))


def _unstable_runs(side: SideRuns, unstable: int) -> str:
    if unstable == len(side.results):
        return f"{side.name} is unstable"
    verb = "is" if unstable == 1 else "are"
    return f"{unstable} of {len(side.results)} runs of {side.name} {verb} unstable"


def _in_brackets(rules: Iterable[str]) -> str:
    names = ", ".join(rules)
    return f" ({names})" if names else ""
