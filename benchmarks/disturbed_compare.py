"""How often `ttbench compare` calls a model faster or slower than itself on a busy machine.

Measures one small model again and again in single processes, while other processes keep cores
busy: a random number of them, which changes from run to run. Compares each run with the next one
of the same model, once by the interval alone and once as the product does, and prints both
verdicts. The disturbance is drawn from a fixed seed, the times are what the machine gives.

    python benchmarks/disturbed_compare.py [comparisons]
"""

from __future__ import annotations

import contextlib
import os
import random
import subprocess
import sys
from collections import Counter
from collections.abc import Iterator

import ttbench_core
from ttbench_core.record.result import Result
from ttbench_core.results.comparison import DEFAULT_BAND, FASTER, SLOWER, compare
from ttbench_core.results.comparison.effect import effect_of, replicates_of

COMPARISONS = 20
#: Passes of a run: enough for a narrow interval, and done within a second or a few.
PASSES = 40
#: Other processes for each core.
CROWDS = (0, 1, 4)
BURN = "while True: pass"


@contextlib.contextmanager
def burners(count: int) -> Iterator[None]:
    """Keep so many cores busy, each by a process of its own that ends with the context."""
    with contextlib.ExitStack() as running:
        for _ in range(count):
            process = subprocess.Popen([sys.executable, "-c", BURN])
            running.callback(process.wait)
            running.callback(process.kill)
        yield


def measured(busy_cores: int) -> Result:
    """Measure the model in a fresh process, beside so many others."""
    with burners(busy_cores):
        return ttbench_core.run(
            "bert",
            config="tiny",
            microbatch=4,
            # one thread: several wait for each other, and then the passes of a run differ so much
            # that its interval decides nothing anyway
            threads=1,
            device="cpu",
            passes=PASSES,
            warmup=5,
            verify=False,
            roofline=False,
            progress=False,
            env={"PYTHONHASHSEED": "0"},  # a variable of its own gives a run its own process
        )


def main(comparisons: int) -> None:
    """Measure twice as many runs, and judge each pair in both ways."""
    chance = random.Random(1)  # noqa: S311 - nothing is secret here
    cores = len(os.sched_getaffinity(0))
    by_interval: Counter[str] = Counter()
    by_rule: Counter[str] = Counter()
    for number in range(1, comparisons + 1):
        old, new = (measured(chance.choice(CROWDS) * cores) for _ in range(2))
        alone = effect_of(replicates_of([old]), replicates_of([new]), DEFAULT_BAND)
        (pair,) = compare([old], [new]).pairs
        by_interval[alone.verdict] += 1
        by_rule[pair.effect.verdict] += 1
        print(f"{number:3d}  ratio {alone.ratio:6.3f}  by the interval {alone.verdict:12s}", end="")
        print(f"  compare {pair.effect.verdict:12s}  {pair.effect.reason or ''}", flush=True)
    for name, counts in (("by the interval alone", by_interval), ("by compare", by_rule)):
        wrong = counts[FASTER] + counts[SLOWER]
        print(f"{name}: {wrong} of {comparisons} faster or slower {dict(counts)}")


if __name__ == "__main__":
    main(int(sys.argv[1]) if len(sys.argv) > 1 else COMPARISONS)
