"""`ttbench sweep` and `run_sweep`: from a definition to its records, and on from there."""

from __future__ import annotations

import json
import os
import signal
import threading
import time

import pytest
from sweep_plans import BREAKING, BREAKING_ENTRY

from ttbench_core import RunInterrupted, run_sweep
from ttbench_core.errors import RequestError
from ttbench_core.sinks.targets import check_targets
from ttbench_core.sweeps.asked import SweepAsked
from ttbench_core.sweeps.cells.host_locks import HostLock
from ttbench_core.sweeps.definition.definition_checks import sweep_of
from ttbench_core.sweeps.progress.progress_display import LinesDisplay
from ttbench_core.sweeps.running import SweepNotStoredError, run_planned

SETTINGS = {"backend": "fake", "passes": 2, "warmup": 0, "roofline": False, "verify": False}


def records(path):
    return [json.loads(line) for line in path.read_text().splitlines()]


def test_one_line_a_run_and_a_summary(sweep, tmp_path):
    done = sweep("-m", "steady,builder_raises", "-df", "Fp32,Int99", "-o", "perf.jsonl")
    assert done.code == 1, done.err
    lines = done.out.splitlines()
    assert lines[0] == "4 runs: 0 done, 4 left"
    assert lines[1].startswith("[1/4] ")
    assert "sweep        sweep: 1 done, 1 failed, 2 refused" in lines
    assert any(line.startswith("refused      2 cells: backend 'fake' has no") for line in lines)
    assert lines[-1] == "appended to  perf.jsonl"
    assert sorted(one["status"] for one in records(tmp_path / "perf.jsonl")) == [
        "failed",
        "ok",
        "refused",
        "refused",
    ]


def test_the_same_command_goes_on_and_a_longer_one_keeps_what_is_there(sweep, tmp_path):
    words = ("-m", "steady", "-df", "Fp32", "-o", "perf.jsonl")
    assert sweep(*words, "-mb", "1,2").code == 0
    again = sweep(*words, "-mb", "1,2")
    assert "2 runs: 2 done" in again.out
    assert len(records(tmp_path / "perf.jsonl")) == 2
    more = sweep(*words, "-mb", "1,2,4")
    assert "the definition has changed: 2 cells are kept, 1 are new" in more.out
    assert len(records(tmp_path / "perf.jsonl")) == 3


def test_programs_get_counts_and_outcomes(sweep):
    done = sweep("-m", "steady", "-df", "Fp32", "--rounds", "2", "--json")
    found = json.loads(done.out)
    assert (found["done"], found["failed"], found["left"], found["targets"]) == (2, 0, 0, [])
    assert [one["round"] for one in found["cells"]] == [1, 2]


def test_a_database_is_a_journal_too(sweep):
    pytest.importorskip("sqlalchemy")
    words = ("-m", "steady", "-df", "Fp32", "-o", "sqlite:///perf.db")
    assert sweep(*words).code == 0
    assert "1 runs: 1 done" in sweep(*words).out


def test_where_every_cell_is_refused_the_exit_code_is_2(sweep):
    assert sweep("-m", "steady", "-df", "Int99").code == 2


@pytest.mark.parametrize(
    ("words", "message"),
    [
        (["--retry", "ok"], "invalid choice"),
        (["--jobs", "0"], "must be a number from 1"),
        (["-o", "nowhere/perf.json"], "there is no folder"),
        (["nothing.toml"], "nothing.toml"),
    ],
)
def test_a_wrong_request_is_one_line(sweep, words, message):
    done = sweep("-m", "steady", *words)
    assert done.code == 2
    assert message in done.complaint


def test_python_gets_the_records_of_all_cells(fake_engine, tmp_path):
    target = tmp_path / "perf.jsonl"
    grid = {"model": ["steady"], "dataformat": ["Fp32", "Bfp8_b"]}
    found = run_sweep(grid=grid, settings=SETTINGS, output=target, progress=False)
    assert [one.status for one in found] == ["ok", "ok"]
    again = run_sweep(grid=grid, settings=SETTINGS, output=target, progress=False)
    assert [one.run_id for one in again] == [one.run_id for one in found]


def test_without_a_target_python_still_gets_the_records(fake_engine):
    found = run_sweep(
        grid={"model": ["steady", "builder_raises"]}, settings=SETTINGS, progress=False
    )
    assert sorted(one.status for one in found) == ["failed", "ok"]


def test_a_file_is_a_definition_for_python_as_well(fake_engine, tmp_path):
    file = tmp_path / "small.toml"
    lines = [f"{name} = {json.dumps(value)}" for name, value in SETTINGS.items()]
    file.write_text('[grid]\nmodel = ["steady"]\n[settings]\n' + "\n".join(lines))
    (found,) = run_sweep(file, progress=False)
    assert found.sweep["name"] == "small"


def test_python_is_told_of_a_record_that_is_not_stored(fake_engine, tmp_path, fake_pack):
    lost = tmp_path / "lost.jsonl"
    breaking = BREAKING.format(folder=str(lost))
    fake_pack("breaking", BREAKING_ENTRY, breaking_mod=breaking)
    with pytest.raises(SweepNotStoredError, match="lost.jsonl"):
        run_sweep(grid={"model": ["breaking"]}, settings=SETTINGS, output=lost, progress=False)


@pytest.mark.usefixtures("handles_ctrl_c")
def test_ctrl_c_before_the_first_record_is_an_interruption(fake_engine, tmp_path, monkeypatch):
    mark = tmp_path / "mark"
    monkeypatch.setenv("SLEEPY_MARK", str(mark))

    def interrupt():
        while not mark.exists():
            time.sleep(0.05)
        os.kill(os.getpid(), signal.SIGINT)

    thread = threading.Thread(target=interrupt)
    thread.start()
    settings = {**SETTINGS, "passes": 10_000}
    with pytest.raises(RunInterrupted, match="0 of 1 runs are done"):
        run_sweep(grid={"model": ["sleepy"]}, settings=settings, progress=False)
    thread.join()


def test_a_sweep_in_the_same_file_by_another_name_of_it_waits(fake_engine, tmp_path):
    target, link = tmp_path / "perf.jsonl", tmp_path / "link.jsonl"
    target.write_text("")
    link.symlink_to(target)
    (checked,) = check_targets(str(target))
    first = HostLock(f"sweep sweep in {checked.identity}", owner="the first")
    assert first.take()

    class Releasing(LinesDisplay):
        def waiting(self, sentence):
            super().waiting(sentence)
            first.release()

    said = []
    sweep = sweep_of(grid={"model": ["steady"]}, settings=SETTINGS)
    asked = SweepAsked(sweep, check_targets([str(link), str(tmp_path / "more.jsonl")]))
    assert run_planned(asked, Releasing(said.append)).outcome.state.done == 1
    assert any(line.startswith("waiting for sweep sweep in ") for line in said)


@pytest.mark.parametrize(
    ("options", "message"), [({"jobs": 0}, "jobs"), ({"retry": "faild"}, "did you mean 'failed'")]
)
def test_how_it_is_run_is_checked(fake_engine, options, message):
    with pytest.raises(RequestError, match=message):
        run_sweep(grid={"model": ["steady"]}, settings=SETTINGS, **options)


def test_a_definition_and_its_parts_are_not_given_together(tmp_path):
    with pytest.raises(TypeError, match="not both"):
        run_sweep(tmp_path / "x.toml", grid={})


def test_an_unknown_model_names_the_call(fake_engine):
    with pytest.raises(RequestError, match="nothing"):
        run_sweep(grid={"model": ["nothing"]}, settings=SETTINGS)
