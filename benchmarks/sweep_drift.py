"""What two equal cells of a sweep are called on a machine that gets slower while it runs.

A made-up machine loses 20 % of its speed over a sweep of 20 cells. Two of the cells are equal.
Each sweep is made three times: cell after cell, every round of one before the next; in rounds,
judged by `compare` without the rounds; in rounds, judged as `compare` does. Prints how often the
two come out the same, faster or slower. Drawn from a fixed seed; the orders and the judging are
the product's.

    python benchmarks/sweep_drift.py [sweeps]
"""

from __future__ import annotations

import math
import random
import sys
from collections import Counter
from collections.abc import Sequence
from dataclasses import replace
from typing import Final

from ttbench_core.record.result import Result
from ttbench_core.results.comparison import DEFAULT_BAND, compare
from ttbench_core.results.comparison.effect import effect_of, replicates_of
from ttbench_core.sweeps.ordering import orders
from ttbench_core.testing import example_result

SWEEPS: Final = 100
CELLS: Final = 20
ROUNDS: Final = (6, 10, 12)
DRIFT: Final = 0.20
#: Standard deviations of logarithms: from process to process, from pass to pass within one.
PROCESS_SD: Final = 0.01
PASS_SD: Final = 0.005
PASSES: Final = 7
PASS_NS: Final = 1e8

Order = Sequence[Sequence[str]]


def measured(chance: random.Random, key: str, order: Order) -> list[Result]:
    """Give the records of a cell, one of each round; all cells have the same true speed."""
    runs = sum(map(len, order))
    found, begun = [], 0
    for number, keys in enumerate(order, 1):
        for position, one in enumerate(keys):
            if one == key:
                slower = 1 + DRIFT * (begun + position) / runs
                shift = math.exp(chance.gauss(0, PROCESS_SD)) * slower * PASS_NS
                times = [shift * math.exp(chance.gauss(0, PASS_SD)) for _ in range(PASSES)]
                result = example_result(
                    passes=[{"e2e_ns": round(ns), "process": 0} for ns in times]
                )
                sweep = {"name": "drift", "cell": key, "round": number, "position": position}
                found.append(replace(result, sweep=sweep, run_id=f"{key}-{len(found)}"))
        begun += len(keys)
    return found


def cell_after_cell(keys: Sequence[str], rounds: int) -> Order:
    """Give every round of a cell before those of the next."""
    return [[key] for key in keys for _ in range(rounds)]


def by_interval(old: Sequence[Result], new: Sequence[Result]) -> str:
    """Judge two cells without their rounds."""
    return effect_of(replicates_of(old), replicates_of(new), DEFAULT_BAND).verdict


def by_compare(old: Sequence[Result], new: Sequence[Result]) -> str:
    """Judge two cells as the product does."""
    (pair,) = compare(old, new).pairs
    return pair.effect.verdict


def main(sweeps: int) -> None:
    """Make sweeps, and print the verdicts on two equal cells."""
    for rounds in ROUNDS:
        chance = random.Random(1)  # noqa: S311 - nothing is secret here
        counts: dict[str, Counter[str]] = {}
        for seed in range(sweeps):
            keys = [f"cell-{number:02}" for number in range(CELLS)]
            a, b = chance.sample(keys, 2)
            naive, ordered = cell_after_cell(keys, rounds), orders(keys, rounds, seed)
            for name, order, judge in (
                ("cell after cell, by the interval", naive, by_interval),
                ("in rounds, by the interval", ordered, by_interval),
                ("in rounds, by compare", ordered, by_compare),
            ):
                old, new = measured(chance, a, order), measured(chance, b, order)
                counts.setdefault(name, Counter())[judge(old, new)] += 1
        print(f"{rounds} rounds of {CELLS} cells, {DRIFT:.0%} slower at the end")
        for name, found in counts.items():
            shares = ", ".join(
                f"{verdict} {count / sweeps:.0%}" for verdict, count in found.items()
            )
            print(f"  {name:34}  {shares}")


if __name__ == "__main__":
    main(int(sys.argv[1]) if len(sys.argv) > 1 else SWEEPS)
