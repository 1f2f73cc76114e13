"""A signal at any moment ends a command soon, with its record and without its processes."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import time
import uuid
from pathlib import Path

import psutil
import pytest

from ttbench_core.results.reading import load

#: A process that takes longer hangs.
PATIENCE_S = 60
LINES = (
    "--passes 6",
    "--passes 6 --in-process",
    "--passes 3 --processes 2",
    "--passes 3 --processes 1 --vs '--loop_count 4'",
    "--passes 6 --json",
)
ENDING = (signal.SIGINT, signal.SIGTERM, signal.SIGHUP)


def processes_with(mark: str) -> list[psutil.Process]:
    """Find the processes that have inherited a variable."""
    found = []
    for process in psutil.process_iter():
        try:
            if process.environ().get("FUZZ_MARK") == mark:
                found.append(process)
        except (psutil.Error, OSError):
            continue
    return [one for one in found if one.is_running() and one.status() != psutil.STATUS_ZOMBIE]


def require_none_left(mark: str) -> None:
    end_s = time.monotonic() + PATIENCE_S
    while left := processes_with(mark):
        if time.monotonic() > end_s:
            shown = [" ".join(one.cmdline())[:200] for one in left]
            for one in left:
                one.kill()
            pytest.fail(f"left behind: {shown}")
        time.sleep(0.05)


@pytest.fixture
def command(fake_engine, start_process, tmp_path):
    """Start a command that measures for some tenths of a second."""

    def start(line: str, name: str):
        mark = uuid.uuid4().hex
        words = f"-m sleepy --backend fake --warmup 2 -o {name} {line}"
        variables = {"PYTHONPATH": str(fake_engine), "SLEEPY_MARK": str(tmp_path / "measuring")}
        process = start_process(
            ["bash", "-c", f"exec {sys.executable} -m ttbench_core {words}"],
            cwd=tmp_path,
            env={**os.environ, **variables, "FUZZ_MARK": mark},
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
        )
        return process, mark

    return start


def send_at_random(rng, process, mark_file: Path, numbers) -> bool:
    """Send signals; returns whether the command was measuring when it got the first."""
    waits_for_measuring = rng.random() < 0.5
    end_s = time.monotonic() + PATIENCE_S
    while waits_for_measuring and not mark_file.exists() and process.poll() is None:
        assert time.monotonic() < end_s, "it does not begin"
        time.sleep(0.005)
    time.sleep(rng.uniform(0, 1.0 if waits_for_measuring else 2.5))
    was_measuring = mark_file.exists()
    for number in numbers:
        process.send_signal(number)
        time.sleep(rng.choice((0, 0.01, 0.2)))
    return was_measuring


@pytest.mark.fuzz_weight(0.4)
def test_a_signal_at_any_moment_leaves_a_readable_file_and_no_process(rng, command, tmp_path):
    line, name = rng.choice(LINES), rng.choice(["perf.json", "perf.jsonl", "perf.csv"])
    first = rng.choice([*ENDING, signal.SIGKILL])
    numbers = [first, *([rng.choice(ENDING)] if rng.random() < 0.2 else [])]
    process, mark = command(line, name)
    was_measuring = send_at_random(rng, process, tmp_path / "measuring", numbers)
    out, err = process.communicate(timeout=PATIENCE_S)
    seen = (line, name, numbers, was_measuring, process.returncode, out, err)
    require_none_left(mark)
    files = [tmp_path / name, *tmp_path.glob("post_error_*")]
    found = [one for file in files if file.exists() for one in load(file)]
    most = 2 if "--vs" in line else 1
    assert len(found) <= most, seen
    assert len({one.run_id for one in found}) == len(found), seen
    assert process.returncode in {0, 130, *(-number for number in numbers)}, seen
    if process.returncode in (0, 130):
        assert "Traceback" not in err, seen
    if process.returncode == 0:
        assert [one.status for one in found] == ["ok"] * most, seen
    if was_measuring and numbers in ([signal.SIGINT], [signal.SIGTERM], [signal.SIGHUP]):
        assert {one.status for one in found} in ({"ok"}, {"interrupted"}), seen
