"""When enough passes have been measured: small rules that look at the times so far."""

from __future__ import annotations

import math
import statistics
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final, Protocol

from ttbench_core.measure.intervals import Interval, geometric_mean_interval, paired_ratio_interval

__all__ = [
    "DEFAULT_MAX_TIME_S",
    "LEAST_NS",
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

#: Seconds that the passes of one process may take when nothing was asked for.
DEFAULT_MAX_TIME_S: Final = 60.0
_NS_PER_S: Final = 1e9
#: Passes of a few ms need more than five of them to show what the machine does meanwhile.
LEAST_NS: Final = 500_000_000
#: Of the interval, as a share: a wider one hides what people compare.
TARGET_HALF_WIDTH: Final = 0.02
#: The rule gives up where the width to be expected at the end misses the target by this factor.
_HOPELESS: Final = 1.25
#: The rule of a run whose passes take turns with those of another one.
TURNS: Final = "turns"
#: Seconds that the turns of one pair of processes may take when nothing was asked for.
_TURNS_MAX_TIME_S: Final = 20.0


@dataclass(frozen=True)
class Stop:
    """Why no further pass was measured."""

    rule: str
    #: `target`, `passes`, `time`, `out of reach`, or `last turn`.
    reason: str
    #: Half-width of the interval of the pass time as a share of it; None where there is none.
    have: float | None = None
    #: The half-width that was wanted.
    want: float | None = None

    @property
    def missed(self) -> bool:
        """Whether there was a target and it was not reached."""
        return self.want is not None and (self.have is None or self.have > self.want)


class StoppingRule(Protocol):
    """**Protocol:** decides after each pass whether there is another."""

    @property
    def name(self) -> str:
        """How the record names it."""

    @property
    def most(self) -> int | None:
        """Passes that it would stop at, for a progress bar; None if it cannot say."""

    def decide(self, times_ns: Sequence[int]) -> Stop | None:
        """Give the reason to stop after passes that took so long, or None to go on."""


@dataclass(frozen=True)
class Fixed:
    """A number of passes, and a time limit if one was asked for."""

    passes: int
    max_time_s: float | None = None
    name: str = "fixed"

    @property
    def most(self) -> int:
        """The number of passes."""
        return self.passes

    def decide(self, times_ns: Sequence[int]) -> Stop | None:
        """Stop at the number, or before the pass that would go beyond the limit."""
        if len(times_ns) >= self.passes:
            return Stop(self.name, "passes")
        if _time_is_up(times_ns, self.max_time_s):
            return Stop(self.name, "time")
        return None


@dataclass(frozen=True)
class RelativeCi:
    """Passes until the 95 % interval is narrow, within limits."""

    max_time_s: float = DEFAULT_MAX_TIME_S
    target: float = TARGET_HALF_WIDTH
    #: Looking at the interval after each pass and stopping when it is narrow enough keeps the
    #: promised coverage from five passes on (0.93 to 0.95; three give 0.90).
    least: int = 5
    most: int = 100
    #: The most passes while they have not taken half a second together.
    most_short: int = 1000
    #: From so many passes on the width to be expected at the end is known well enough to give up.
    foreseeable: int = 20
    name: str = "relative-ci"

    def decide(self, times_ns: Sequence[int]) -> Stop | None:
        """Stop at the target, at a limit, or when the limits cannot bring the target."""
        return self.decide_on(times_ns, geometric_mean_interval(times_ns))

    def decide_on(self, times_ns: Sequence[int], interval: Interval | None) -> Stop | None:
        """Decide by an interval that was computed from the passes, such as that of a ratio."""
        have = interval.half_width if interval else None
        reason = self._reason(times_ns, have)
        return Stop(self.name, reason, have, self.target) if reason else None

    def _reason(self, times_ns: Sequence[int], have: float | None) -> str | None:
        enough = len(times_ns) >= self.least and sum(times_ns) >= LEAST_NS
        if enough and have is not None and have <= self.target:
            return "target"
        if len(times_ns) >= self.most_short:
            return "passes"
        if _time_is_up(times_ns, self.max_time_s):
            return "time"
        if sum(times_ns) < LEAST_NS:
            return None
        if len(times_ns) >= self.most:
            return "passes"
        if len(times_ns) >= self.foreseeable and self._hopeless(times_ns, have):
            return "out of reach"
        return None

    def _hopeless(self, times_ns: Sequence[int], have: float | None) -> bool:
        if have is None:
            return False
        in_time = self.max_time_s * _NS_PER_S / statistics.fmean(times_ns)
        at_the_end = have * math.sqrt(len(times_ns) / max(min(self.most, in_time), 1))
        return at_the_end > _HOPELESS * self.target


@dataclass(frozen=True)
class TurnsRule:
    """Turns of one pair of processes until the ratio of their times is known well enough.

    Processes scatter more than the turns of one pair, so that many turns would not make the
    ratio more certain.
    """

    rule: Fixed | RelativeCi

    def decide(self, times_ns: tuple[Sequence[int], Sequence[int]]) -> Stop | None:
        """Give the reason to stop after whole turns, or None to go on.

        Args:
            times_ns: the passes of both variants, as many of each.
        """
        slower, faster = sorted(times_ns, key=sum, reverse=True)
        if isinstance(self.rule, Fixed):
            return self.rule.decide(slower)
        # a round is two turns, A B and B A: a ratio of half a round favours one variant
        is_whole = len(slower) % 2 == 0 and sum(faster) >= LEAST_NS
        interval = paired_ratio_interval(*times_ns) if is_whole else None
        return self.rule.decide_on(slower, interval)


def stopping_rule(passes: int | None, max_time_s: float | None) -> StoppingRule:
    """Give the rule for what was asked: `--passes` fixes them, else the interval decides."""
    if passes is not None:
        return Fixed(passes, max_time_s)
    return RelativeCi(DEFAULT_MAX_TIME_S if max_time_s is None else max_time_s)


def stopping_rule_of_turns(passes: int | None, max_time_s: float | None) -> TurnsRule:
    """Give the rule for the turns of a pair of processes: as `stopping_rule`, with fewer passes."""
    if passes is not None:
        return TurnsRule(Fixed(passes, max_time_s))
    limit_s = _TURNS_MAX_TIME_S if max_time_s is None else max_time_s
    most = 30
    return TurnsRule(RelativeCi(limit_s, least=6, most=most, most_short=most, foreseeable=most))


def _time_is_up(times_ns: Sequence[int], max_time_s: float | None) -> bool:
    if max_time_s is None or not times_ns:
        return False
    return sum(times_ns) + times_ns[-1] > max_time_s * _NS_PER_S
