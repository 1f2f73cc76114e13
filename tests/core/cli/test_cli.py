"""The command line: the seed's flags, one line for an error, the right exit code."""

from __future__ import annotations

import json
import os
import re
import signal
import subprocess
import sys
import time

import pytest

import ttbench_core

SEED_FLAGS = {
    "-h": "--help",
    "-m": "--model",
    "-c": "--config",
    "-t": "--training",
    "-df": "--dataformat",
    "-mf": "--math_fidelity",
    "-opt": "--backend_opt_level",
    "-l": "--list",
    "-o": "--output",
}
SEED_LONG_FLAGS = ["--loop_count", "--chips", "--layers", "--trace"]
SEED_CHOICES = [
    "{Fp32,Fp16,Fp16_b,Bfp8,Bfp8_b,Bfp4,Bfp4_b}",
    "{LoFi,HiFi2,HiFi3,HiFi4}",
    "{none,light,verbose}",
]


def test_help_has_every_flag_of_the_seed(ttbench):
    outcome = ttbench("--help")
    assert outcome.code == 0
    for short, long in SEED_FLAGS.items():
        assert re.search(rf"^  {short}\b.*, {long}\b", outcome.out, re.MULTILINE), short
    for text in (*SEED_LONG_FLAGS, *SEED_CHOICES):
        assert text in outcome.out


def test_every_flag_of_the_seed_is_read(ttbench, fake_engine, tmp_path):
    outcome = ttbench(
        *("--model", "steady", "--config", "small", "--training", "--dataformat", "Fp32"),
        *("--backend_opt_level", 2, "--loop_count", 2, "--chips", 1, "--layers", 3),
        *("--trace", "none", "--output", tmp_path / "perf.json", "--backend", "fake"),
    )
    assert outcome.code == 0, outcome.err
    (record,) = json.loads((tmp_path / "perf.json").read_text())
    args = record["args"]
    assert args["training"] is True
    assert (args["backend_opt_level"], args["loop_count"], args["layers"]) == (2, 2, 3)


def test_version_is_the_cores(ttbench):
    outcome = ttbench("--version")
    assert (outcome.code, outcome.out) == (0, f"ttbench {ttbench_core.__version__}\n")


def test_a_run_shows_its_number_and_what_it_is_made_of(ttbench, fake_engine):
    outcome = ttbench("-m", "steady", "-c", "small", "--backend", "fake")
    assert outcome.code == 0
    assert outcome.err == ""
    assert outcome.out.splitlines()[0].split() == ["model", "steady", "small"]
    assert " samples/s (95 % interval over " in outcome.out
    assert "not verified: PyTorch alone cannot run this model" in outcome.out
    assert "this engine is a fake" in outcome.out


def test_passes_that_time_cut_short_say_so(ttbench, fake_engine):
    words = ("-m", "steady", "--backend", "fake", "--passes", 9, "--max_time", 1e-9)
    (line,) = [row for row in ttbench(*words).out.splitlines() if row.startswith("stopped")]
    assert line.split(maxsplit=1)[1] == "at the time limit (--max_time), after 1 pass"


def test_strict_makes_an_unstable_number_exit_with_1(ttbench, fake_engine, monkeypatch):
    from ttbench_core.record import deriving

    monkeypatch.setattr(deriving, "judge", lambda evidence: ("unstable", []))
    words = ("-m", "steady", "--backend", "fake", "--passes", 1, "--in-process")
    assert ttbench(*words).code == 0
    assert ttbench(*words, "--strict").code == 1


def test_a_run_as_json_is_its_record(ttbench, fake_engine):
    words = ("-m", "plain", "--backend", "fake", "--json")
    assert json.loads(ttbench(*words).out)["status"] == "ok"
    outcome = ttbench(*words, "--in-process")
    assert json.loads(outcome.out)["status"] == "ok"
    assert outcome.err == "a pack may print\n"


