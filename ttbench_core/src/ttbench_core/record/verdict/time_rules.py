"""Rules about the times themselves."""

from __future__ import annotations

import math
import statistics
from collections.abc import Iterator, Sequence
from typing import Final

from ttbench_core.measure.intervals import ratio_interval
from ttbench_core.measure.passes import Pass
from ttbench_core.measure.stopping import MIN_MEASURED_NS, TARGET_HALF_WIDTH
from ttbench_core.record.formatting import format_spread
from ttbench_core.record.verdict.advice import how_to_narrow, rounded_up
from ttbench_core.record.verdict.evidence import Evidence, Finding, Rule

__all__ = ["RULES"]

_UNSTABLE_HALF_WIDTH: Final = 0.05
_NOISY_DRIFT: Final = 0.03
_UNSTABLE_DRIFT: Final = 0.10
_MIN_PASSES_FOR_DRIFT: Final = 6
#: Processes differ when they scatter by this factor more than their own passes explain.
_SHIFT_FACTOR: Final = 3.0
_MIN_SHIFT: Final = 0.01
_SLOW_FIRST_SIGMAS: Final = 10.0
_MIN_SLOW_FIRST: Final = 0.05
#: Makes the median absolute deviation comparable to a standard deviation.
_MAD_TO_SIGMA: Final = 1.4826
_SHORT_PASS_NS: Final = 5_000_000
_NOISY_FILL: Final = 0.02
#: A pass with this many times the depth of the pipeline shows its steady rate.
_INPUTS_PER_DEPTH: Final = 10
_MAX_HARNESS_SHARE: Final = 0.01


def interval_too_wide(evidence: Evidence) -> Iterator[Finding]:
    """The interval is the error of the number: beyond 2 % it hides the usual differences."""
    interval = evidence.interval
    many = len(evidence.processes) > 1
    if interval is None:
        count = len(evidence.processes) if many else len(evidence.processes[0])
        what = "processes give" if many else "pass gives" if count == 1 else "passes give"
        yield Finding(
            "few-replicates",
            "noisy",
            f"{count} {what} no interval: it takes 3",
            "use --processes 5" if many else "use more --passes or --max_time",
        )
    elif interval.half_width > TARGET_HALF_WIDTH:
        yield Finding(
            "interval-wide",
            "unstable" if interval.half_width > _UNSTABLE_HALF_WIDTH else "noisy",
            f"the 95 % interval is {format_spread(interval.low, interval.estimate, interval.high)},"
            f" wanted ±{TARGET_HALF_WIDTH:.0%}",
            how_to_narrow(evidence.processes, interval),
        )


def drift(evidence: Evidence) -> Iterator[Finding]:
    """A machine that gets slower or faster while it is measured has no one speed."""
    changes = [_change(passes) for passes in evidence.processes]
    drifted = [change for change in changes if abs(change) > _NOISY_DRIFT]
    if not _in_most_processes(drifted, evidence):
        return
    change = max(drifted, key=abs)
    yield Finding(
        "drift",
        "unstable" if abs(change) > _UNSTABLE_DRIFT else "noisy",
        f"the last third of the passes took {abs(change):.1%} {'more' if change > 0 else 'less'}"
        f" time than the first{_process_count(drifted, evidence)}",
        "warm up longer (--warmup), or let the machine settle",
    )


def _change(passes: Sequence[Pass]) -> float:
    """Give the change from the first to the last third; 0 where it may be chance."""
    if len(passes) < _MIN_PASSES_FOR_DRIFT:
        return 0.0
    third = len(passes) // 3
    times = [float(one.e2e_ns) for one in passes]
    change = ratio_interval(times[-third:], times[:third])
    return 0.0 if change is None or change.contains(1.0) else change.estimate - 1


def level_shift(evidence: Evidence) -> Iterator[Finding]:
    """Processes that are steady but differ: a single one would have looked certain."""
    if len(evidence.processes) < 2:
        return
    logs = [[math.log(one.e2e_ns) for one in passes] for passes in evidence.processes]
    within = [statistics.stdev(values) for values in logs if len(values) > 1]
    between = statistics.stdev(statistics.median(values) for values in logs)
    if not within or between < _MIN_SHIFT:
        return
    # the median of n passes scatters by about sigma / sqrt(n)
    expected = statistics.median(within) / math.sqrt(statistics.median(map(len, logs)))
    if between > _SHIFT_FACTOR * expected:
        yield Finding(
            "level-shift",
            "noisy",
            f"processes scatter by {between:.1%}, where their own passes explain {expected:.1%}",
            "trust the interval over processes only, and use more of them",
        )


