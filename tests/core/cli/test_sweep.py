"""`ttbench sweep --dry-run`: the plan of many runs, for people and for programs."""

from __future__ import annotations

import json

import pytest

NIGHTLY = """
[sweep]
rounds = 2
output = "perf.jsonl"

[grid]
model = "steady"
backend = ["fake", "absent"]
config = ["small", "large"]
microbatch = "1..2"
"""


@pytest.fixture
def sweep(fake_engine, ttbench, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    (tmp_path / "nightly.toml").write_text(NIGHTLY)

    def run(*words):
        return ttbench("sweep", *words, "--dry-run")

    return run


def test_flags_with_lists_make_a_plan(sweep):
    words = ("-m", "steady", "--backend", "fake", "-c", "small,large", "-mb", "1,8", "-t")
    done = sweep(*words, "-e", "A=1", "-e", "A=2,3", "--json")
    assert done.code == 0, done.err
    found = json.loads(done.out)
    assert len(found["cells"]) == 8
    assert found["runs"] == 8


def test_a_flag_that_is_given_twice_has_the_values_of_both(sweep):
    found = json.loads(
        sweep("-m", "steady", "--backend", "fake", "-mb", "1", "-mb", "2", "--json").out
    )
    assert [one["settings"]["microbatch"] for one in found["cells"]] == [1, 2]


def test_a_file_and_the_same_flags_make_the_same_plan(sweep):
    from_file = json.loads(sweep("nightly.toml", "--json").out)
    words = ("-m", "steady", "--backend", "fake,absent", "-c", "small,large", "-mb", "1..2")
    of_sweep = ("--rounds", "2", "--name", "nightly", "-o", "perf.jsonl")
    assert json.loads(sweep(*words, *of_sweep, "--json").out) == from_file


def test_flags_beside_a_file_win(sweep):
    found = json.loads(sweep("nightly.toml", "--rounds", "5", "-mb", "4", "--json").out)
    assert found["rounds"] == 5
    assert {one["number"] for one in found["cells"]} == {1, 2, 3, 4}


def test_people_see_cells_times_and_what_is_refused(sweep):
    done = sweep("nightly.toml")
    assert done.code == 0, done.err
    assert "cells    4 to run in 2 rounds: 8 runs" in done.out
    assert "unknown: no earlier run" in done.out
    assert "refused 4  backend 'absent' cannot run here: there is no card; plug one in" in done.out
    assert "results  perf.jsonl" in done.out


def test_a_dry_run_writes_nothing(sweep, tmp_path):
    sweep("nightly.toml")
    assert [one.name for one in tmp_path.glob("*")] == ["nightly.toml"]


def test_times_are_those_of_earlier_runs(sweep, ttbench):
    run = ("-m", "steady", "--backend", "fake", "-c", "small", "--passes", "2", "--no-roofline")
    assert ttbench(*run, "-o", "perf.jsonl").code == 0
    found = json.loads(sweep("nightly.toml", "--json").out)
    bases = {
        one["settings"]["config"]: one["estimate"] and one["estimate"]["basis"]
        for one in found["cells"]
        if one["refused"] is None
    }
    assert bases == {"small": "similar", "large": None}
    assert found["unknown_times"] == 2
    assert "2 cells of unknown time" in sweep("nightly.toml").out


def test_a_long_table_is_cut_unless_all_is_asked_for(sweep):
    words = ("-m", "steady", "--backend", "fake", "-mb", "1..60")
    assert "... and 10 more: --all shows them" in sweep(*words).out
    assert "more" not in sweep(*words, "--all").out


def test_cells_that_differ_only_in_hidden_values_are_numbered(sweep):
    words = ("-m", "steady", "--backend", "fake", "-mb", "1,2")
    hidden = ("-e", "A_TOKEN=secret1", "-e", "A_TOKEN=secret2")
    done = sweep(*words, *hidden)
    numbers = [line.split()[3] for line in done.out.splitlines() if line.split()[1:2] == ["steady"]]
    assert sorted(numbers) == ["#2", "#2", "unknown", "unknown"]
    assert "secret" not in done.out
    assert "alike" not in sweep(*words, "-e", "OMP_NUM_THREADS=1", "-e", "OMP_NUM_THREADS=2").out


def test_configurations_of_other_models_are_counted(sweep):
    done = sweep("-m", "steady,plain", "--backend", "fake", "-c", "small")
    assert "left out  1: plain has no configuration small" in done.out


def test_a_sweep_of_which_nothing_can_run_ends_with_2(sweep):
    done = sweep("-m", "steady", "--backend", "absent")
    assert done.code == 2
    assert "cells    0 to run" in done.out


@pytest.mark.parametrize(
    ("words", "complaint"),
    [
        (["-m", "stedy"], "unknown model 'stedy' (did you mean 'steady'?)"),
        (["--backend", "fake"], "names no model"),
        (["-m", "steady", "-mb", "x"], "-mb/--microbatch: 'x' is no number and no range"),
        (["-m", "steady", "-B", "=1"], "-B"),
        (["-m", "steady", "--vs", "-t"], "unrecognized arguments: --vs"),
        (["missing.toml"], "missing.toml cannot be read"),
        (["nightly.toml", "-o", "nowhere/x.json"], "nowhere"),
        (["nightly.toml", "--rounds", "0"], "--rounds: rounds must be 1 to 1000"),
        (["-m", "steady", "-t", "--verify"], "the run"),
    ],
)
def test_a_wrong_request_is_one_line_and_ends_with_2(sweep, words, complaint):
    done = sweep(*words)
    assert done.code == 2
    assert complaint in done.complaint


def test_the_help_needs_no_model(ttbench):
    done = ttbench("sweep", "--help")
    assert done.code == 0
    assert "--dry-run" in done.out


def test_a_dry_run_imports_no_torch(python, fake_engine):
    code = (
        "import sys\nfrom ttbench_core.cli import main\n"
        "main(['sweep', '-m', 'steady', '--backend', 'fake,torch', '--dry-run'])\n"
        "print('torch' in sys.modules)"
    )
    done = python("-c", code, path=fake_engine)
    assert done.stdout.splitlines()[-1] == "False", done.stderr
