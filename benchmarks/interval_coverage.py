"""How often the interval of a run holds the truth, for times of many shapes, made up from a seed.

For each shape and number of passes it prints how often the interval over passes of one process
holds the geometric mean that the times scatter about, the mean of half its width, how often an
interval that takes the passes as independent would hold it, and how often the median pass is
outside that interval. The last table is of five processes of 20 passes each.

    python benchmarks/interval_coverage.py [runs]
"""

from __future__ import annotations

import math
import random
import statistics
import sys
from collections.abc import Callable, Iterable, Mapping, Sequence
from typing import Final

from ttbench_core.measure.intervals import (
    Interval,
    geometric_mean,
    geometric_mean_interval,
    series_interval,
)

RUNS: Final = 4000
PASSES: Final = (5, 10, 20, 50, 100)
PROCESSES: Final = 5
PROCESS_SD: Final = 0.01
#: Passes from which the truth of a shape without a closed form is computed.
MANY: Final = 1_000_000

#: Gives the times of a number of passes.
Shape = Callable[[random.Random, int], list[float]]


def normal(chance: random.Random, count: int) -> list[float]:
    """Give times with a standard deviation of 3 %."""
    return [max(chance.gauss(1, 0.03), 0.5) for _ in range(count)]


def lognormal(chance: random.Random, count: int) -> list[float]:
    """Give times whose tail is long: a shortest one, and a log-normal delay."""
    return [1 + 0.02 * chance.lognormvariate(0, 1) for _ in range(count)]


def bimodal(chance: random.Random, count: int) -> list[float]:
    """Give times of which a fifth is 10 % longer."""
    return [chance.gauss(1.1 if chance.random() < 0.2 else 1, 0.01) for _ in range(count)]


def outliers(chance: random.Random, count: int) -> list[float]:
    """Give times of which 2 % are half as long again."""
    return [chance.gauss(1.5 if chance.random() < 0.02 else 1, 0.01) for _ in range(count)]


def correlated(correlation: float) -> Shape:
    """Give times that are correlated with the last one (AR 1), of 3 % standard deviation."""

    def times(chance: random.Random, count: int) -> list[float]:
        level = chance.gauss(0, 0.03)
        found = []
        for _ in range(count):
            found.append(math.exp(level))
            step = chance.gauss(0, 0.03)
            level = correlation * level + math.sqrt(1 - correlation**2) * step
        return found

    return times


SHAPES: Final[Mapping[str, Shape]] = {
    "normal": normal,
    "lognormal tail": lognormal,
    "bimodal": bimodal,
    "rare outliers": outliers,
    "AR(1) 0.3": correlated(0.3),
    "AR(1) 0.5": correlated(0.5),
    "AR(1) 0.8": correlated(0.8),
}


def truth_of(name: str, shape: Shape, chance: random.Random) -> float:
    """Give the geometric mean of the shape; 1 for those that are symmetric in logarithms."""
    return 1.0 if name.startswith("AR") else geometric_mean(shape(chance, MANY))


def holds(interval: Interval | None, value: float) -> bool:
    """Say whether there is an interval and the value lies in it."""
    return interval is not None and interval.contains(value)


def show_passes(name: str, shape: Shape, truth: float, chance: random.Random, runs: int) -> None:
    """Print what the interval over the passes of one process holds."""
    for count in PASSES:
        samples = [shape(chance, count) for _ in range(runs)]
        ours = [series_interval(times) for times in samples]
        plain = [geometric_mean_interval(times) for times in samples]
        covered = share(holds(one, truth) for one in ours)
        width = statistics.fmean(one.half_width for one in ours if one)
        independent = share(holds(one, truth) for one in plain)
        outside = share(
            not holds(one, statistics.median(times))
            for one, times in zip(plain, samples, strict=True)
        )
        ours_text = f"{name:14s} {count:6d} {covered:9.1%} {width:11.2%}"
        print(f"{ours_text} {independent:15.1%} {outside:16.1%}")


def show_processes(name: str, shape: Shape, truth: float, chance: random.Random, runs: int) -> None:
    """Print how often the interval over processes holds the truth."""
    covered = share(
        holds(geometric_mean_interval(process_means(shape, chance)), truth) for _ in range(runs)
    )
    print(f"{name:14s} {covered:9.1%}")


def process_means(shape: Shape, chance: random.Random) -> Sequence[float]:
    """Make up the processes of a run, which differ, and give the mean of each."""
    return [
        geometric_mean(shape(chance, 20)) * math.exp(chance.gauss(0, PROCESS_SD))
        for _ in range(PROCESSES)
    ]


def share(answers: Iterable[bool]) -> float:
    """Give the share of answers that are true."""
    return statistics.fmean(answers)


def main(runs: int) -> None:
    """Print both tables."""
    chance = random.Random(20240131)  # noqa: S311 - nothing is secret here
    truths = {name: truth_of(name, shape, chance) for name, shape in SHAPES.items()}
    print(f"95 % interval over the passes of one process, {runs} runs each")
    print("shape          passes  coverage  half width  as independent  median outside")
    for name, shape in SHAPES.items():
        show_passes(name, shape, truths[name], chance, runs)
    print(f"\n95 % interval over {PROCESSES} processes that differ by {PROCESS_SD:.0%}")
    print("shape           coverage")
    for name, shape in SHAPES.items():
        show_processes(name, shape, truths[name], chance, runs)


if __name__ == "__main__":
    main(int(sys.argv[1]) if len(sys.argv) > 1 else RUNS)
