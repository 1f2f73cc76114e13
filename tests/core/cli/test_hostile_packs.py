"""Whatever a pack does to the process that measures it, its record is kept where it was asked."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from functools import partial
from pathlib import Path

import pytest
from hostile_actions import BUILDERS, HEAD, SURROUNDINGS, run_hostile_pack

from ttbench_core.results.reading import load


@pytest.fixture
def evil(fake_engine, fake_pack, ttbench, tmp_path, monkeypatch):
    """Run a model whose builder, forward or module does something; gives outcome and record."""
    here = tmp_path / "here"
    here.mkdir()
    monkeypatch.chdir(here)
    return partial(run_hostile_pack, fake_pack, ttbench)


def require_kept(outcome, stored):
    """One record, in its place, the same that was printed; no traceback."""
    (record,) = stored
    assert json.loads(outcome.out)["run_id"] == record["run_id"]
    assert "Traceback" not in outcome.err
    assert "\x1b" not in outcome.err
    return record


@pytest.mark.parametrize("what", BUILDERS)
def test_a_builder_that_fails_in_any_way_leaves_its_record(evil, what):
    action, message = BUILDERS[what]
    outcome, stored = evil(builder=action)
    record = require_kept(outcome, stored)
    assert outcome.code == 1
    assert record["status"] == "failed"
    assert message in record["error"]


@pytest.mark.parametrize("what", BUILDERS)
def test_a_forward_that_fails_in_any_way_leaves_its_record(evil, what):
    action, _ = BUILDERS[what]
    outcome, stored = evil(forward=action)
    record = require_kept(outcome, stored)
    assert outcome.code == 1
    assert record["status"] == "failed"
    assert record["model"]["name"] == "evil"


@pytest.mark.parametrize("what", SURROUNDINGS)
def test_a_builder_that_changes_its_surroundings_reaches_neither_record_nor_output(evil, what):
    outcome, stored = evil(builder=SURROUNDINGS[what])
    record = require_kept(outcome, stored)
    assert outcome.code == 0
    assert record["status"] == "ok"


@pytest.mark.parametrize("action", ["os._exit(0)", "raise Odd", "ctypes.string_at(0)"])
def test_a_module_that_ends_its_process_when_it_is_imported_leaves_a_line(evil, action):
    outcome, _ = evil(module=action)
    assert outcome.code in (1, 2)
    assert len(outcome.err.strip().splitlines()) == 1
    assert "Traceback" not in outcome.err


def test_the_process_of_the_command_does_not_import_the_pack(fake_engine, fake_pack):
    builder = "@benchmark_model\ndef m(training):\n    return [echo], [ShapedTensor(1, 1)]\n"
    fake_pack("marks", "[ttbench.models]\nm = marks_mod:m\n", marks_mod=f"{HEAD}\n{builder}")
    code = (
        "import sys; from ttbench_core.cli import main;"
        "code = main(['-m', 'm', '--backend', 'fake', '--passes', '1', '--warmup', '0']);"
        "print(code, 'torch' in sys.modules, 'marks_mod' in sys.modules)"
    )
    done = subprocess.run(
        [sys.executable, "-c", code],
        env={**os.environ, "PYTHONPATH": os.pathsep.join(sys.path)},
        capture_output=True,
        text=True,
        check=True,
    )
    assert done.stdout.splitlines()[-1] == "0 False False"


def test_a_run_in_the_process_itself_can_be_asked_for(evil):
    forward = "return tensors if 'ttbench_core.cli.run' in sys.modules else 1 / 0"
    outcome, stored = evil(forward=forward, options=["--in-process"])
    assert require_kept(outcome, stored)["status"] == "ok"


def test_a_result_is_rescued_where_the_folder_of_its_target_was_removed(
    evil, monkeypatch, tmp_path
):
    monkeypatch.setattr("tempfile.tempdir", str(tmp_path))
    outcome, _ = evil(builder="import shutil; shutil.rmtree(os.getcwd())")
    assert outcome.code == 1
    (rescued,) = tmp_path.glob("post_error_perf*.json")
    (record,) = json.loads(rescued.read_text())
    assert json.loads(outcome.out)["run_id"] == record["run_id"]
    assert str(rescued) in outcome.err


@pytest.mark.parametrize("words", [["--vs", "-mb 2"], ["--processes", "2"], ["-e", "A=1"]])
def test_flags_that_need_other_processes_are_refused_in_the_process_itself(evil, words):
    outcome, stored = evil(options=["--in-process", *words])
    assert outcome.code == 2
    assert f"and {words[0]} needs others" in outcome.complaint
    assert not stored


def test_a_file_is_where_it_was_asked_for_also_in_the_process_itself(evil):
    action = SURROUNDINGS["changes the folder"]
    here = Path.cwd()
    outcome, stored = evil(builder=action, options=["--in-process"])
    assert outcome.code == 0
    assert len(stored) == 1
    assert here != Path.cwd()


def test_a_database_and_a_trace_are_where_they_were_asked_for_also_in_the_process_itself(evil):
    pytest.importorskip("sqlalchemy")
    here = Path.cwd()
    options = ["--in-process", "-o", "sqlite:///perf.db", "--trace", "light"]
    outcome, _ = evil(builder=SURROUNDINGS["changes the folder"], options=options)
    assert outcome.code == 0, outcome.err
    assert here != Path.cwd()
    assert list(Path.cwd().iterdir()) == []
    assert len(load(f"sqlite:///{here}/perf.db")) == 1


def test_a_trace_is_shown_whatever_the_pack_made_the_working_folder(evil, ttbench):
    evil(builder=SURROUNDINGS["changes the folder"])
    quick = ["--backend", "fake", "--passes", "1", "--warmup", "0", "--trace", "light"]
    outcome = ttbench("-m", "evil", *quick, "--in-process")
    assert outcome.code == 0, outcome.err
    assert "trace" in outcome.out


#: A forked process takes the descriptors that are free, and looks at them in one that it forks.
FORKS_TWICE = """
    child = os.fork()
    if child == 0:
        files = [os.open(MARK, os.O_WRONLY | os.O_APPEND) for _ in range(20)]
        if os.fork() == 0:
            for one in files:
                os.write(one, b"open\\n")
            os._exit(0)
        os.wait()
        os._exit(0)
    os.waitpid(child, 0)
"""


def test_a_process_that_a_pack_forks_keeps_its_files_when_it_forks_another(evil, tmp_path):
    mark = tmp_path / "mark"
    mark.touch()
    outcome, stored = evil(builder=FORKS_TWICE.replace("MARK", repr(str(mark))))
    assert require_kept(outcome, stored)["status"] == "ok"
    assert mark.read_text() == "open\n" * 20
    assert "Exception ignored" not in outcome.err


def test_a_process_that_a_pack_forks_writes_what_it_sends_into_no_file(evil, tmp_path):
    mark = tmp_path / "mark"
    builder = f"os.fork()\n    forward.kept = [open({str(mark)!r}, 'a') for _ in range(20)]"
    outcome, stored = evil(builder=builder)
    assert require_kept(outcome, stored)["status"] == "ok"
    assert mark.read_text() == ""