def test_the_list_shows_models_configurations_pack_and_version(ttbench, fake_engine):
    outcome = ttbench("--list")
    assert outcome.code == 0
    lines = outcome.out.splitlines()
    (row,) = [line for line in lines if line.startswith("steady")]
    assert row.split() == ["steady", "small,", "large*"]
    assert "ttbench-fake-engine 1.5" in lines


def test_the_list_shows_what_is_declared_without_building(ttbench, fake_pack):
    fake_pack(
        "telling",
        "[ttbench.models]\ntold = telling_models:told\nbare = telling_models:bare\n",
        telling_models=(
            "from ttbench_core import Declared, benchmark_model\n"
            "both = {'a': Declared(4_390_000, 32), 'b': Declared()}\n"
            "@benchmark_model(configs=both, task='text')\n"
            "def told(training, config): raise AssertionError\n"
            "@benchmark_model(declared=Declared(parameters=10))\n"
            "def bare(training): raise AssertionError\n"
        ),
    )
    outcome = ttbench("--list", "tell")
    rows = {line.split()[0]: line.split() for line in outcome.out.splitlines() if line}
    assert rows["told"] == ["told", "text", "a*", "(4.39", "M,", "mb", "32),", "b"]
    assert rows["bare"] == ["bare", "(10)"]
    told = json.loads(ttbench("--list", "told", "--json").out)
    assert told[0]["declared"]["a"] == {"parameters": 4_390_000, "microbatch": 32}


def test_the_list_shows_what_a_word_is_in(ttbench, fake_engine):
    assert "steady" in ttbench("--list", "STEAD").out
    assert "steady" in ttbench("--list", "small").out
    nothing = ttbench("--list", "steedy")
    assert nothing.code == 2
    assert nothing.complaint.startswith("ttbench: error: no installed model mentions 'steedy'")


def test_the_list_as_json_holds_every_entry(ttbench, fake_engine):
    entries = {entry["name"]: entry for entry in json.loads(ttbench("-l", "--json").out)}
    assert entries["steady"] == {
        "name": "steady",
        "configs": ["small", "large"],
        "default_config": "large",
        "pack": "ttbench-fake-engine",
        "version": "1.5",
        "entry_point": "ttbench_fake_engine:steady",
        "runs_as": "steady",
        "error": None,
        "task": None,
        "declared": {},
        "zoo": None,
    }


def test_a_broken_pack_is_a_row_and_the_list_goes_on(ttbench, fake_pack):
    fake_pack("broken", "[ttbench.models]\nbroken = broken_mod:m\n", broken_mod="import nowhere")
    outcome = ttbench("--list")
    assert outcome.code == 0
    assert "broken (unusable)" in outcome.out
    assert "ModuleNotFoundError: No module named 'nowhere'" in outcome.out


def test_without_a_pack_the_list_says_how_to_get_one(ttbench, monkeypatch):
    monkeypatch.setattr("ttbench_core.cli.listing.list_installed_models", tuple)
    outcome = ttbench("--list")
    assert outcome.code == 0
    assert "pip install ttbench-models-nlp" in outcome.out
    assert json.loads(ttbench("--list", "--json").out) == []


