"""What `ttbench --list` takes, against importing the two libraries that it stands on.

Runs whole processes in turn and prints the ratio of the medians.

    python benchmarks/listing_time.py [rounds]
"""

from __future__ import annotations

import shutil
import statistics
import subprocess
import sys
import time

COMMANDS = {
    "ttbench --list": [shutil.which("ttbench") or "ttbench", "--list"],
    "import only": [sys.executable, "-c", "import importlib_metadata, stevedore"],
}


def seconds(command: list[str]) -> float:
    """Time one process."""
    start = time.perf_counter()
    subprocess.run(command, check=True, stdout=subprocess.DEVNULL)
    return time.perf_counter() - start


def main(rounds: int) -> None:
    """Interleave the two commands."""
    times: dict[str, list[float]] = {name: [] for name in COMMANDS}
    for command in COMMANDS.values():
        seconds(command)
    for _ in range(rounds):
        for name, command in COMMANDS.items():
            times[name].append(seconds(command))
    medians = {name: statistics.median(values) for name, values in times.items()}
    for name, median in medians.items():
        print(f"{name:15} {median * 1e3:7.1f} ms")
    print(f"ratio           {medians['ttbench --list'] / medians['import only']:7.2f}")


if __name__ == "__main__":
    main(int(sys.argv[1]) if len(sys.argv) > 1 else 20)
