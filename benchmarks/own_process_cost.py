"""What the process of its own costs a run of the command line, and what its parent uses meanwhile.

Runs whole commands in turn: as it is, with `--in-process`, and with the `ttbench` of another
environment (an older version) if one is given. Prints medians and their ratios; then the CPU
time of the parent for each second that the child measures longer.

    python benchmarks/own_process_cost.py [rounds] [/path/to/other/bin/ttbench]
"""

from __future__ import annotations

import os
import statistics
import subprocess
import sys
import time
from pathlib import Path

RUN = ("-m", "bert", "-c", "tiny")
SHORT, LONG = "5", "40"
#: Runs the command line and prints the CPU seconds of this process alone, and the wall time.
CPU_OF_PARENT = """
import resource, sys, time
from ttbench_core.cli import main
start = time.monotonic()
main(sys.argv[1:])
used = resource.getrusage(resource.RUSAGE_SELF)
sys.stderr.write(f"\\n{used.ru_utime + used.ru_stime} {time.monotonic() - start}\\n")
"""


def environment() -> dict[str, str]:
    """Give the environment, with bytecode written: else every process compiles everything."""
    return {k: v for k, v in os.environ.items() if k != "PYTHONDONTWRITEBYTECODE"}


def seconds(command: list[str]) -> float:
    """Time one whole command."""
    start = time.perf_counter()
    subprocess.run(command, check=True, capture_output=True, env=environment())
    return time.perf_counter() - start


def parent_cpu(passes: str) -> tuple[float, float]:
    """Give CPU seconds of the parent of a run, and its wall time."""
    command = [sys.executable, "-c", CPU_OF_PARENT, *RUN, "--passes", passes]
    done = subprocess.run(command, check=True, capture_output=True, text=True, env=environment())
    used, wall = done.stderr.splitlines()[-1].split()
    return float(used), float(wall)


def main(rounds: int, other: str | None) -> None:
    """Interleave the commands, each once untimed before."""
    here = str(Path(sys.executable).with_name("ttbench"))
    commands = {"ttbench": [here], "ttbench --in-process": [here, "--in-process"]}
    if other is not None:
        commands["the other ttbench"] = [other]
    times: dict[str, list[float]] = {label: [] for label in commands}
    for number in range(rounds + 1):
        for label, command in commands.items():
            took_s = seconds([*command, *RUN, "--passes", SHORT])
            if number:
                times[label].append(took_s)
    own, *others = commands
    for label, values in times.items():
        print(f"{label:22} median {statistics.median(values):6.3f} s, least {min(values):6.3f} s")
    for label in others:
        pairs = zip(times[own], times[label], strict=True)
        ratio = statistics.median(mine / theirs for mine, theirs in pairs)
        print(f"{own} / {label}: {ratio:.3f} (median of {rounds} ratios)")
    few, many = parent_cpu(SHORT), parent_cpu(LONG)
    share = (many[0] - few[0]) / (many[1] - few[1])
    print(f"the parent uses {share:.3%} of a core while its child measures (bar: 1 %)")


if __name__ == "__main__":
    main(int(sys.argv[1]) if len(sys.argv) > 1 else 10, (sys.argv[2:] or [None])[0])