@pytest.mark.parametrize(
    ("words", "line"),
    [
        ([], "say what to benchmark with -m MODEL; ttbench --list shows what there is"),
        (["-m", "steddy"], "unknown model 'steddy' (did you mean 'steady'?): "),
        (["-m", "steady", "-c", "smal"], "has no configuration 'smal': one of small, large (did"),
        (
            ["-m", "steady", "-df", "fp32"],
            "format fp32 (it has Fp32, Bfp8_b) (did you mean 'Fp32'?)",
        ),
        (["-m", "steady", "-df", "Fp16"], "backend 'fake' has no data format Fp16"),
        (["-m", "steady", "-d", "cuda"], "unknown device 'cuda': backend 'fake' has fake"),
        (["-m", "steady", "--passes", "0"], "passes must be 1 to 1000000000, not 0"),
        (["-m", "steady", "--loop_count", "two"], "invalid int value: 'two'"),
        (["-m", "steady", "--loop", "2"], "unrecognized arguments: --loop ("),
        (["-m", "steady", "-opt", "9"], "backend_opt_level must be 0 to 4, not 9"),
        (["-m", "plain", "--layers", "2"], "does not support --layers"),
        (["-m", "wrong_return"], "ttbench_fake_engine:wrong_return: returned a str; return"),
        (["-m", "uneven"], "its input 1 has 3 samples where input 0 has 4"),
        (["-m", "builder_refuses"], "this model runs on Sundays only"),
        (["-m", "steady", "-o", "/"], "cannot write results to '/': it is a folder"),
        (["-m", "steady", "-o", "/dev/full"], "/dev/full: it is not a regular file"),
        (["-m", "steady", "-o", "/no/such/x"], "there is no folder /no/such; make it first"),
    ],
)
def test_a_wrong_request_is_one_line_and_exit_code_2(ttbench, fake_engine, words, line):
    backend = ["--backend", "fake"] if words else []
    outcome = ttbench(*words, *backend)
    assert outcome.code == 2
    assert outcome.complaint.startswith("ttbench: error: ")
    assert line in outcome.complaint
    assert outcome.out == ""


@pytest.mark.parametrize(
    ("model", "line"),
    [
        ("builder_raises", "builder_raises failed in build: FileNotFoundError: weights.bin is not"),
        ("compile_fails", "compile_fails failed in compile: RuntimeError: no kernel for this op"),
        ("device_fails", "device_fails failed in passes: RuntimeError: device fell off the bus"),
        ("loses_output", "failed in passes: LostOutputError: output 2 of 5 never came"),
    ],
)
def test_a_failed_benchmark_is_one_line_a_record_and_exit_code_1(
    ttbench, fake_engine, tmp_path, model, line
):
    outcome = ttbench("-m", model, "--backend", "fake", "--warmup", 4, "-o", tmp_path / "perf.json")
    assert outcome.code == 1
    assert line in outcome.complaint
    (record,) = json.loads((tmp_path / "perf.json").read_text())
    assert record["status"] == "failed"


@pytest.mark.parametrize(
    "words", ["compare a b --fail-on=--", "compare a b --band=--", "show a --columns=--", "-m=--"]
)
def test_two_dashes_are_no_value_of_a_flag(ttbench, words):
    outcome = ttbench(*words.split())
    assert outcome.code == 2
    assert "--" in outcome.complaint


def test_debug_shows_the_traceback(ttbench, fake_engine):
    outcome = ttbench("-m", "builder_raises", "--backend", "fake", "--debug")
    assert outcome.code == 1
    assert "Traceback" in outcome.err
    assert 'raise FileNotFoundError("weights.bin is not there")' in outcome.err


@pytest.mark.parametrize("content", ["", "{broken", '{"a": 1}', "[1]"])
def test_a_file_that_is_no_list_of_results_is_refused_before_anything_runs(
    ttbench, fake_engine, tmp_path, content
):
    path = tmp_path / "perf.json"
    path.write_text(content)
    outcome = ttbench("-m", "steady", "--backend", "fake", "-o", path)
    assert outcome.code == 2
    assert f"cannot append results: {path}" in outcome.complaint
    assert path.read_text() == content
    assert list(tmp_path.glob("post_error*")) == []


@pytest.mark.parametrize("content", ["", "{broken", '{"a": 1}', "[1]"])
@pytest.mark.usefixtures("broken_after_the_check")
def test_a_file_that_is_broken_during_the_run_gives_exit_code_1_and_the_place(
    ttbench, fake_engine, tmp_path, content
):
    path = tmp_path / "perf.json"
    path.write_text(content)
    outcome = ttbench("-m", "steady", "--backend", "fake", "-o", path)
    assert outcome.code == 1
    assert "was left as it is" in outcome.complaint
    assert str(tmp_path / "post_error_perf.json") in outcome.complaint
    assert path.read_text() == content


