"""`ttbench sweep --status`: how far a sweep is, on any machine, and who runs it."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
import time
from dataclasses import replace

import pytest
from sweep_plans import make_cell, make_plan

from ttbench_core.results.reading import load
from ttbench_core.sinks.targets import check_targets
from ttbench_core.sweeps.journal.heart import Heart
from ttbench_core.sweeps.journal.heartbeats import (
    Heartbeat,
    RunningCell,
    drop_heartbeat,
    heartbeats_of,
    keep_heartbeat,
)
from ttbench_core.sweeps.journal.status import status_of
from ttbench_core.sweeps.planning.combinations import combination_of
from ttbench_core.sweeps.progress.progress import SILENT_SWEEP, SweepState
from ttbench_core.testing import example_result

QUICK = ("--passes", "2", "--warmup", "0", "--no-roofline", "--no-verify")


def wait_for(condition, limit_s=30.0):
    end_s = time.monotonic() + limit_s
    while not condition():
        assert time.monotonic() < end_s
        time.sleep(0.02)


def beat(**changes):
    given = {
        "sweep": "nightly",
        "identity": "identity",
        "shard": None,
        "host": "node1",
        "pid": 7,
        "time_s": time.time(),
        **changes,
    }
    return Heartbeat(**given)


def running(cell):
    return RunningCell(cell.label, combination_of(cell.settings, cell.scenario, cell.label))


def cell_named(number, name):
    """Give a cell with a combination of its own."""
    cell = make_cell(number)
    return replace(cell, label=name, settings={"model": name})


@pytest.fixture
def target(tmp_path):
    (found,) = check_targets(str(tmp_path / "perf.jsonl"))
    return found


def store(target, *stamps, **changes):
    lines = []
    for number, stamp in enumerate(stamps):
        sweep = {"name": "nightly", "identity": "identity", "round": 1, "scenario": None, **stamp}
        one = example_result(run_id=f"{number:032x}", sweep=sweep, **changes)
        lines.append(f"{one.to_json()}\n")
    target.place.write_text("".join(lines))


def test_a_sweep_of_which_nothing_ran_is_missing(sweep):
    done = sweep("-m", "steady", "-mb", "1,2", "-o", "perf.jsonl", "--status")
    assert done.code == 1
    assert "runs     2: 2 missing" in done.out
    assert "missing  steady" not in done.out
    assert done.out.count("\nmissing ") == 2


def test_a_sweep_that_is_complete_ends_with_0_and_one_with_a_failure_with_1(sweep, tmp_path):
    words = ("-m", "steady", "-df", "Fp32,Int99", "--rounds", "2", "-o", "perf.jsonl")
    assert sweep(*words, "--shard", "1/1").code == 0
    found = json.loads(sweep(*words, "--status", "--json").out)
    assert sweep(*words, "--status").code == 0
    assert (found["done"], found["refused"], found["missing"]) == (2, 1, 0)
    assert found["complete"]
    assert list(found["shards"]) == ["1/1"]
    assert found["drivers"] == []
    assert [one.name for one in tmp_path.glob("*.running-*")] == []
    bad = ("-m", "builder_raises", "--rounds", "2", "-o", "bad.jsonl")
    assert sweep(*bad).code == 1
    done = sweep(*bad, "--status")
    assert done.code == 1
    assert "runs     1 in 2 rounds: 1 failed" in done.out
    assert "weights.bin is not there" in done.out


def test_a_machine_without_the_pack_tells_the_status(sweep):
    done = sweep("-m", "steady,of_another_pack", "-o", "perf.jsonl", "--status")
    assert (done.code, done.err) == (1, "")
    assert "runs     2: 2 missing" in done.out


def test_the_files_of_all_shards_count(sweep):
    words = ("-m", "steady", "-mb", "1..3", "-o", "perf-{shard}.jsonl")
    assert sweep(*words, "--shard", "1/2").code == 0
    done = sweep(*words, "--status")
    assert done.code == 1
    assert "runs     3: 2 done, 1 missing" in done.out
    assert "shard    1/2: 2 done" in done.out
    assert sweep(*words, "--shard", "2/2").code == 0
    assert sweep(*words, "--status").code == 0
    assert "runs     1: 1 done" in sweep(*words, "--status", "--shard", "2/2").out


def test_status_without_a_target_is_one_line(sweep):
    done = sweep("-m", "steady", "--status")
    assert done.code == 2
    assert "name them with -o TARGET" in done.complaint


def test_a_record_of_another_kind_of_machine_counts_by_its_combination(target):
    plan = make_plan(cell_named(1, "a"), cell_named(2, "b"))
    elsewhere = {"cell": "another key", "label": "a", "settings": {"model": "a"}}
    store(target, elsewhere)
    found = status_of(plan, [target])
    assert [one.state for one in found.cells] == ["done", "missing"]
    store(target, {**elsewhere, "identity": "of another definition"})
    assert [one.state for one in status_of(plan, [target]).cells] == ["missing", "missing"]


@pytest.mark.parametrize(
    ("here", "elsewhere", "state"),
    [
        ("interrupted", "ok", "done"),
        ("failed", "ok", "done"),
        ("ok", "failed", "done"),
        ("failed", "refused", "refused"),
    ],
)
def test_the_better_of_a_record_by_key_and_one_by_combination_counts(
    target, here, elsewhere, state
):
    plan = make_plan(cell_named(1, "a"))
    lines = b""
    for key, status in (("key-1", here), ("another key", elsewhere)):
        lost = {} if status == "ok" else {"error": "boom", "samples_per_sec": None}
        stamp = {"cell": key, "label": "a", "settings": {"model": "a"}}
        store(target, stamp, status=status, **lost)
        lines += target.place.read_bytes().replace(b"0" * 32, f"{key:0>32}".encode())
    target.place.write_bytes(lines)
    assert [one.state for one in status_of(plan, [target]).cells] == [state]


def test_a_cell_that_was_merged_with_another_elsewhere_is_done_with_it(target):
    plan = make_plan(cell_named(1, "a"), cell_named(2, "b"))
    merged = [combination_of({"model": "b"}, None, "b"), 7]
    stamp = {"cell": "another key", "label": "a", "settings": {"model": "a"}, "merged": merged}
    store(target, stamp)
    assert [one.state for one in status_of(plan, [target]).cells] == ["done", "done"]


def test_a_record_says_which_cells_it_stands_for(sweep, tmp_path):
    file = tmp_path / "default.toml"
    file.write_text(
        '[[scenarios]]\nname = "default"\n[[scenarios]]\nname = "said"\ndataformat = "Bfp8_b"\n'
        '[grid]\nmodel = "steady"\n[sweep]\noutput = "one.jsonl"\n'
    )
    assert sweep(str(file)).code == 0
    (record,) = map(json.loads, (tmp_path / "one.jsonl").read_text().splitlines())
    assert record["sweep"]["scenario"] == "default"
    (merged,) = record["sweep"]["merged"]
    assert json.loads(merged)[0] == "said"


def test_a_lost_driver_of_a_sweep_that_is_complete_is_no_news(target):
    store(target, {"cell": "key-1", "label": "a", "settings": {"model": "a"}})
    keep_heartbeat(target, beat(time_s=time.time() - 200))
    found = status_of(make_plan(cell_named(1, "a")), [target])
    assert found.is_complete
    assert found.drivers == ()


def test_rounds_after_a_failure_are_not_missing(target):
    plan = make_plan(cell_named(1, "a"), rounds=5)
    stamp = {"cell": "key-1", "label": "a", "settings": {"model": "a"}}
    store(target, {**stamp, "round": 2}, status="failed", error="boom", samples_per_sec=None)
    found = status_of(plan, [target])
    states = [(one.round, one.state, one.reason) for one in found.cells]
    assert states == [(1, "missing", None), (2, "failed", "boom")]


def test_what_a_driver_runs_is_running_until_it_is_lost(target):
    cells = [cell_named(1, "a"), cell_named(2, "b")]
    plan = make_plan(*cells, rounds=2)
    keep_heartbeat(target, beat(running=(running(cells[0]),)))
    assert status_of(plan, [target]).counts["running"] == 1
    keep_heartbeat(target, beat(running=(running(cells[0]),), time_s=time.time() - 200))
    found = status_of(plan, [target])
    assert (found.counts["running"], found.counts["missing"]) == (0, 4)
    assert [one.is_lost for one in found.drivers] == [True]


def test_a_lost_driver_is_forgotten_when_another_one_has_taken_its_shard(target):
    keep_heartbeat(target, beat(shard="1/2", time_s=time.time() - 200))
    keep_heartbeat(target, beat(shard="2/2", pid=8, time_s=time.time() - 200))
    keep_heartbeat(target, beat(shard="1/2", host="node2"))
    found = status_of(make_plan(cell_named(1, "a")), [target])
    assert [(one.beat.host, one.beat.shard) for one in found.drivers] == [
        ("node2", "1/2"),
        ("node1", "2/2"),
    ]


@pytest.mark.parametrize(
    "text",
    [
        "",
        "null",
        "[" * 100_000,
        '{"sweep": "nightly"}',
        beat().text().replace('"node1"', "3"),
        beat().text().replace("7,", '"7",'),
        '{"sweep": "nightly", "identity": "i", "host": "h", "pid": 1, "time_s": NaN}',
    ],
)
def test_a_heartbeat_that_is_none_is_ignored(target, text):
    target.place.with_name("perf.jsonl.running-node1-7").write_text(text)
    assert heartbeats_of(target, "nightly") == []


def test_a_hostile_heartbeat_is_escaped(sweep, tmp_path):
    (target,) = check_targets(str(tmp_path / "perf.jsonl"))
    name = "\x1b[31mevil"
    keep_heartbeat(target, beat(sweep="sweep", host=name, running=(RunningCell(name, "x"),)))
    done = sweep("-m", "steady", "-o", "perf.jsonl", "--status")
    assert "evil" in done.out
    assert "\x1b" not in done.out


def test_a_link_or_a_pipe_in_place_of_a_heartbeat_is_ignored(target, tmp_path):
    elsewhere = tmp_path / "elsewhere"
    elsewhere.write_text(beat().text())
    target.place.with_name("perf.jsonl.running-a-1").symlink_to(elsewhere)
    os.mkfifo(target.place.with_name("perf.jsonl.running-b-1"))
    assert heartbeats_of(target, "nightly") == []


def test_a_heartbeat_is_no_result(target):
    store(target, {"cell": "key-1", "label": "a", "settings": {}})
    keep_heartbeat(target, beat())
    assert len(load(str(target.place))) == 1


def test_a_long_name_of_a_host_gives_a_file_all_the_same(tmp_path):
    (target,) = check_targets(str(tmp_path / f"{'x' * 190}.jsonl"))
    keep_heartbeat(target, beat(host="h/" * 100))
    assert len(heartbeats_of(target, "nightly")) == 1
    drop_heartbeat(target, beat(host="h/" * 100).name)
    assert heartbeats_of(target, "nightly") == []


def test_long_names_of_hosts_that_end_alike_have_a_file_each(target):
    hosts = [f"{cluster}-node-0001.{'of-a-long-domain.' * 3}example" for cluster in ("a", "b")]
    for host in hosts:
        keep_heartbeat(target, beat(host=host))
    found = heartbeats_of(target, "nightly")
    assert sorted(one.host for _, one in found) == hosts
    # by the names of the files, as a heart does for what an earlier driver left behind
    for name, _ in found:
        drop_heartbeat(target, name)
    assert heartbeats_of(target, "nightly") == []


def test_a_driver_says_what_runs_and_takes_it_back_at_the_end(target):
    cell = cell_named(1, "a")
    with Heart(make_plan(cell), [target], SILENT_SWEEP) as heart:
        heart.started(SweepState(1, running=("a",)))
        wait_for(lambda: [one.running for _, one in heartbeats_of(target, "nightly")] != [])
        wait_for(
            lambda: (
                [one.running for _, one in heartbeats_of(target, "nightly")] == [(running(cell),)]
            )
        )
        ((_, found),) = heartbeats_of(target, "nightly")
        assert found.pid == os.getpid()
    assert heartbeats_of(target, "nightly") == []


def test_what_an_earlier_driver_of_the_same_shard_left_behind_is_removed(target):
    plan = make_plan(cell_named(1, "a"))
    with Heart(plan, [target], SILENT_SWEEP):
        wait_for(lambda: heartbeats_of(target, "nightly"))
        ((_, own),) = heartbeats_of(target, "nightly")
    keep_heartbeat(target, beat(host=own.host, pid=own.pid + 1))
    keep_heartbeat(target, beat(host=own.host, pid=own.pid + 2, shard="1/2"))
    keep_heartbeat(target, beat(host="another", shard="2/2", time_s=time.time() - 30 * 86_400))
    with Heart(plan, [target], SILENT_SWEEP):
        pass
    # and what was lost on another machine a month ago
    assert [one.shard for _, one in heartbeats_of(target, "nightly")] == ["1/2"]


class Failing:
    """A sink whose heartbeats fail."""

    takes_url = True

    @staticmethod
    def keep_heartbeat(*_):
        raise RuntimeError("the server is\ndown")

    heartbeats = drop_heartbeat = keep_heartbeat


def test_a_heartbeat_that_fails_is_told_once_and_ends_nothing(target):
    said = []

    class Watching(type(SILENT_SWEEP)):
        def waiting(self, sentence):
            said.append(sentence)

    failing = type(target)("failing:x", Failing)
    with Heart(make_plan(cell_named(1, "a")), [failing, target], Watching()) as heart:
        for _ in range(3):
            heart.started(SweepState(1, running=("a",)))
        wait_for(lambda: heartbeats_of(target, "nightly"))
    (sentence,) = said
    assert sentence.startswith("failing:x: --status cannot show what runs here, because no heart")
    assert sentence.endswith("the server is down")
    found = status_of(make_plan(cell_named(1, "a")), [target])
    assert found.notes == ()


def test_what_a_target_cannot_is_a_note(target):
    plan = make_plan(cell_named(1, "a"))
    blind = type(target)("blind:x", type("Blind", (), {"records": staticmethod(lambda _: ())}))
    assert status_of(plan, [blind]).notes == (
        "blind:x keeps no heartbeats: what runs now is not known from it",
    )
    closed = type(target)("closed:x", type("Closed", (), {}))
    assert status_of(plan, [closed]).notes == (
        "closed:x cannot be read back: what only it holds is not counted",
    )


def test_a_database_keeps_heartbeats_in_a_table_of_its_own(tmp_path):
    pytest.importorskip("sqlalchemy")
    (target,) = check_targets(f"sqlite:///{tmp_path}/perf.db")
    assert heartbeats_of(target, "nightly") == []
    keep_heartbeat(target, beat())
    later = beat(time_s=time.time() + 5, shard="1/2")
    keep_heartbeat(target, later)
    keep_heartbeat(target, beat(pid=8))
    assert sorted(heartbeats_of(target, "nightly"), key=lambda one: one[0]) == [
        ("node1-7", later),
        ("node1-8", heartbeats_of(target, "nightly")[-1][1]),
    ]
    assert heartbeats_of(target, "other") == []
    assert len(load(str(target.place))) == 0
    drop_heartbeat(target, "node1-7")
    assert [name for name, _ in heartbeats_of(target, "nightly")] == ["node1-8"]


def test_a_sweep_that_runs_is_seen_by_its_status(
    sweep, fake_engine, tmp_path, monkeypatch, start_process
):
    monkeypatch.setenv("PYTHONPATH", str(fake_engine))
    words = ("-m", "sleepy", "--loop_count", "100000", "-o", "perf.jsonl")
    command = [sys.executable, "-m", "ttbench_core", "sweep", "--backend", "fake", *QUICK, *words]
    driver = start_process(command, stdout=subprocess.DEVNULL)
    (target,) = check_targets("perf.jsonl")
    wait_for(lambda: any(one.running for _, one in heartbeats_of(target, "sweep")), limit_s=120)
    done = sweep(*words, "--status")
    assert done.code == 1
    assert "runs     1: 1 running" in done.out
    assert f"process {driver.pid}, heard " in done.out
    assert "runs sleepy" in done.out
    driver.send_signal(signal.SIGTERM)
    assert driver.wait() == 130
    assert heartbeats_of(target, "sweep") == []
    assert "runs     1: 1 missing" in sweep(*words, "--status").out
