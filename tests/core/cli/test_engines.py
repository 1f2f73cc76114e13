"""`ttbench engines`: one model on every engine, one row each, whatever an engine does."""

from __future__ import annotations

import json

import pytest

QUICK = ("--passes", "2", "--warmup", "0", "--no-roofline", "--no-verify")
CRASHING = """
import os
from ttbench_fake_engine import FakeBackend

class Crashing(FakeBackend):
    name = "crashing"

    def compile(self, model, options):
        os.abort()
"""
SECOND = """
from ttbench_fake_engine import FakeBackend

class Second(FakeBackend):
    name = "second"
"""


def records(path):
    return json.loads(path.read_text())


@pytest.fixture
def engines(fake_engine, ttbench, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)

    def run(*words):
        return ttbench("engines", "-m", "steady", *QUICK, *words)

    return run


def test_each_format_of_an_engine_is_a_row_with_a_record(engines, tmp_path):
    done = engines("--backend", "fake", "-df", "Fp32,Bfp8_b", "-o", "perf.json", "--json")
    assert done.code == 0, done.err
    found = json.loads(done.out)
    assert [(one["backend"], one["dataformat"]) for one in found["rows"]] == [
        ("fake", "Fp32"),
        ("fake", "Bfp8_b"),
    ]
    stored = records(tmp_path / "perf.json")
    assert [one["run_id"] for one in stored] == [one["run_id"] for one in found["rows"]]


def test_a_table_is_for_people(engines):
    done = engines("--backend", "fake", "-df", "Fp32")
    assert done.code == 0, done.err
    assert done.out.splitlines()[0].split()[:3] == ["engine", "format", "level"]


def test_rows_that_are_refused_alike_are_one_in_the_table_with_the_reason_below(engines, fake_pack):
    fake_pack("lost", "[ttbench.backends]\nlost = lost_mod:Lost\n", lost_mod="import nothing_here")
    done = engines("--backend", "lost,fake", "-df", "Fp32,Bfp8_b")
    lines = done.out.splitlines()
    (row,) = [line for line in lines if line.startswith("lost  ")]
    assert row.split() == ["lost", "Fp32,", "Bfp8_b", "refused"]
    (reason,) = [line for line in lines if line.startswith("lost Fp32, Bfp8_b refused: ")]
    assert "nothing_here" in reason


def test_a_format_that_an_engine_lacks_is_a_refused_row(engines):
    done = engines("--backend", "fake", "-df", "Fp32,Int99", "--json")
    assert done.code == 0
    (good, refused) = json.loads(done.out)["rows"]
    assert good["status"] == "ok"
    assert refused["status"] == "refused"
    assert "Int99" in refused["reason"]


def test_an_engine_that_crashes_is_a_failed_row_and_the_others_run(engines, fake_pack, tmp_path):
    entry = "[ttbench.backends]\ncrashing = crashing_mod:Crashing\n"
    fake_pack("crashing", entry, crashing_mod=CRASHING)
    words = ("--backend", "crashing,fake", "-df", "Fp32", "-o", "perf.json", "--json")
    done = engines(*words)
    assert done.code == 1
    failed, good = json.loads(done.out)["rows"]
    assert failed["status"] == "failed"
    assert "SIGABRT" in failed["reason"]
    assert good["status"] == "ok"
    assert [one["status"] for one in records(tmp_path / "perf.json")] == ["failed", "ok"]


@pytest.mark.parametrize(
    ("words", "message"),
    [
        (["--backend", "nope"], "unknown backend 'nope'"),
        (["--backend", ","], "names nothing"),
        (["-opt", "two"], "must be numbers"),
        (["--vs", "-mb 2"], "--vs is for a run of its own"),
        (["--in-process"], "--in-process is for a run of its own"),
    ],
)
def test_a_wrong_request_is_one_line(engines, words, message):
    done = engines(*words)
    assert done.code == 2
    assert message in done.complaint


