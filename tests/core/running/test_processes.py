"""A measurement in fresh processes: one result, an interval over them, nothing left behind."""

from __future__ import annotations

import contextlib
import json
import os
import signal
import subprocess
import sys
import threading
import time

import psutil
import pytest

import ttbench_core
from ttbench_core import BenchmarkError, RequestError, RunInterrupted, benchmark_model
from ttbench_core.plugins.catalogue import find_model
from ttbench_core.running.processes import series

pytestmark = pytest.mark.usefixtures("fake_engine")


def run(model, **options):
    return ttbench_core.run(
        model, backend="fake", progress=False, **{"passes": 3, "processes": 3, **options}
    )


def test_the_interval_is_over_processes_and_says_so(left_behind):
    result = run("steady")
    assert result.confidence["over"] == "processes"
    assert result.confidence["replicates"] == 3
    assert result.confidence["scope"] == "95 % interval over 3 processes"
    assert result.args["processes"] == result.requested["processes"] == 3
    assert not left_behind()


def test_passes_know_their_process_and_each_process_its_own_facts():
    result = run("steady", config="small")
    assert [one["process"] for one in result.passes] == [0, 0, 0, 1, 1, 1, 2, 2, 2]
    assert len({one["run_id"] for one in result.processes}) == 3
    for process in result.processes:
        assert process["status"] == "ok"
        assert process["stopping"]["reason"] == "passes"
        assert list(process["phases_ns"])[:2] == ["build", "compile"]
    assert result.run_id not in {one["run_id"] for one in result.processes}


def test_later_processes_warm_up_as_long_as_the_first():
    inputs = [one["warmup"]["inputs"] for one in run("steady").processes]
    assert len(set(inputs)) == 1


def test_the_first_process_alone_checks_the_outputs():
    result = run("steady")
    assert "verify" in result.processes[0]["phases_ns"]
    assert "verify" not in result.processes[1]["phases_ns"]
    assert result.verification["passed"] is None


def test_one_process_of_two_has_no_interval_and_a_headline():
    result = run("steady", processes=2)
    assert result.confidence is None
    assert result.samples_per_sec > 0
    assert result.verdict["findings"][0]["rule"] in {"few-replicates", "too-short", "level-shift"}


def test_a_builder_of_a_notebook_is_taken_to_the_processes():
    pytest.importorskip("cloudpickle")
    _, inputs = find_model("plain").builder(False)

    @benchmark_model(configs=["mine"])
    def here(training, config):
        return [lambda *tensors: tensors], inputs

    result = run(here, config="mine")
    assert result.ok
    assert "here" in result.args["model"]


def test_a_builder_that_cannot_be_taken_along_says_so():
    pytest.importorskip("cloudpickle")
    held = threading.Lock()

    def here(training):
        return [held.acquire], []

    with pytest.raises(RequestError, match="cannot be brought to another process"):
        run(here)


def test_without_cloudpickle_it_says_what_to_install(monkeypatch):
    monkeypatch.setitem(sys.modules, "cloudpickle", None)
    with pytest.raises(RequestError, match="pip install 'ttbench-core.notebook.'"):
        run(lambda training: None)


def test_a_wrong_request_is_said_as_without_processes(left_behind):
    with pytest.raises(RequestError, match="this model runs on Sundays only"):
        run("builder_refuses")
    assert not left_behind()


def test_a_process_that_fails_is_a_failed_record_with_its_phase(tmp_path):
    with pytest.raises(
        BenchmarkError, match="failed in passes of process 1: RuntimeError"
    ) as ended:
        run("device_fails", passes=5, warmup=4, output=tmp_path / "perf.json")
    (record,) = json.loads((tmp_path / "perf.json").read_text())
    assert record["status"] == "failed"
    assert record["samples_per_sec"] is None
    assert len(record["passes"]) == 1
    assert ended.value.result.to_record() == record


def test_a_process_that_is_killed_is_a_failed_record_that_names_the_signal(tmp_path, left_behind):
    with pytest.raises(BenchmarkError, match="was ended by SIGKILL in phase"):
        run("kills_itself", output=tmp_path / "perf.json")
    (record,) = json.loads((tmp_path / "perf.json").read_text())
    assert record["failure"]["phase"] == "process"
    assert not left_behind()


def test_what_a_pack_prints_in_a_process_does_not_spoil_json(python, fake_engine):
    words = ["-m", "plain", "--backend", "fake", "--processes", "2", "--passes", "1", "--json"]
    done = python("-m", "ttbench_core", *words, path=fake_engine)
    assert json.loads(done.stdout)["status"] == "ok"
    assert done.stderr == "a pack may print\n" * 2


