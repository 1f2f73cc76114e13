"""A sweep runs every cell, whatever cells do, and its records say what is done."""

from __future__ import annotations

import json
import os
import signal
import threading
import time

import psutil
import pytest
from sweep_plans import BREAKING, BREAKING_ENTRY, make_cell, make_plan

from ttbench_core.sinks.targets import check_targets
from ttbench_core.sweeps.cells.host_locks import MACHINE, HostLock
from ttbench_core.sweeps.execution import Execution, execute
from ttbench_core.sweeps.journal.journal import read_journal

STARTER = """
import os, subprocess
from ttbench_core import benchmark_model
from ttbench_fake_engine import ShapedTensor, echo

@benchmark_model
def starter(training):
    process = subprocess.Popen(["sleep", "300"], start_new_session=True)
    with open("pid", "w") as file:
        file.write(str(process.pid))
    return [echo], [ShapedTensor(1, 1)]
"""

#: A sink whose process gets a signal while it writes, as from Slurm when a job is queued again.
SIGNALLING = """
import os, signal

class SignallingSink:
    def __init__(self, path):
        self.path = path
    def write(self, result):
        if "TTBENCH_CELL_PROCESS" in os.environ:
            os.kill(os.getpid(), signal.{name})
        self.path.write_text("stored")
    def __enter__(self):
        return self
    def __exit__(self, *exc_info):
        pass
"""

pytestmark = pytest.mark.usefixtures("fake_engine")


class Watching:
    """An observer that notes what it is told."""

    def __init__(self):
        self.labels, self.sentences, self.states = [], [], []

    def began(self, sentences, state):
        self.states.append(state)

    def started(self, state):
        self.states.append(state)

    def ended(self, outcome, state):
        self.labels.append(outcome.label)
        self.states.append(state)

    def waiting(self, sentence):
        self.sentences.append(sentence)


@pytest.fixture
def sweep(tmp_path, monkeypatch):
    """Run a plan into `perf.jsonl`, and go on where an earlier call ended."""
    place = tmp_path / "perf.jsonl"
    monkeypatch.chdir(tmp_path)

    def run(plan, observer=None, **options):
        targets = check_targets(str(place))
        asked = Execution(plan, targets, read_journal(targets, plan.sweep.name), **options)
        return execute(asked, *([observer] if observer else []))

    run.records = lambda: [json.loads(line) for line in place.read_text().splitlines()]
    run.place = place
    return run


def wait_for(condition, limit_s=60.0):
    end_s = time.monotonic() + limit_s
    while not condition():
        assert time.monotonic() < end_s
        time.sleep(0.05)


def of_cells(records):
    return sorted((one["sweep"]["cell"], one["status"]) for one in records)


def test_each_cell_is_a_record_that_says_its_sweep(sweep, monkeypatch):
    monkeypatch.delenv("SLURM_JOB_ID", raising=False)
    done = sweep(make_plan(make_cell(1), make_cell(2), rounds=2, order_seed=3))
    assert (done.state.done, done.state.left, done.has_failed) == (4, 0, False)
    records = sweep.records()
    assert {(one["sweep"]["cell"], one["sweep"]["round"]) for one in records} == {
        ("key-1", 1),
        ("key-1", 2),
        ("key-2", 1),
        ("key-2", 2),
    }
    assert records[0]["sweep"] == {
        "name": "nightly",
        "identity": "identity",
        "cell": records[0]["sweep"]["cell"],
        "label": records[0]["sweep"]["label"],
        "round": 1,
        "rounds": 2,
        "position": 0,
        "attempt": 1,
        "order_seed": 3,
        "scenario": None,
        "settings": {"model": "steady"},
        "shard": None,
        "launch": {"by": "local"},
        "beside": [],
    }
    assert [one["sweep"]["position"] for one in records] == [0, 1, 0, 1]