@pytest.mark.usefixtures("broken_after_the_check")
def test_a_failed_run_that_cannot_be_stored_says_both(ttbench, fake_engine, tmp_path):
    path = tmp_path / "perf.json"
    path.write_text("mine")
    outcome = ttbench("-m", "compile_fails", "--backend", "fake", "-o", path)
    assert outcome.code == 1
    assert "no kernel for this op" in outcome.err
    assert "was left as it is" in outcome.err


@pytest.mark.usefixtures("broken_after_the_check")
def test_a_result_that_is_kept_nowhere_is_still_shown(ttbench, fake_engine, tmp_path, monkeypatch):
    monkeypatch.setattr("ttbench_core.sinks.storing.rescue", lambda *_: None)
    path = tmp_path / "perf.json"
    path.write_text("mine")
    outcome = ttbench("-m", "steady", "--backend", "fake", "-o", path, "--json")
    assert outcome.code == 1
    assert json.loads(outcome.out)["status"] == "ok"
    assert "no other place could be written" in outcome.complaint


def test_any_file_name_can_be_shown(python, fake_engine):
    words = ["-m", "steady", "--backend", "fake", "-o", "é-\udcff.json"]
    done = python("-m", "ttbench_core", *words, path=fake_engine, PYTHONIOENCODING="ascii")
    assert done.returncode == 0, done.stderr
    assert "appended to  \\xe9-\\udcff.json" in done.stdout


def test_what_a_pack_says_cannot_move_the_cursor(ttbench, fake_engine):
    hostile = "\x1b[31m<script>alert(1)</script>"
    for outcome in (
        ttbench("--list"),
        ttbench("-m", "hostile", "-c", hostile, "--backend", "fake"),
        ttbench("-m", "hostile", "-c", "\x1b[2J", "--backend", "fake"),
    ):
        assert "\x1b" not in outcome.out + outcome.err
        assert "\\x1b" in outcome.out + outcome.err


def test_a_reader_that_goes_away_is_no_traceback(fake_engine):
    script = "import sys; from ttbench_core.cli import main; sys.exit(main(['--help']))"
    reader, writer = os.pipe()
    os.close(reader)
    done = subprocess.run(
        [sys.executable, "-c", script], stdout=writer, stderr=subprocess.PIPE, check=False
    )
    os.close(writer)
    assert b"Traceback" not in done.stderr


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM, signal.SIGHUP])
def test_a_signal_writes_what_was_measured_and_gives_130(
    fake_engine, start_process, tmp_path, number
):
    path, mark = tmp_path / "perf.json", tmp_path / "measuring"
    words = ["-m", "sleepy", "--backend", "fake", "--passes", "1000", "-o", str(path)]
    process = start_process(
        [sys.executable, "-m", "ttbench_core", *words, "--warmup", "4"],
        env={**os.environ, "PYTHONPATH": str(fake_engine), "SLEEPY_MARK": str(mark)},
        stderr=subprocess.PIPE,
        stdout=subprocess.PIPE,
        text=True,
    )
    while not mark.exists() and process.poll() is None:
        time.sleep(0.05)
    process.send_signal(number)
    out, err = process.communicate(timeout=30)
    assert process.returncode == 130
    assert err == "ttbench: interrupted: what was measured is kept\n"
    assert "throughput" in out
    (record,) = json.loads(path.read_text())
    assert record["status"] == "interrupted"
    assert record["samples_per_sec"] > 0