@pytest.fixture
def asleep(fake_engine, start_process, tmp_path):
    """A command that measures in a child process, started and in its second pass."""
    mark = tmp_path / "mark"
    words = [
        "-m",
        "sleepy",
        "--backend",
        "fake",
        "--processes",
        "2",
        "--warmup",
        "4",
        "--passes",
        "5000",
        "-o",
        "perf.json",
    ]
    process = start_process(
        [sys.executable, "-m", "ttbench_core", *words],
        env={**os.environ, "PYTHONPATH": str(fake_engine), "SLEEPY_MARK": str(mark)},
        cwd=tmp_path,
        stderr=subprocess.PIPE,
        stdout=subprocess.DEVNULL,
        text=True,
    )
    for _ in range(600):
        if mark.exists():
            break
        time.sleep(0.05)
    return process, *psutil.Process(process.pid).children()


@pytest.mark.parametrize("ending", [signal.SIGINT, signal.SIGTERM])
def test_what_was_measured_is_kept_when_it_is_interrupted(tmp_path, asleep, ending):
    process, child = asleep
    process.send_signal(ending)
    _, err = process.communicate(timeout=60)
    assert process.returncode == 130, err
    (record,) = json.loads((tmp_path / "perf.json").read_text())
    assert record["status"] == "interrupted"
    assert record["passes"]
    assert not child.is_running()


def test_a_child_ends_when_its_parent_is_killed(asleep):
    process, child = asleep
    process.kill()
    process.wait()
    child.wait(timeout=30)


def test_a_child_that_is_interrupted_by_itself_interrupts_the_run(tmp_path, asleep):
    process, child = asleep
    child.send_signal(signal.SIGTERM)
    _, err = process.communicate(timeout=60)
    assert process.returncode == 130, err
    (record,) = json.loads((tmp_path / "perf.json").read_text())
    assert record["status"] == "interrupted"


def test_a_child_that_does_not_answer_ctrl_c_is_given_up_with_a_record(tmp_path, asleep):
    process, child = asleep
    child.suspend()
    for _ in range(100):
        process.send_signal(signal.SIGINT)
        with contextlib.suppress(subprocess.TimeoutExpired):
            process.wait(0.5)
            break
    assert process.returncode == 130
    (record,) = json.loads((tmp_path / "perf.json").read_text())
    assert record["status"] == "interrupted"
    assert "did not answer Ctrl-C in phase passes, after" in record["error"]
    assert record["model"]["name"] == "sleepy"
    assert not child.is_running()


def test_a_later_process_that_is_refused_keeps_the_earlier_ones(tmp_path, monkeypatch):
    real, calls = series.Child, []

    def refusing(*arguments, **keywords):
        calls.append(1)
        if len(calls) == 2:
            raise OSError("no more processes")
        return real(*arguments, **keywords)

    monkeypatch.setattr(series, "Child", refusing)
    with pytest.raises(BenchmarkError, match="failed in process of process 2: OSError: no more"):
        run("steady", output=tmp_path / "perf.json")
    (record,) = json.loads((tmp_path / "perf.json").read_text())
    assert len(record["passes"]) == 3
    assert record["status"] == "failed"


def test_ctrl_c_while_records_are_put_together_keeps_them(tmp_path, monkeypatch):
    real, calls = series.combine_results, []

    def interrupted(*arguments):
        calls.append(1)
        if len(calls) == 1:
            raise KeyboardInterrupt
        return real(*arguments)

    monkeypatch.setattr(series, "combine_results", interrupted)
    with pytest.raises(RunInterrupted):
        run("steady", output=tmp_path / "perf.json")
    (record,) = json.loads((tmp_path / "perf.json").read_text())
    assert len(record["passes"]) == 9


def test_debug_shows_the_traceback_of_the_process(python, fake_engine):
    words = ["-m", "device_fails", "--backend", "fake", "--processes", "2", "--warmup", "4"]
    done = python("-m", "ttbench_core", *words, "--debug", path=fake_engine)
    assert done.returncode == 1
    assert "in fail_late" in done.stderr
    quiet = python("-m", "ttbench_core", *words, path=fake_engine)
    assert len(quiet.stderr.splitlines()) == 1


@pytest.mark.skipif(sys.version_info < (3, 11), reason="-P came with Python 3.11")
def test_a_module_of_the_working_folder_is_not_run_by_the_processes(python, fake_engine, tmp_path):
    folder = tmp_path / "elsewhere"
    folder.mkdir()
    (folder / "json.py").write_text("raise SystemExit('the wrong json')")
    words = ["-m", "steady", "--backend", "fake", "--processes", "2", "--passes", "2"]
    script = "import sys; from ttbench_core.cli import main; sys.exit(main())"
    done = python("-P", "-c", script, *words, path=fake_engine)
    assert done.returncode == 0, done.stderr
