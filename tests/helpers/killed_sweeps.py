"""A sweep whose driver is killed again and again, and what its records say afterwards."""

from __future__ import annotations

import json
import os
import random
import signal
import subprocess
import sys
import time
from collections import Counter
from dataclasses import dataclass
from pathlib import Path

import psutil

PACK = Path(__file__).parents[1] / "packs" / "engine"
DEFINITION = """
[sweep]
output = "perf.jsonl"

[settings]
backend = "fake"
passes = 2
warmup = 0
roofline = false
verify = false

[grid]
model = "steady"
dataformat = "Fp32"
microbatch = "1..{cells}"
"""


@dataclass(frozen=True)
class Aftermath:
    """What is there after a driver was killed so often, and the sweep was ended."""

    kills: int
    #: Codes of the last command, which was not killed.
    code: int
    #: How many good rows a cell has, by number of rows: `{1: 50}` for 50 cells without a loss.
    rows_of_cells: dict[int, int]
    #: Rows that are not good.
    other_rows: int
    #: Processes of the sweep that are still there.
    processes: int


def kill_and_go_on(folder: Path, cells: int, kills: int, seed: int) -> Aftermath:
    """Run a sweep, kill its driver by SIGKILL at random moments, and start it again each time."""
    (folder / "killed.toml").write_text(DEFINITION.format(cells=cells))
    locks = folder / "locks"
    locks.mkdir()
    environment = {**os.environ, "PYTHONPATH": str(PACK), "TMPDIR": str(locks), "SWEEP": str(seed)}
    command = [sys.executable, "-m", "ttbench_core", "sweep", "killed.toml"]
    moments = random.Random(seed)
    killed = 0
    for _ in range(kills):
        with subprocess.Popen(
            command, cwd=folder, env=environment, stdout=subprocess.DEVNULL
        ) as driver:
            try:
                driver.wait(moments.uniform(0.5, 2.8))
            except subprocess.TimeoutExpired:
                driver.send_signal(signal.SIGKILL)
                killed += 1
    last = subprocess.run(command, cwd=folder, env=environment, capture_output=True, check=False)
    records = [json.loads(line) for line in (folder / "perf.jsonl").read_text().splitlines()]
    good = Counter(one["sweep"]["cell"] for one in records if one["status"] == "ok")
    return Aftermath(
        killed,
        last.returncode,
        dict(Counter(good.values())),
        sum(one["status"] != "ok" for one in records),
        _left(seed, locks),
    )


def _left(seed: int, locks: Path) -> int:
    """Count processes with the environment of the sweep; those that just end get a moment."""
    marks = {f"SWEEP={seed}".encode(), f"TMPDIR={locks}".encode()}
    end_s = time.monotonic() + 10
    while (found := sum(marks <= _environment(one) for one in psutil.pids())) and (
        time.monotonic() < end_s
    ):
        time.sleep(0.2)
    return found


def _environment(pid: int) -> set[bytes]:
    try:
        return set(Path(f"/proc/{pid}/environ").read_bytes().split(b"\0"))
    except OSError:
        return set()