@pytest.mark.parametrize("flags", [[], ["--vs", "-mb 8"]])
@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM, signal.SIGHUP])
def test_a_signal_during_the_import_of_a_pack_gives_130(
    fake_pack, start_process, tmp_path, number, flags
):
    source = "import os, pathlib, time\npathlib.Path(os.environ['MARK']).touch()\ntime.sleep(60)"
    site = fake_pack("slow", "[ttbench.models]\nslow = slow_pack:build\n", slow_pack=source)
    mark = tmp_path / "importing"
    process = start_process(
        [sys.executable, "-m", "ttbench_core", "-m", "slow", *flags],
        env={**os.environ, "PYTHONPATH": str(site), "MARK": str(mark)},
        stderr=subprocess.PIPE,
        text=True,
    )
    while not mark.exists() and process.poll() is None:
        time.sleep(0.05)
    process.send_signal(number)
    _, err = process.communicate(timeout=30)
    assert (process.returncode, err) == (130, "ttbench: interrupted: nothing was measured yet\n")


@pytest.mark.parametrize("flags", [[], ["--vs", "-mb 8"]])
def test_a_wrong_target_is_reported_before_a_pack_is_imported(ttbench, fake_pack, flags):
    fake_pack("loud", "[ttbench.models]\nloud = loud_pack:build\n", loud_pack="print('imported')")
    outcome = ttbench("-m", "loud", "-o", "/no/such/folder/x.json", *flags)
    assert outcome.code == 2
    assert "there is no folder" in outcome.complaint


@pytest.mark.parametrize("closed", [">&-", "2>&-", ">/dev/full"])
@pytest.mark.parametrize("words", ["--list", "-m steady --backend fake -o perf.json"])
def test_a_closed_or_full_stream_is_no_traceback_and_costs_no_result(
    fake_engine, tmp_path, closed, words
):
    done = subprocess.run(
        ["bash", "-c", f"{sys.executable} -m ttbench_core {words} {closed}"],
        cwd=tmp_path,
        env={**os.environ, "PYTHONPATH": str(fake_engine)},
        capture_output=True,
        text=True,
        check=False,
    )
    assert "Traceback" not in done.stderr
    assert done.returncode == (1 if closed == ">/dev/full" else 0), done.stderr
    if words != "--list":
        assert len(json.loads((tmp_path / "perf.json").read_text())) == 1


def test_an_empty_output_is_refused_and_not_ignored(ttbench, fake_engine):
    outcome = ttbench("-m", "steady", "--backend", "fake", "-o", "")
    assert outcome.code == 2
    assert "name a file" in outcome.complaint


def test_a_trace_that_can_be_written_nowhere_is_refused_before_the_run(
    ttbench, fake_engine, tmp_path, monkeypatch
):
    monkeypatch.chdir(tmp_path)
    (tmp_path / "ttbench-traces").write_text("in the way")
    outcome = ttbench("-m", "steady", "--backend", "fake", "--trace", "light")
    assert outcome.code == 2
    assert "cannot write traces into ttbench-traces/ here" in outcome.complaint


def test_a_hangup_that_the_caller_ignores_stays_ignored(fake_engine, start_process):
    words = "-m sleepy --backend fake --loop_count 100 --passes 1"
    process = start_process(
        ["bash", "-c", f"trap '' HUP; exec {sys.executable} -m ttbench_core {words}"],
        env={**os.environ, "PYTHONPATH": str(fake_engine)},
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    )
    time.sleep(1.5)
    process.send_signal(signal.SIGHUP)
    out, err = process.communicate(timeout=30)
    assert (process.returncode, err) == (0, "")
    assert "1 pass" in out


def test_a_result_that_was_put_elsewhere_is_not_said_to_be_appended(
    ttbench, fake_engine, tmp_path, monkeypatch
):
    def interrupted(self, result):
        raise KeyboardInterrupt

    monkeypatch.setattr("ttbench_core.sinks.jsonl.JsonLinesSink.write", interrupted)
    outcome = ttbench("-m", "steady", "--backend", "fake", "-o", tmp_path / "perf.jsonl")
    assert outcome.code == 130
    assert "appended to" not in outcome.out
    assert str(tmp_path / "post_error_perf.jsonl.json") in outcome.complaint


def test_python_m_is_the_same_command(python):
    done = python("-m", "ttbench_core", "--version")
    assert done.stdout == f"ttbench {ttbench_core.__version__}\n"
