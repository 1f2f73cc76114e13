"""Two variants that were measured side by side: the ratio of their throughput, pair by pair.

Effects that both of a pair share, such as a machine that gets slower, cancel out in the ratio.
"""

from __future__ import annotations

import functools
import math
import statistics
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, TypeAlias

from ttbench_core.measure.intervals import (
    CONFIDENCE,
    Interval,
    geometric_mean,
    geometric_mean_interval,
)
from ttbench_core.measure.stopping import TURNS
from ttbench_core.measure.student import two_sided_quantile
from ttbench_core.record.html_tables import labelled_table
from ttbench_core.record.result import Result
from ttbench_core.results.comparison.doubts import MORE_PAIRS, SideRuns, doubt_of_pairs
from ttbench_core.results.comparison.effect import (
    DEFAULT_BAND,
    INCONCLUSIVE,
    Effect,
    rates_by_process,
    replicates_to_add,
    verdict_of,
)
from ttbench_core.results.comparison.pairing import NEW, OLD

__all__ = ["SideBySide", "compare_pairs", "paired_effect"]

#: B by A: of each pair of processes, by rounds.
Ratios: TypeAlias = Sequence[Sequence[float]]


@dataclass(frozen=True)
class SideBySide:
    """Two variants that took turns, and the ratio of their throughput."""

    a: Result
    b: Result
    #: Throughput of B divided by A's: the geometric mean over the replicates. Above 1 B is faster.
    ratio: float
    #: 95 % interval of the ratio; None for two pairs, and for fewer than three turns.
    interval: Interval | None
    #: `faster` or `slower` (B than A), `same`, `inconclusive`.
    verdict: str
    #: What the interval is over, in words.
    scope: str
    #: Why there is no verdict, whatever the interval is, and what would give one; None where the
    #: interval decides.
    reason: str | None = None
    remedy: str | None = None

    def to_record(self) -> dict[str, Any]:
        """Return both records and the ratio as plain JSON values."""
        interval = self.interval
        return {
            "a": self.a.to_record(),
            "b": self.b.to_record(),
            "ratio": self.ratio,
            "low": interval.low if interval else None,
            "high": interval.high if interval else None,
            "verdict": self.verdict,
            "scope": self.scope,
            "reason": self.reason,
            "remedy": self.remedy,
        }

    def summary(self) -> list[tuple[str, str]]:
        """Return the ratio as (label, text) pairs."""
        ends = f" ({self.interval.low:.4g} to {self.interval.high:.4g})" if self.interval else ""
        return [
            ("ratio", f"{self.ratio:.4g}{ends}, throughput of B by A's; {self.scope}"),
            (
                "B is",
                f"{self.verdict}: {self.reason}; {self.remedy}" if self.reason else self.verdict,
            ),
        ]

    def __repr__(self) -> str:
        return f"<SideBySide {self.a.label}: B is {self.verdict}, {self.summary()[0][1]}>"

    def _repr_html_(self) -> str:
        return labelled_table(self.summary())


def compare_pairs(a: Result, b: Result) -> SideBySide:
    """Compare two results of alternating processes.

    Where the passes of each pair of processes took turns they are compared round by round;
    where whole processes alternated, the rates of each pair are.
    """
    ratios = _ratios(a, b)
    scope = _scope(ratios)
    effect = _effect(_sides(("A", a), ("B", b), ratios), ratios, DEFAULT_BAND)
    return SideBySide(
        a=a,
        b=b,
        ratio=effect.ratio,
        interval=effect.interval,
        verdict=effect.verdict,
        scope=f"95 % interval {scope}" if effect.interval else f"{scope}, too few for an interval",
        reason=effect.reason,
        remedy=effect.remedy,
    )


def paired_effect(old: Sequence[Result], new: Sequence[Result], band: float) -> Effect | None:
    """Compare two sides pair by pair, as `compare_pairs` does; B is NEW.

    None if they are not one run each of two that name each other, with as many passes and
    processes as each other: records may come from anywhere.
    """
    if len(old) != 1 or len(new) != 1:
        return None
    (a,), (b,) = old, new
    named = (a.paired_with, b.paired_with) == (b.run_id, a.run_id)
    if not named or not a.run_id or not a.passes or _shape(a) != _shape(b):
        return None
    ratios = _ratios(a, b)
    return _effect(_sides((OLD, a), (NEW, b), ratios), ratios, band)


def _sides(
    first: tuple[str, Result], second: tuple[str, Result], ratios: Ratios
) -> tuple[SideRuns, SideRuns]:
    (name, a), (other, b) = first, second
    return SideRuns(name, [a], len(ratios)), SideRuns(other, [b], len(ratios))


def _shape(result: Result) -> tuple[int, ...]:
    """Return the number of passes of each process, where these took turns; else of processes."""
    rates = rates_by_process(result)
    return tuple(map(len, rates)) if _took_turns(result) else (len(rates),)


def _ratios(a: Result, b: Result) -> Ratios:
    pairs = list(zip(rates_by_process(a), rates_by_process(b), strict=True))
    if _took_turns(a) and _took_turns(b):
        return [_round_ratios(*pair) for pair in pairs]
    return [[geometric_mean(of_b) / geometric_mean(of_a)] for of_a, of_b in pairs]


def _effect(sides: tuple[SideRuns, SideRuns], ratios: Ratios, band: float) -> Effect:
    replicates = ratios[0] if len(ratios) == 1 else [geometric_mean(one) for one in ratios]
    interval = geometric_mean_interval(replicates)
    ratio = interval.estimate if interval else geometric_mean(replicates)
    verdict, covers = verdict_of(interval, band), _scope(ratios).removeprefix("over ")
    if verdict != INCONCLUSIVE:
        effect = Effect(ratio, interval, verdict, covers, more_processes=None)
    elif len(ratios) == 1:
        effect = Effect(ratio, interval, verdict, covers, more_processes=None, remedy=MORE_PAIRS)
    else:
        more = replicates_to_add(ratio, band, functools.partial(_half_width, replicates))
        effect = Effect(ratio, interval, verdict, covers, more)
    return effect.doubted(doubt_of_pairs(*sides))


def _half_width(ratios: Sequence[float], more: int) -> float:
    """Return half the width of the interval, of logarithms, with more pairs."""
    count = len(ratios) + more
    sd = statistics.stdev(map(math.log, ratios))
    return two_sided_quantile(CONFIDENCE, count - 1) * sd / math.sqrt(count)


def _took_turns(result: Result) -> bool:
    stopping = [one.get("stopping") for one in result.processes] or [result.stopping]
    return all(stop and stop.get("rule") == TURNS for stop in stopping)


def _round_ratios(of_a: Sequence[float], of_b: Sequence[float]) -> list[float]:
    """Return B by A for each round of two turns, A B and B A.

    The pass after a change of variants may be slower; over a round both variants have one. A
    turn without its counterpart counts only where there is no other.
    """
    turns = [b / a for a, b in zip(of_a, of_b, strict=True)]
    rounds = [math.sqrt(ab * ba) for ab, ba in zip(turns[::2], turns[1::2], strict=False)]
    return rounds or turns


def _scope(ratios: Ratios) -> str:
    if len(ratios) > 1:
        return f"over {len(ratios)} pairs of processes"
    if len(ratios[0]) == 1:
        return "of one pair of processes; another pair may differ"
    return (
        f"over {len(ratios[0])} rounds (A B B A) of one pair of processes; another pair may"
        " differ by more"
    )
