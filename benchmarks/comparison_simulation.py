"""How often `ttbench compare` is right, on runs that are made up and whose truth is known.

Prints how often intervals hold the truth, how often two runs of the same thing are called
faster or slower, how often a real change is found, and what stopping as soon as an interval
is narrow costs. The runs are drawn at random, from a fixed seed; the judging is the product's.

    python benchmarks/comparison_simulation.py [runs]
"""

from __future__ import annotations

import math
import random
import sys
from collections.abc import Callable
from typing import Final

from ttbench_core.measure.intervals import (
    CONFIDENCE,
    Interval,
    geometric_mean_interval,
    series_interval,
)
from ttbench_core.measure.stopping import RelativeCi
from ttbench_core.results.comparison import DEFAULT_BAND, FASTER, SLOWER
from ttbench_core.results.comparison.effect import (
    Replicates,
    effect_interval,
    replicates_of,
    verdict_of,
)
from ttbench_core.testing import example_result

RUNS: Final = 4000
#: Standard deviations of logarithms: from process to process, from pass to pass within one.
PROCESS_SD: Final = 0.01
PASS_SD: Final = 0.005
PASSES: Final = 7
PROCESSES: Final = (3, 5, 10)
#: Comparisons of a set, as a benchmark suite of this many models would make.
SET: Final = 20
CHANGE: Final = 1.05
PASS_NS: Final = 1e8

#: The stopping rule that is tried: the product's, without a limit of time.
RULE: Final = RelativeCi(max_time_s=math.inf)
CORRELATION: Final = 0.5


def measured(chance: random.Random, processes: int, speed: float = 1.0) -> Replicates:
    """Make up a run and give what the product takes of it."""
    passes = []
    for process in range(processes):
        shift = chance.gauss(0, PROCESS_SD)
        times = (
            PASS_NS / speed * math.exp(shift + chance.gauss(0, PASS_SD)) for _ in range(PASSES)
        )
        passes += [{"e2e_ns": round(time_ns), "process": process} for time_ns in times]
    return replicates_of([example_result(passes=passes)])


def true_rate() -> float:
    """Give the samples per second that the made-up runs scatter about."""
    return 1e9 * (example_result().total_samples or 0) / PASS_NS


def holds(interval: Interval | None, truth: float) -> bool:
    """Say whether there is an interval and the truth lies within."""
    return interval is not None and interval.contains(truth)


def show_coverage(chance: random.Random, runs: int) -> None:
    """Print how often the interval of one run, and of a ratio of two, holds the truth."""
    print(f"coverage of the {CONFIDENCE:.0%} interval, {runs} runs each")
    print("processes   of one run   of the ratio of two")
    for processes in PROCESSES:
        alone = ratios = 0
        for _ in range(runs):
            old, new = measured(chance, processes), measured(chance, processes)
            alone += holds(geometric_mean_interval(new.samples_per_s), true_rate())
            ratios += holds(effect_interval(old, new), 1)
        print(f"{processes:9d} {alone / runs:12.1%} {ratios / runs:21.1%}")
    print()


def verdicts(chance: random.Random, processes: int, speed: float, band: float) -> list[str]:
    """Judge a set of comparisons, each of fresh runs."""
    return [
        verdict_of(
            effect_interval(measured(chance, processes), measured(chance, processes, speed)), band
        )
        for _ in range(SET)
    ]


def show_alarms(chance: random.Random, sets: int) -> None:
    """Print how often the same thing is called faster or slower."""
    print(f"the same thing compared with itself, {sets} sets of {SET}")
    print("processes   band   faster or slower a set   sets with at most 1")
    for processes, band in ((5, DEFAULT_BAND), (5, 0.0), (1, DEFAULT_BAND)):
        alarms = [
            sum(one in {FASTER, SLOWER} for one in verdicts(chance, processes, 1, band))
            for _ in range(sets)
        ]
        quiet = sum(count <= 1 for count in alarms)
        print(f"{processes:9d} {band:6.0%} {sum(alarms) / sets:24.3f} {quiet / sets:21.1%}")
    print()


def show_power(chance: random.Random, sets: int) -> None:
    """Print how often a real change is found."""
    print(f"really {CHANGE - 1:.0%} faster, {sets} sets of {SET}, band {DEFAULT_BAND:.0%}")
    print("processes   found a set   called slower a set")
    for processes in (5, 1):
        found = [
            one for _ in range(sets) for one in verdicts(chance, processes, CHANGE, DEFAULT_BAND)
        ]
        rates = [found.count(verdict) / sets for verdict in (FASTER, SLOWER)]
        print(f"{processes:9d} {rates[0]:13.2f} {rates[1]:21.3f}")
    print()


def independent(chance: random.Random, sd: float) -> Callable[[], float]:
    """Give a source of log-normal times about 1, each independent of the last."""
    return lambda: math.exp(chance.gauss(0, sd))


def correlated(chance: random.Random, sd: float) -> Callable[[], float]:
    """Give a source of log-normal times about 1, each correlated with the last (AR 1)."""
    level = chance.gauss(0, sd)

    def draw() -> float:
        nonlocal level
        level = CORRELATION * level + math.sqrt(1 - CORRELATION**2) * chance.gauss(0, sd)
        return math.exp(level)

    return draw


def stopped(draw: Callable[[], float]) -> tuple[Interval | None, int]:
    """Add passes of about a second until the rule stops; give the interval, and how many."""
    times_ns: list[int] = []
    while RULE.decide(times_ns) is None:
        times_ns.append(round(draw() * 1e9))
    interval = series_interval(times_ns)
    return (interval.scaled(1e-9) if interval else None), len(times_ns)


def show_stopping(chance: random.Random, runs: int) -> None:
    """Print what looking at the interval after every pass does to its coverage."""
    print(f"stopping at a half width of {RULE.target:.0%}, {runs} runs each")
    print("passes           sd   coverage   mean passes")
    for name, source in (("independent", independent), ("correlated", correlated)):
        for sd in (0.01, 0.03, 0.08):
            ends = [stopped(source(chance, sd)) for _ in range(runs)]
            coverage = sum(holds(interval, 1) for interval, _ in ends) / runs
            passes = sum(count for _, count in ends) / runs
            print(f"{name:12s} {sd:6.0%} {coverage:10.1%} {passes:13.1f}")


def main(runs: int) -> None:
    """Print the four tables."""
    chance = random.Random(20240131)  # noqa: S311 - nothing is secret here
    show_coverage(chance, runs)
    show_alarms(chance, max(runs // SET, 1) * 2)
    show_power(chance, max(runs // SET, 1))
    show_stopping(chance, runs)


if __name__ == "__main__":
    main(int(sys.argv[1]) if len(sys.argv) > 1 else RUNS)