def test_a_failing_a_hanging_a_crashing_and_a_refused_cell_leave_the_others_alone(sweep):
    good = [make_cell(number) for number in range(1, 7)]
    bad = [
        make_cell(7, "builder_raises"),
        make_cell(8, "sleepy", passes=10_000),
        make_cell(9, "kills_itself"),
        make_cell(10, refused="backend 'fake' has no data format Int99"),
    ]
    done = sweep(make_plan(*good, *bad, cell_timeout_s=15.0))
    assert (done.state.done, done.state.failed, done.state.refused) == (6, 3, 1)
    assert done.has_failed
    records = {one["sweep"]["cell"]: one for one in sweep.records()}
    assert len(sweep.records()) == len(records) == 10
    assert "longer than the 15 s that a cell may take" in records["key-8"]["error"]
    assert records["key-8"]["samples_per_sec"] is None
    assert "SIGKILL" in records["key-9"]["error"]
    assert records["key-10"]["status"] == "refused"
    assert records["key-10"]["error"] == "backend 'fake' has no data format Int99"


def test_what_a_backend_refuses_in_its_process_is_a_refused_row(sweep):
    done = sweep(make_plan(make_cell(1, "builder_refuses"), make_cell(2), rounds=2))
    assert (done.state.refused, done.state.done, done.has_failed) == (1, 2, False)
    assert of_cells(sweep.records()) == [("key-1", "refused"), ("key-2", "ok"), ("key-2", "ok")]


def test_what_is_done_is_not_run_again(sweep):
    sweep(make_plan(make_cell(1), make_cell(2)))
    watching = Watching()
    done = sweep(make_plan(make_cell(1), make_cell(2), make_cell(3)), watching)
    assert watching.labels == ["cell 3 steady"]
    assert (done.state.done, watching.states[0].done) == (3, 2)
    assert len(sweep.records()) == 3


def test_failed_cells_are_run_again_only_when_asked(sweep):
    plan = make_plan(make_cell(1), make_cell(2, "builder_raises"), rounds=2)
    assert sweep(plan).state.failed == 1
    again = sweep(plan)
    assert (again.outcomes, again.has_failed) == ([], True)
    assert [one.label for one in sweep(plan, retry=("failed",)).outcomes] == [
        "cell 2 builder_raises"
    ]
    assert len(sweep.records()) == 4


def test_a_row_without_a_plausible_number_is_not_done(sweep):
    sweep(make_plan(make_cell(1)))
    record = {**sweep.records()[0], "samples_per_sec": None, "confidence": None}
    sweep.place.write_text(json.dumps(record) + "\n")
    done = sweep(make_plan(make_cell(1)), retry=("failed",))
    assert done.state.done == 1
    assert len(sweep.records()) == 2


@pytest.mark.usefixtures("handles_ctrl_c")
def test_ctrl_c_ends_the_cell_that_runs_and_the_same_call_goes_on(sweep, tmp_path, monkeypatch):
    mark = tmp_path / "mark"
    monkeypatch.setenv("SLEEPY_MARK", str(mark))

    def interrupt():
        wait_for(mark.exists)
        os.kill(os.getpid(), signal.SIGINT)

    thread = threading.Thread(target=interrupt)
    thread.start()
    # the only one of its round that does not end
    done = sweep(make_plan(make_cell(1), make_cell(2, "sleepy", passes=10_000)))
    thread.join()
    assert done.is_interrupted
    assert done.state.left > 0
    (interrupted,) = [one for one in sweep.records() if one["status"] == "interrupted"]
    assert interrupted["sweep"]["cell"] == "key-2"
    rest = sweep(make_plan(make_cell(1), make_cell(2)))
    assert not rest.is_interrupted
    good = [one for one in sweep.records() if one["status"] == "ok"]
    assert of_cells(good) == [("key-1", "ok"), ("key-2", "ok")]


@pytest.mark.parametrize("name", ["SIGINT", "SIGTERM"])
def test_a_signal_while_a_record_is_stored_changes_nothing(sweep, fake_pack, tmp_path, name):
    entry = "[ttbench.sinks]\nsignalling = signalling_mod:SignallingSink\n"
    fake_pack("signalling", entry, signalling_mod=SIGNALLING.format(name=name))
    targets = check_targets([str(sweep.place), str(tmp_path / "perf.signalling")])
    plan = make_plan(make_cell(1))
    done = execute(Execution(plan, targets, read_journal(targets, "nightly")))
    assert (done.state.done, done.is_interrupted, done.not_stored) == (1, False, [])
    assert of_cells(sweep.records()) == [("key-1", "ok")]
    assert (tmp_path / "perf.signalling").read_text() == "stored"
    assert list(tmp_path.glob("post_error_*")) == []


