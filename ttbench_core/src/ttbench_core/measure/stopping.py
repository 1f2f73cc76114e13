"""Stopping rules: when enough passes have been measured, by the times so far."""

from __future__ import annotations

import math
import statistics
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final, Protocol

from ttbench_core.measure.intervals import Interval, paired_ratio_interval, series_interval

__all__ = [
    "DEFAULT_MAX_TIME_S",
    "MIN_MEASURED_NS",
    "TARGET_HALF_WIDTH",
    "TURNS",
    "Fixed",
    "RelativeCi",
    "Stop",
    "StoppingRule",
    "TurnsRule",
    "stopping_rule",
    "stopping_rule_of_turns",
]

#: Maximum seconds for the passes of one process when nothing was asked for.
DEFAULT_MAX_TIME_S: Final = 60.0
_NS_PER_S: Final = 1e9
#: Minimum time for all passes: a few short ones do not show what else the machine does.
MIN_MEASURED_NS: Final = 500_000_000
#: Wanted half-width of the interval, as a share: a wider one hides the usual differences.
TARGET_HALF_WIDTH: Final = 0.02
#: The rule gives up where the width expected at the end exceeds the target by this factor.
_GIVE_UP_FACTOR: Final = 1.25
#: Name of the rule of a run whose passes take turns with those of another one.
TURNS: Final = "turns"
#: Maximum seconds for the turns of one pair of processes when nothing was asked for.
_TURNS_MAX_TIME_S: Final = 20.0
#: Passes of each variant in the turns of one pair of processes.
_MAX_TURNS: Final = 30


@dataclass(frozen=True)
class Stop:
    """Why no further pass was measured."""

    rule: str
    #: `target`, `passes`, `time`, `out of reach`, or `last turn`.
    reason: str
    #: Half of the width of the interval of the pass time, as a share of the time; None without one.
    have: float | None = None
    #: The half of the width that was wanted.
    want: float | None = None

    @property
    def missed(self) -> bool:
        """Whether there was a target and it was not reached."""
        return self.want is not None and (self.have is None or self.have > self.want)


class StoppingRule(Protocol):
    """**Protocol:** decides after each pass whether there is another."""

    @property
    def name(self) -> str:
        """Its name in the record."""

    @property
    def max_passes(self) -> int | None:
        """Maximum number of passes, for a progress bar; None if it is not known."""

    def decide(self, times_ns: Sequence[int]) -> Stop | None:
        """Give the reason to stop after passes of these durations, or None to go on."""


@dataclass(frozen=True)
class Fixed:
    """A number of passes, and a time limit if one was asked for."""

    passes: int
    max_time_s: float | None = None
    name: str = "fixed"

    @property
    def max_passes(self) -> int:
        """The number of passes."""
        return self.passes

    def decide(self, times_ns: Sequence[int]) -> Stop | None:
        """Stop at the number, or before the pass that would go beyond the limit."""
        if len(times_ns) >= self.passes:
            return Stop(self.name, "passes")
        if _is_time_up(times_ns, self.max_time_s):
            return Stop(self.name, "time")
        return None


