"""How many changes `ttbench history` finds, and how many it finds where there is none.

Makes series of rates with noise of 1 % from a fixed seed, half of the steps up and half down, and
prints the share of steps of 2 % that are found after 5 and after 10 runs, the false changes of a
series without a step, and the time that 500 series of 100 runs take. A step is found if a change
in its direction is at most two runs from its place.

    python benchmarks/change_points.py [--series 10000] [--max-p P] [--min-change SHARE]
"""

from __future__ import annotations

import argparse
import random
import time
from typing import Final

from ttbench_core.results.history import DEFAULT_SENSITIVITY, Sensitivity
from ttbench_core.results.history.change_points import find_change_points

SEED: Final = 20260101
NOISE: Final = 0.01
STEP: Final = 0.02
RUNS_BEFORE: Final = 30
RUNS_AFTER: Final = (5, 10)
#: Runs from the place of a step to the change that is found.
TOLERANCE: Final = 2
LENGTH: Final = 100
TIMED_SERIES: Final = 500
#: What is wanted: the smallest share found after 5 and after 10 runs, and the most false changes.
WANTED_SHARES: Final = (0.7, 0.85)
WANTED_FALSE: Final = 0.06


def rates(chance: random.Random, before: int, after: int = 0, step: float = 0.0) -> list[float]:
    """Make up a series whose rate changes by a share after some runs."""
    levels = [1000.0] * before + [1000.0 * (1 + step)] * after
    return [level * (1 + chance.gauss(0, NOISE)) for level in levels]


def is_found(chance: random.Random, after: int, sensitivity: Sensitivity) -> bool:
    """Make up a series with a step, and return whether it is found."""
    step = chance.choice((STEP, -STEP))
    changes = find_change_points(rates(chance, RUNS_BEFORE, after, step), sensitivity)
    return any(
        abs(one.index - RUNS_BEFORE) <= TOLERANCE
        and (one.contrast.mean_after > one.contrast.mean_before) == (step > 0)
        for one in changes
    )


def main() -> int:
    """Print the figures; 1 if one is not what is wanted."""
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    parser.add_argument("--series", type=int, default=10_000, help="series of each kind")
    parser.add_argument("--max-p", type=float, default=DEFAULT_SENSITIVITY.max_p)
    parser.add_argument("--min-change", type=float, default=DEFAULT_SENSITIVITY.min_change)
    options = parser.parse_args()
    sensitivity = Sensitivity(max_p=options.max_p, min_change=options.min_change)
    chance, count = random.Random(SEED), options.series  # noqa: S311 - no secret

    print(f"{count} series each; {sensitivity}")
    missed = False
    for after, wanted in zip(RUNS_AFTER, WANTED_SHARES, strict=True):
        share = sum(is_found(chance, after, sensitivity) for _ in range(count)) / count
        missed |= share < wanted
        print(f"steps of {STEP:.0%} found after {after} runs: {share:.1%} (wanted: {wanted:.0%})")
    unchanged = [rates(chance, LENGTH) for _ in range(count)]
    false = sum(len(find_change_points(one, sensitivity)) for one in unchanged) / count
    missed |= false > WANTED_FALSE
    print(f"false changes in {LENGTH} runs: {false:.3f} (wanted: {WANTED_FALSE} at most)")

    timed = [rates(chance, LENGTH) for _ in range(TIMED_SERIES)]
    start_s = time.perf_counter()
    for one in timed:
        find_change_points(one, sensitivity)
    taken_s = time.perf_counter() - start_s
    print(f"{TIMED_SERIES} series of {LENGTH} runs: {taken_s:.2f} s")
    return int(missed)


if __name__ == "__main__":
    raise SystemExit(main())
