"""Two variants that were measured side by side: the ratio of their throughput, pair by pair.

Effects that both of a pair share, such as a machine that gets slower, cancel out in the ratio.
"""

from __future__ import annotations

import math
import statistics
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from ttbench_core.measure.intervals import Interval, geometric_mean_interval
from ttbench_core.measure.stopping import TURNS
from ttbench_core.record.html_tables import labelled_table
from ttbench_core.record.result import Result
from ttbench_core.results.comparison.effect import DEFAULT_BAND, rates_by_process, verdict_of

__all__ = ["SideBySide", "compare_pairs"]


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
        }

    def summary(self) -> list[tuple[str, str]]:
        """Return the ratio as (label, text) pairs."""
        ends = f" ({self.interval.low:.4g} to {self.interval.high:.4g})" if self.interval else ""
        return [
            ("ratio", f"{self.ratio:.4g}{ends}, throughput of B by A's; {self.scope}"),
            ("B is", self.verdict),
        ]

    def __repr__(self) -> str:
        return f"<SideBySide {self.a.label}: B is {self.verdict}, {self.summary()[0][1]}>"

    def _repr_html_(self) -> str:
        return labelled_table(self.summary())


def compare_pairs(a: Result, b: Result) -> SideBySide:
    """Compare two results of alternating processes.

    Where the passes of each pair of processes took turns they are compared round by round;
    where whole processes alternated, the median rates of each pair are.
    """
    pairs = list(zip(rates_by_process(a), rates_by_process(b), strict=True))
    if _took_turns(a) and _took_turns(b):
        ratios = [_round_ratios(*pair) for pair in pairs]
    else:
        ratios = [[statistics.median(of_b) / statistics.median(of_a)] for of_a, of_b in pairs]
    replicates = ratios[0] if len(ratios) == 1 else [statistics.median(one) for one in ratios]
    interval = geometric_mean_interval(replicates)
    scope = _scope(ratios)
    return SideBySide(
        a=a,
        b=b,
        ratio=interval.estimate if interval else statistics.median(replicates),
        interval=interval,
        verdict=verdict_of(interval, DEFAULT_BAND),
        scope=f"95 % interval {scope}" if interval else f"{scope}, too few for an interval",
    )


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


def _scope(ratios: Sequence[Sequence[float]]) -> str:
    if len(ratios) > 1:
        return f"over {len(ratios)} pairs of processes"
    if len(ratios[0]) == 1:
        return "of one pair of processes; another pair may differ"
    return (
        f"over {len(ratios[0])} rounds (A B B A) of one pair of processes; another pair may"
        " differ by more"
    )