def test_a_target_that_lacks_a_row_gets_it_from_another(tmp_path, sweep):
    sweep(make_plan(make_cell(1)))
    second = tmp_path / "second.json"
    targets = check_targets([str(sweep.place), str(second)])
    journal = read_journal(targets, "nightly")
    assert journal.status("key-1", 1) == "ok"
    assert json.loads(second.read_text())[0]["run_id"] == sweep.records()[0]["run_id"]


def test_the_machine_is_waited_for_while_another_sweep_has_it(sweep):
    other = HostLock(MACHINE, owner="sweep other")
    assert other.take()

    class Releasing(Watching):
        def waiting(self, sentence):
            super().waiting(sentence)
            other.release()

    watching = Releasing()
    assert sweep(make_plan(make_cell(1)), watching).state.done == 1
    assert watching.sentences == [
        f"waiting for machine: used by process {os.getpid()}, sweep other"
    ]


def test_more_jobs_than_devices_use_the_devices_that_are_there(sweep):
    cells = [make_cell(number, device="fake") for number in (1, 2, 3)]
    done = sweep(make_plan(*cells), jobs=3)
    assert (done.state.done, done.state.refused) == (3, 0)
    assert {one["requested"]["device"] for one in sweep.records()} == {"fake:0", "fake:1"}


def test_what_a_model_has_started_ends_with_its_cell(sweep, fake_pack, tmp_path):
    fake_pack("starter", "[ttbench.models]\nstarter = starter_mod:starter\n", starter_mod=STARTER)
    assert sweep(make_plan(make_cell(1, "starter"))).state.done == 1
    pid = int((tmp_path / "pid").read_text())
    wait_for(lambda: not psutil.pid_exists(pid) or psutil.Process(pid).status() == "zombie")


def test_a_target_that_is_lost_meanwhile_keeps_the_others_and_the_record(
    tmp_path, sweep, fake_pack
):
    lost = tmp_path / "lost.jsonl"
    breaking = BREAKING.format(folder=str(lost))
    fake_pack("breaking", BREAKING_ENTRY, breaking_mod=breaking)
    targets = check_targets([str(lost), str(sweep.place)])
    plan = make_plan(make_cell(1, "breaking"), make_cell(2))
    done = execute(Execution(plan, targets, read_journal(targets, "nightly")))
    assert done.has_failed
    assert done.state.done == 2
    assert of_cells(sweep.records()) == [("key-1", "ok"), ("key-2", "ok")]
    rescued = list(tmp_path.glob("post_error_*"))
    assert rescued
    assert "lost.jsonl" in done.not_stored[0]


def test_wrong_outputs_of_an_earlier_call_still_count(sweep):
    plan = make_plan(make_cell(1))
    sweep(plan)
    record = {**sweep.records()[0], "verification": {"passed": False, "pcc": 0.1}}
    sweep.place.write_text(json.dumps(record) + "\n")
    again = sweep(plan)
    assert again.outcomes == []
    assert again.wrong == ["cell 1 steady"]
    assert again.has_failed


def test_cells_on_different_devices_run_at_once_and_say_so(sweep):
    devices = [make_cell(number, device="fake") for number in (1, 2, 3, 4)]
    watching = Watching()
    done = sweep(make_plan(*devices), watching, jobs=2)
    assert done.state.done == 4
    assert max(len(state.running) for state in watching.states) == 2
    assert any(one["sweep"]["beside"] for one in sweep.records())
    assert {one["requested"]["device"] for one in sweep.records()} == {"fake:0", "fake:1"}


def test_the_time_left_is_known_after_the_first_cell(sweep):
    watching = Watching()
    sweep(make_plan(make_cell(1), make_cell(2), make_cell(3)), watching)
    assert watching.states[0].remaining is None
    left = [state.remaining for state in watching.states if state.left and state.done]
    assert left
    assert all(one.low_s <= one.expected_s <= one.high_s for one in left)
