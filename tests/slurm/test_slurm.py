"""`ttbench sweep --on slurm` on a real Slurm: an array of shards, ended, queued again, refused."""

from __future__ import annotations

import json
import re
import sqlite3
import subprocess
from collections import Counter

import pytest
from slurm_jobs import jobs

pytest.importorskip("sqlalchemy")
CELLS = 12
# a cell takes a second or two: 12 + 5 x 8 inputs of 20 ms
DEFINITION = """
[sweep]
output = ["perf.jsonl", "sqlite:///perf.db"]

[settings]
backend = "fake"
passes = 2
warmup = 0
roofline = false
verify = false

[grid]
model = "sleepy"
loop_count = "1..{cells}"
"""


def records(folder):
    file = folder / "perf.jsonl"
    return [json.loads(line) for line in file.read_text().splitlines()] if file.exists() else []


def rows(folder):
    with sqlite3.connect(folder / "perf.db") as database:
        return database.execute("SELECT run_id FROM ttbench_results").fetchall()


def test_an_array_runs_all_cells_on_two_nodes_and_goes_on_where_a_task_was_queued_again(
    command, wait_for
):
    folder = command.folder
    (folder / "nightly.toml").write_text(DEFINITION.format(cells=CELLS))
    words = ("sweep", "nightly.toml", "--on", "slurm", "--shards", "4", "--slurm", "time=10")

    shown = command(*words, "--dry-run")
    assert shown.returncode == 0, shown.stderr
    assert not list(folder.glob("*.sbatch"))

    done = command(*words)
    assert done.returncode == 0, done.stderr
    job = re.search(r"^job +([0-9]+): 12 cells in 4 shards$", done.stdout, re.MULTILINE)[1]
    assert "how far it is: ttbench sweep nightly.toml --status" in done.stdout
    assert (folder / "nightly.sbatch").read_text() == shown.stdout

    # one task of each node, and one of them is queued again in the middle of its cells
    wait_for(lambda: len({one.split()[2] for one in jobs() if "RUNNING" in one}) == 2, "two nodes")
    wait_for(
        lambda: any(one["sweep"]["launch"]["array_task"] == "1" for one in records(folder)),
        "a record of the first task",
    )
    subprocess.run(["scontrol", "requeue", f"{job}_1"], check=True)
    assert command("sweep", "nightly.toml", "--status").returncode == 1

    wait_for(lambda: not jobs(), "the end of the job")
    complete = command("sweep", "nightly.toml", "--status", "--json")
    assert complete.returncode == 0, complete.stdout
    found = json.loads(complete.stdout)
    assert (found["done"], found["missing"], found["drivers"]) == (CELLS, 0, [])
    assert {name: one["done"] for name, one in found["shards"].items()} == {
        f"{number}/4": 3 for number in range(1, 5)
    }

    kept = records(folder)
    good = Counter(one["sweep"]["cell"] for one in kept if one["status"] == "ok")
    assert len(good) == CELLS
    assert set(good.values()) == {1}
    assert sorted(one["run_id"] for one in kept) == sorted(row[0] for row in rows(folder))
    launches = [one["sweep"]["launch"] for one in kept]
    assert {(one["by"], one["job"]) for one in launches} == {("slurm", job)}
    assert {one["node"] for one in launches} == {"node1", "node2"}
    for one in kept:
        assert one["sweep"]["shard"] == f"{one['sweep']['launch']['array_task']}/4"
    # Slurm's SIGTERM reached the sweep, and not only its shell
    first = (folder / f"nightly-{job}_1.log").read_text()
    assert "interrupted: " in first
    assert first.count(" runs: ") == 2
    restarts = {(one["array_task"], one["restarts"]) for one in launches}
    assert {("1", "0"), ("1", "1")} <= restarts
    assert {number for task, number in restarts if task != "1"} == {"0"}

    # submitted again: everything is done, and the tasks deal by the times that are there now
    again = command(*words)
    assert again.returncode == 0, again.stderr
    assert "--times nightly-" in (folder / "nightly.sbatch").read_text()
    assert len(list(folder.glob("nightly-*.times.json"))) == 1
    wait_for(lambda: not jobs(), "the end of the second job")
    assert len(records(folder)) == len(kept)


def test_what_sbatch_refuses_is_one_line(command):
    words = ("sweep", "-m", "steady", "--backend", "fake", "-o", "perf.jsonl")
    job = ("--on", "slurm", "--shards", "2", "--slurm", "partition=nowhere")
    done = command(*words, *job)
    assert done.returncode == 2
    (line,) = done.stderr.splitlines()
    assert "sbatch refuses sweep.sbatch: " in line
    assert "partition" in line