def test_an_engine_whose_interpreter_is_missing_is_a_refused_row(engines, tmp_path):
    text = '[interpreters]\ngone = { python = "/no/python", backends = ["far", "openvino"] }\n'
    (tmp_path / "ttbench.toml").write_text(text)
    done = engines("--backend", "fake,openvino,far", "-df", "Fp32", "--json")
    assert done.code == 0, done.err
    good, known, unknown = json.loads(done.out)["rows"]
    assert good["status"] == "ok"
    for row in (known, unknown):
        assert row["status"] == "refused"
        assert "--python gone (/no/python) cannot be started" in row["reason"]


def test_cells_that_an_engine_refuses_alike_are_all_rows(engines, fake_pack):
    refusing = CRASHING.replace('"crashing"', '"refusing"').replace(
        "os.abort()", "raise UnsupportedOptionError('not on this machine')"
    )
    imported = "from ttbench_core.errors import UnsupportedOptionError\n"
    entry = "[ttbench.backends]\nrefusing = refusing_mod:Crashing\n"
    fake_pack("refusing", entry, refusing_mod=imported + refusing)
    done = engines("--backend", "refusing,fake", "-df", "Fp32,Bfp8_b,Int99", "--json")
    rows = json.loads(done.out)["rows"]
    assert [row["status"] for row in rows] == ["refused"] * 3 + ["ok", "ok", "refused"]
    assert {row["reason"] for row in rows[:3]} == {"not on this machine"}


def test_a_cell_that_runs_between_two_refusals_keeps_the_next_ones(engines, fake_pack):
    picky = CRASHING.replace('"crashing"', '"picky"').replace(
        "        os.abort()",
        "        if options.opt_level == 1:\n"
        "            raise UnsupportedOptionError('not at level 1')\n"
        "        return super().compile(model, options)",
    )
    imported = "from ttbench_core.errors import UnsupportedOptionError\n"
    entry = "[ttbench.backends]\npicky = picky_mod:Crashing\n"
    fake_pack("picky", entry, picky_mod=imported + picky)
    done = engines("--backend", "picky", "-df", "Fp32,Bfp8_b", "-opt", "1,2", "--json")
    rows = json.loads(done.out)["rows"]
    assert [row["status"] for row in rows] == ["refused", "ok", "refused", "ok"]


def test_an_engine_that_cannot_be_loaded_is_a_refused_row(engines, fake_pack):
    fake_pack("lost", "[ttbench.backends]\nlost = lost_mod:Lost\n", lost_mod="import nothing_here")
    done = engines("--backend", "lost,fake", "-df", "Fp32", "--json")
    refused, good = json.loads(done.out)["rows"]
    assert (refused["status"], good["status"]) == ("refused", "ok")
    assert "nothing_here" in refused["reason"]


def test_a_target_that_is_lost_leaves_the_rows_that_were_measured(engines, tmp_path, fake_pack):
    folder = tmp_path / "results"
    folder.mkdir()
    removing = CRASHING.replace('"crashing"', '"removing"').replace(
        "os.abort()",
        f"__import__('shutil').rmtree({str(folder)!r}); return super().compile(model, options)",
    )
    fake_pack("removing", "[ttbench.backends]\nremoving = rm_mod:Crashing\n", rm_mod=removing)
    words = ("--backend", "fake,removing", "-df", "Fp32", "-o", str(folder / "perf.json"))
    done = engines(*words, "--json")
    assert done.code == 1
    assert [row["backend"] for row in json.loads(done.out)["rows"]] == ["fake"]


def test_what_every_engine_refuses_is_one_line(ttbench, fake_engine, fake_pack):
    fake_pack("second", "[ttbench.backends]\nsecond = second_mod:Second\n", second_mod=SECOND)
    words = ("--backend", "fake,second", "-df", "Fp32")
    done = ttbench("engines", "-m", "nothing", *QUICK, *words)
    assert done.code == 2
    assert done.complaint.startswith("ttbench: error: unknown model 'nothing'")


def test_where_every_engine_refuses_the_exit_code_is_2(engines):
    done = engines("--backend", "fake", "-df", "Int99", "--json")
    assert done.code == 2
    assert json.loads(done.out)["fastest"] is None


def test_the_help_says_what_it_does(ttbench):
    done = ttbench("engines", "--help")
    assert done.code == 0
    assert "ttbench engines -m bert" in done.out
