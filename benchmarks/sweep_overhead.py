"""What a cell of a sweep costs beside the same run by hand, as whole commands in turns.

    python benchmarks/sweep_overhead.py [rounds] [flags of a run ...]

Each round runs `ttbench FLAGS` once for each cell of the sweep, and `ttbench sweep FLAGS` once.
Prints the seconds of both, and the difference a cell.
"""

from __future__ import annotations

import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Sequence
from pathlib import Path
from typing import Final

ROUNDS: Final = 3
FLAGS: Final = ("-m", "bert", "-c", "tiny", "--backend", "torch", "-df", "Fp32", "--passes", "5")
SIZES: Final = ("1", "2", "4", "8")


def seconds_of(command: Sequence[str], folder: str) -> float:
    """Run a command to its end."""
    began_s = time.monotonic()
    subprocess.run(
        [sys.executable, "-m", "ttbench_core", *command],
        cwd=folder,
        check=True,
        stdout=subprocess.DEVNULL,
    )
    return time.monotonic() - began_s


def main(rounds: int, flags: Sequence[str]) -> None:
    """Measure in turns, and print both."""
    differences = []
    for number in range(rounds):
        with tempfile.TemporaryDirectory() as folder:
            target = ["-o", str(Path(folder) / "perf.jsonl")]
            by_hand = sum(seconds_of([*flags, "-mb", one, *target], folder) for one in SIZES)
            swept = ["sweep", *flags, "-mb", ",".join(SIZES), "-o", "sweep.jsonl"]
            by_sweep = seconds_of(swept, folder)
        differences.append((by_sweep - by_hand) / len(SIZES))
        print(
            f"round {number + 1}: {len(SIZES)} runs by hand {by_hand:.1f} s, by a sweep"
            f" {by_sweep:.1f} s: {differences[-1]:+.2f} s a cell",
            flush=True,
        )
    print(f"median: {statistics.median(differences):+.2f} s a cell")


if __name__ == "__main__":
    words = sys.argv[1:]
    count = int(words.pop(0)) if words and words[0].isdigit() else ROUNDS
    main(count, words or FLAGS)