def slow_first_pass(evidence: Evidence) -> Iterator[Finding]:
    """A first pass much slower than the others shows that the warm-up was too short."""
    slow = [slowness for passes in evidence.processes if (slowness := _slowness(passes)) > 1]
    if _in_most_processes(slow, evidence):
        yield Finding(
            "slow-first-pass",
            "noisy",
            f"the first pass took {max(slow):.2f} times the median of the others"
            f"{_process_count(slow, evidence)}",
            "warm up longer (--warmup)",
        )


def _slowness(passes: Sequence[Pass]) -> float:
    """Give the first pass over the median of the others; 1 where it does not stand out."""
    if len(passes) < _MIN_PASSES_FOR_DRIFT - 1:
        return 1.0
    first, *others = (one.e2e_ns for one in passes)
    median = statistics.median(others)
    sigma = _MAD_TO_SIGMA * statistics.median(abs(time - median) for time in others)
    is_slow = first - median > max(_SLOW_FIRST_SIGMAS * sigma, _MIN_SLOW_FIRST * median)
    return first / median if is_slow else 1.0


def _in_most_processes(found: Sequence[float], evidence: Evidence) -> bool:
    """Return whether most processes show it: of many, one may do so by chance."""
    return 2 * len(found) > len(evidence.processes)


def _process_count(found: Sequence[float], evidence: Evidence) -> str:
    processes = len(evidence.processes)
    return f", at most, in {len(found)} of {processes} processes" if processes > 1 else ""


def too_short(evidence: Evidence) -> Iterator[Finding]:
    """A tick of the scheduler is 1 to 10 ms long, and less than half a second shows little."""
    longest = max(evidence.processes, key=_measured_ns)
    measured_ns = _measured_ns(longest)
    pass_ns = measured_ns / len(longest)
    wanted = max(_SHORT_PASS_NS / pass_ns, MIN_MEASURED_NS / measured_ns)
    if wanted > 1:
        inputs = rounded_up(len(longest[0].pop_ns) * wanted)
        yield Finding(
            "too-short",
            "noisy",
            f"{_passes_text(longest, evidence)} take {measured_ns / 1e6:.3g} ms, one"
            f" {pass_ns / 1e6:.3g} ms (wanted 500 ms and 5 ms)",
            f"use --loop_count {inputs} or more",
        )


def _passes_text(passes: Sequence[Pass], evidence: Evidence) -> str:
    where = " of the longest process" if len(evidence.processes) > 1 else ""
    return f"the {len(passes)} passes{where}"


def fill(evidence: Evidence) -> Iterator[Finding]:
    """The time until the flow is steady is part of a pass, and a larger part of a short one."""
    share, inputs = evidence.fill_share, len(evidence.processes[0][0].pop_ns)
    if share is None and evidence.in_flight > 1:
        yield Finding(
            "fill",
            "noisy",
            f"passes of {inputs} inputs hardly fill a pipeline that holds {evidence.in_flight}",
            f"use --loop_count {_INPUTS_PER_DEPTH * evidence.in_flight} or more",
        )
    elif share is not None and share > _NOISY_FILL:
        wanted = rounded_up(inputs * share / _NOISY_FILL)
        what = "filling the pipeline" if evidence.in_flight > 1 else "its slower first input"
        yield Finding(
            "fill",
            "noisy",
            f"{what} is {share:.1%} of a pass: the steady rate is higher",
            f"use --loop_count {wanted} or more, or read the steady rate",
        )


def warm_up_not_settled(evidence: Evidence) -> Iterator[Finding]:
    """Windows of the warm-up that never agreed: the speed may have changed afterwards."""
    if evidence.settled is False:
        yield Finding(
            "warm-up",
            "noisy",
            "the warm-up did not settle: its last two windows differ by more than 5 %",
            "quieten the machine, or use a larger --warmup",
        )


def harness_share(evidence: Evidence) -> Iterator[Finding]:
    """A harness that costs as much for an input as the differences to be measured."""
    cost_ns = evidence.harness_ns_per_input
    if cost_ns is None:
        return
    per_input_ns = statistics.median(
        one.e2e_ns / len(one.pop_ns) for passes in evidence.processes for one in passes
    )
    if cost_ns > _MAX_HARNESS_SHARE * per_input_ns:
        yield Finding(
            "harness",
            "noisy",
            f"driving costs {cost_ns:.0f} ns of the {per_input_ns:.0f} ns an input takes",
            "use a larger --microbatch, or read the corrected rate",
        )


def _measured_ns(passes: Sequence[Pass]) -> int:
    return sum(one.e2e_ns for one in passes)


RULES: Final[tuple[Rule, ...]] = (
    interval_too_wide,
    drift,
    level_shift,
    slow_first_pass,
    too_short,
    fill,
    warm_up_not_settled,
    harness_share,
)