@dataclass(frozen=True)
class RelativeCi:
    """Passes until the 95 % interval is narrow, within limits."""

    max_time_s: float = DEFAULT_MAX_TIME_S
    target: float = TARGET_HALF_WIDTH
    #: Stopping at the first narrow interval keeps the promised coverage from five passes on
    #: (0.93 to 0.95; three give 0.90).
    min_passes: int = 5
    max_passes: int = 100
    #: Maximum number while all passes together have taken less than half a second.
    max_short_passes: int = 1000
    #: From this number on, the width at the end can be predicted well enough to give up.
    min_passes_to_give_up: int = 20
    name: str = "relative-ci"

    def decide(self, times_ns: Sequence[int]) -> Stop | None:
        """Stop at the target, at a limit, or when the target is out of reach within the limits."""
        return self.decide_on(times_ns, series_interval(times_ns))

    def decide_on(self, times_ns: Sequence[int], interval: Interval | None) -> Stop | None:
        """Decide by an interval that was computed from the passes, such as that of a ratio."""
        have = interval.half_width if interval else None
        reason = self._reason(times_ns, have)
        return Stop(self.name, reason, have, self.target) if reason else None

    def _reason(self, times_ns: Sequence[int], have: float | None) -> str | None:
        enough = len(times_ns) >= self.min_passes and sum(times_ns) >= MIN_MEASURED_NS
        if enough and have is not None and have <= self.target:
            return "target"
        if len(times_ns) >= self.max_short_passes:
            return "passes"
        if _is_time_up(times_ns, self.max_time_s):
            return "time"
        if sum(times_ns) < MIN_MEASURED_NS:
            return None
        if len(times_ns) >= self.max_passes:
            return "passes"
        if len(times_ns) >= self.min_passes_to_give_up and self._is_out_of_reach(times_ns, have):
            return "out of reach"
        return None

    def _is_out_of_reach(self, times_ns: Sequence[int], have: float | None) -> bool:
        if have is None:
            return False
        passes_in_time = self.max_time_s * _NS_PER_S / statistics.fmean(times_ns)
        expected_at_end = have * math.sqrt(
            len(times_ns) / max(min(self.max_passes, passes_in_time), 1)
        )
        return expected_at_end > _GIVE_UP_FACTOR * self.target


@dataclass(frozen=True)
class TurnsRule:
    """Turns of one pair of processes until the ratio of their times is known well enough.

    Processes scatter more than the turns of one pair, so that many more turns would not
    make the ratio more certain.
    """

    #: Decides by the passes of the slower variant; without a limit of time.
    rule: Fixed | RelativeCi
    #: Turns end with the one in which the slower variant reaches it; None for no limit.
    max_time_s: float | None = None

    def decide(self, times_ns: tuple[Sequence[int], Sequence[int]]) -> Stop | None:
        """Give the reason to stop after whole turns, or None to go on.

        Args:
            times_ns: the passes of both variants, as many of each.
        """
        slower, faster = sorted(times_ns, key=sum, reverse=True)
        if self.max_time_s is not None and sum(slower) >= self.max_time_s * _NS_PER_S:
            return Stop(TURNS, "time")
        if isinstance(self.rule, Fixed):
            return self.rule.decide(slower)
        # a round is two turns, A B and B A: a ratio of half a round favours one variant
        is_whole = len(slower) % 2 == 0 and sum(faster) >= MIN_MEASURED_NS
        interval = paired_ratio_interval(*times_ns) if is_whole else None
        return self.rule.decide_on(slower, interval)


def stopping_rule(passes: int | None, max_time_s: float | None) -> StoppingRule:
    """Give the rule of a request: `--passes` fixes their number, else the interval decides."""
    if passes is not None:
        return Fixed(passes, max_time_s)
    return RelativeCi(DEFAULT_MAX_TIME_S if max_time_s is None else max_time_s)


def stopping_rule_of_turns(passes: int | None, max_time_s: float | None) -> TurnsRule:
    """Give the rule for the turns of a pair of processes: as `stopping_rule`, with fewer passes."""
    if passes is not None:
        return TurnsRule(Fixed(passes), max_time_s)
    rule = RelativeCi(
        math.inf,
        min_passes=6,
        max_passes=_MAX_TURNS,
        max_short_passes=_MAX_TURNS,
        min_passes_to_give_up=_MAX_TURNS,
    )
    return TurnsRule(rule, _TURNS_MAX_TIME_S if max_time_s is None else max_time_s)


def _is_time_up(times_ns: Sequence[int], max_time_s: float | None) -> bool:
    if max_time_s is None or not times_ns:
        return False
    return sum(times_ns) + times_ns[-1] > max_time_s * _NS_PER_S
