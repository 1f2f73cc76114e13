"""Runs on the stand-in as a user starts them: own processes, exit codes, nothing left behind."""

from __future__ import annotations

import itertools
import json
import os
import re
import shlex
import time
from pathlib import Path

import psutil
import pytest

import ttbench_core
from ttbench_core.backends.engine_options import with_spelled_options
from ttbench_core.cli.arguments import parse
from ttbench_core.cli.run import keywords_from
from ttbench_core.errors import RequestError
from ttbench_core.record.run_errors import BenchmarkError
from ttbench_core.request.keywords import options_from

pytest.importorskip("torch")
pytestmark = pytest.mark.torch

LINES = Path(__file__).parents[2] / "data" / "pybuda_release_lines.txt"
#: Added to a command line, so that a CPU runs it in a second or so.
SMALL_RUN = "-mb 1 --loop_count 1 --passes 1 --warmup 0 --no-verify --no-roofline"
QUICK = ["--passes", "2", "--warmup", "1", "--loop_count", "3", "--no-roofline"]


@pytest.fixture
def calls(cards, tmp_path):
    """The calls of the stand-in in the runs so far: names with arguments, in order."""

    def read():
        lines = (tmp_path / "calls").read_text().splitlines()
        return [(call["name"], call["arguments"]) for call in map(json.loads, lines)]

    return read


@pytest.fixture(autouse=True)
def nothing_left_behind(left_behind):
    yield
    deadline = time.monotonic() + 5
    while left := left_behind():
        assert time.monotonic() < deadline, left
        time.sleep(0.05)


def records(path):
    return json.loads(Path(path).read_text())


# ----- the engine and its process --------------------------------------------------------------


def test_a_card_is_preferred_to_the_cpu(cards, ttbench, tmp_path):
    done = ttbench("-m", "dense", *QUICK, "-o", tmp_path / "perf.json")
    assert done.code == 0, done.err
    (record,) = records(tmp_path / "perf.json")
    assert record["backend"] == "pybuda"
    assert record["requested"]["backend"] is None
    assert record["args"]["backend"] == "pybuda"
    assert "Bfp8_b, pybuda on silicon" in done.out


def test_without_a_card_the_cpu_is_used(cards, ttbench, tmp_path):
    for node in (tmp_path / "nodes").iterdir():
        node.unlink()
    done = ttbench("-m", "dense", *QUICK, "--json")
    assert json.loads(done.out)["backend"] == "torch"


def test_a_run_has_its_own_process_and_does_not_change_this_one(cards, calls):
    before = dict(os.environ)
    result = ttbench_core.run("tuned", passes=1, warmup=1, roofline=False)
    assert result.effective["tuning"]["environment"]["PYBUDA_OWN_RULE"] == "1"
    assert dict(os.environ) == before
    assert ("pybuda.shutdown", {}) in calls()
    assert not result.processes


def test_the_requested_environment_is_set_before_pybuda_is_imported(cards):
    result = ttbench_core.run(
        "dense",
        passes=1,
        warmup=1,
        roofline=False,
        env="PYBUDA_ENABLE_AUTO_TRANSPOSE PYBUDA_OWN='two words' SECRET=hush",
    )
    assert result.environment["PYBUDA_ENABLE_AUTO_TRANSPOSE"] == "1"
    assert result.environment["PYBUDA_OWN"] == "two words"
    assert "hush" not in result.to_json()
    assert "SECRET=<not recorded>" in shlex.split(result.args["env"])
    assert "PYBUDA_OWN" not in os.environ


def test_the_environment_of_any_run_can_be_set():
    def dense(training):
        import torch

        return [torch.nn.Linear(2, 2)], [torch.rand(1, 2)]

    result = ttbench_core.run(
        dense, env={"OMP_NUM_THREADS": "1"}, passes=1, warmup=1, roofline=False
    )
    assert result.environment["OMP_NUM_THREADS"] == "1"
    assert result.effective["threads"] == 1


@pytest.mark.parametrize("device", ["silicon", "golden"])
def test_a_run_is_verified_where_pybuda_has_renamed_a_backend_of_torch(cards, ttbench, device):
    cards(renames=True)
    done = ttbench("-m", "dense", "-d", device, *QUICK, "--json")
    assert done.code == 0, done.err
    assert json.loads(done.out)["verification"]["passed"]


def test_several_processes_use_the_card_one_after_the_other(cards, ttbench):
    done = ttbench("-m", "dense", *QUICK, "--processes", "2", "--json")
    record = json.loads(done.out)
    assert [one["status"] for one in record["processes"]] == ["ok", "ok"]
    assert record["backend"] == "pybuda"


def test_two_variants_take_turns_on_the_card_in_whole_processes(cards, ttbench, calls, tmp_path):
    flags = ["--vs", "-df Fp16_b", "--processes", "2", "--no-verify", "-o", tmp_path / "perf.json"]
    done = ttbench("-m", "dense", *QUICK, *flags)
    assert done.code == 0, done.err
    assert "over 2 pairs of processes" in done.out
    formats = [
        arguments["default_df_override"]
        for name, arguments in calls()
        if name.endswith("set_configuration_options") and arguments["default_df_override"]
    ]
    order = [one.rpartition(".")[2] for one in formats]
    assert order == ["Bfp8_b", "Float16_b", "Float16_b", "Bfp8_b"]
    first, second = records(tmp_path / "perf.json")
    assert first["paired_with"] == second["run_id"]


def test_a_variant_that_fails_keeps_what_the_other_measured(cards, ttbench, tmp_path):
    flags = ["--vs", "--arch grayskull", "--processes", "1", "-o", tmp_path / "perf.json"]
    done = ttbench("-m", "dense", *QUICK, *flags)
    assert done.code == 1
    found = {record["status"]: record for record in records(tmp_path / "perf.json")}
    assert found.keys() == {"ok", "failed"}
    assert found["ok"]["requested"]["arch"] is None
    assert found["failed"]["requested"]["arch"] == "grayskull"


def test_a_wrong_request_is_refused_before_a_card_is_used(cards, ttbench, tmp_path):
    done = ttbench("-m", "dense", "--loop_count", "5", "--microbatch_count", "2")
    assert done.code == 2
    assert done.complaint == "ttbench: error: --loop_count 5 is no multiple of --microbatch_count 2"
    assert not (tmp_path / "calls").exists()


# ----- images and output -----------------------------------------------------------------------


def test_saving_an_image_writes_no_result(cards, ttbench, tmp_path):
    done = ttbench(
        *("-m", "dense", "-o", tmp_path / "perf.json", "--save_tti", tmp_path / "d.tti", "--strict")
    )
    assert done.code == 0, done.err
    assert (tmp_path / "d.tti").is_file()
    assert not (tmp_path / "perf.json").exists()
    assert "nothing was measured" in done.out


def test_output_can_be_disabled(cards, ttbench, tmp_path):
    target = tmp_path / "perf.json"
    assert ttbench("-m", "dense", *QUICK, "-o", target, "--disable_output", "1").code == 0
    assert not target.exists()
    assert ttbench("-m", "dense", *QUICK, "-o", target, "--disable_output", "0").code == 0
    assert target.exists()


# ----- what fails ------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("settings", "flags", "reason"),
    [
        ({"fail": "run", "after": 5}, [], "PyBuda raised an error on the device"),
        ({"fail": "compile"}, [], "RuntimeError: Backend compile failed!"),
        ({"hang": True, "after": 5}, ["--timeout", "1"], "nothing arrived from the device for 1 s"),
        ({"stuck": True, "after": 5}, ["--timeout", "1"], "nothing arrived from the device"),
        ({"cards": []}, [], "PyBuda finds no Tenstorrent card"),
        ({}, ["--arch", "grayskull"], "--arch grayskull is not what is there"),
        ({"wheel_family": "gs"}, [], "is built for grayskull, and the cards are wormhole_b0"),
    ],
    ids=["device error", "compile", "hang", "stuck", "no card", "arch", "wheel"],
)
def test_what_goes_wrong_with_a_card_is_a_failed_record_and_exit_code_1(
    cards, ttbench, tmp_path, settings, flags, reason
):
    cards(**settings)
    start = time.monotonic()
    words = ["-m", "dense", "--backend", "pybuda", *QUICK, "-o", tmp_path / "perf.json", *flags]
    done = ttbench(*words)
    assert done.code == 1
    assert reason in done.err.splitlines()[-1]
    (record,) = records(tmp_path / "perf.json")
    assert record["status"] == "failed"
    assert reason in record["error"]
    assert record["samples_per_sec"] is None
    assert time.monotonic() - start < 40


def test_a_compiler_that_never_returns_is_ended_and_reported(cards, fake_pack, ttbench, tmp_path):
    fake_pack(
        "sleepy",
        "[ttbench.models]\nsleepy = sleepy_models:sleepy\n",
        sleepy_models=(
            "import time\n"
            "import pybuda\n"
            "def sleepy(training):\n"
            "    import torch\n"
            "    pybuda.initialize_pipeline = lambda **_: time.sleep(60)\n"
            "    return [torch.nn.Linear(2, 2)], [torch.rand(1, 2)]\n"
        ),
    )
    done = ttbench("-m", "sleepy", *QUICK, "-o", tmp_path / "perf.json", "--timeout", "3")
    assert done.code == 1
    assert "did not end its phase compile within 3 s and was ended" in done.err
    (record,) = records(tmp_path / "perf.json")
    assert record["status"] == "failed"


def test_a_call_into_the_engine_that_never_returns_is_ended_and_reported(cards, ttbench, tmp_path):
    cards(stuck=True, after=2)
    words = ["-m", "dense", "--devtype", "golden", *QUICK, "-o", tmp_path / "perf.json"]
    done = ttbench(*words, "--timeout", "1")
    assert done.code == 1
    assert "running an input did not return within 1 s" in done.err
    (record,) = records(tmp_path / "perf.json")
    # what was known when the call began is recorded
    assert record["status"] == "failed"
    assert record["args"]["config"] == "small"
    assert record["args"]["dataformat"] == "Bfp8_b"
    assert record["devices"][0]["kind"] == "golden"
    assert record["failure"]["phase"] == "process"


def test_a_long_pass_does_not_count_as_hung(cards, ttbench):
    cards(delay_s=0.3)
    words = ["-m", "dense", "--passes", "1", "--warmup", "0", "--loop_count", "20", "--no-verify"]
    assert ttbench(*words, "--no-roofline", "--timeout", "1").code == 0


def test_a_process_may_finish_its_exit_handlers(cards, fake_pack, ttbench, tmp_path):
    mark = tmp_path / "ended"
    fake_pack(
        "tidy",
        "[ttbench.models]\ntidy = tidy_models:tidy\n",
        tidy_models=(
            "import atexit, pathlib, time\n"
            "def tidy(training):\n"
            "    import torch\n"
            f"    atexit.register(lambda: (time.sleep(1), pathlib.Path({str(mark)!r}).touch()))\n"
            "    return [torch.nn.Linear(2, 2)], [torch.rand(1, 2)]\n"
        ),
    )
    assert ttbench("-m", "tidy", *QUICK).code == 0
    assert mark.exists()


def test_only_the_first_of_several_processes_runs_the_analysis(
    cards, ttbench, monkeypatch, tmp_path
):
    monkeypatch.chdir(tmp_path)
    assert ttbench("-m", "dense", *QUICK, "--processes", "2", "--perf_analysis").code == 0
    assert len(list((tmp_path / "ttbench-traces").iterdir())) == 1


def test_a_device_of_the_pybuda_backend_selects_it(cards, ttbench, tmp_path):
    for node in (tmp_path / "nodes").iterdir():
        node.unlink()
    done = ttbench("-m", "dense", "-d", "golden", *QUICK, "--json")
    assert json.loads(done.out)["backend"] == "pybuda"


def test_a_device_of_the_torch_backend_selects_it(cards, ttbench):
    done = ttbench("-m", "dense", "-d", "cpu", *QUICK, "--json")
    assert json.loads(done.out)["backend"] == "torch"


def test_processes_that_a_card_has_started_end_with_the_run(cards, fake_pack, ttbench, tmp_path):
    mark = tmp_path / "pid"
    fake_pack(
        "forking",
        "[ttbench.models]\nforking = forking_models:forking\n",
        forking_models=(
            "import subprocess, sys\n"
            "def forking(training):\n"
            "    import torch\n"
            "    one = subprocess.Popen([sys.executable, '-c', 'import time; time.sleep(60)'])\n"
            f"    open({str(mark)!r}, 'w').write(str(one.pid))\n"
            "    return [torch.nn.Linear(2, 2)], [torch.rand(1, 2)]\n"
        ),
    )
    assert ttbench("-m", "forking", *QUICK).code == 0
    deadline = time.monotonic() + 5
    while is_running(int(mark.read_text())):
        assert time.monotonic() < deadline
        time.sleep(0.05)


def is_running(pid):
    """Report whether a process runs; a zombie does not."""
    try:
        return psutil.Process(pid).status() != psutil.STATUS_ZOMBIE
    except psutil.NoSuchProcess:
        return False


def test_interrupting_keeps_what_was_measured(cards, ttbench, tmp_path, default_signals):
    import signal
    import threading

    cards(delay_s=0.2)
    target = tmp_path / "perf.json"

    def when_measuring():
        deadline = time.monotonic() + 60
        while time.monotonic() < deadline:
            calls = tmp_path / "calls"
            if calls.exists() and calls.read_text().count("pybuda.run_forward") >= 3:
                time.sleep(0.7)
                os.kill(os.getpid(), signal.SIGINT)
                return
            time.sleep(0.05)

    threading.Thread(target=when_measuring).start()
    words = ["-m", "dense", "--passes", "50", "--warmup", "1", "--loop_count", "3"]
    done = ttbench(*words, "-o", target)
    assert done.code == 130
    (record,) = records(target)
    assert record["status"] == "interrupted"


def test_an_option_that_no_engine_has_is_a_type_error_with_near_misses():
    with pytest.raises(TypeError, match="unexpected keyword argument 'recompte' .*'recompute'"):
        ttbench_core.run("dense", recompte=True)


def test_in_python_the_failed_record_is_in_the_error(cards):
    cards(fail="compile")
    with pytest.raises(BenchmarkError) as ended:
        ttbench_core.run("dense", passes=1)
    assert ended.value.result.failure["phase"] == "compile"


@pytest.mark.parametrize(
    "words",
    [
        ["--balancer-policy", "Robbin"],
        ["--arch", "gs"],
        ["--device-config", "e150"],
        ["--devtype", "versim"],
        ["-e", "1=2"],
        ["-e", "A='b"],
        ["--timeout", "0"],
        ["--microbatch_count", "0"],
        ["-t", "--single-thread"],
        ["--vs", "-df Fp32", "--save_tti", "x.tti"],
        ["--save_tti", "x.tti", "--processes", "2"],
        ["--backend", "torch", "--timeout", "3"],
        ["-t", "--parallel_tti", "x"],
        ["--save_tti", "a", "--load_tti", "b"],
        ["--parallel_tti", "x", "--chips", "2"],
        ["--microbatch_count", "2", "--scenario", "latency"],
        ["-d", "silicon", "--devtype", "golden"],
    ],
)
def test_a_wrong_option_is_one_line_and_exit_code_2(cards, ttbench, words, tmp_path, monkeypatch):
    folder = tmp_path / "empty"
    folder.mkdir()
    monkeypatch.chdir(folder)
    done = ttbench("-m", "dense", *words)
    assert done.code == 2
    assert done.complaint.startswith("ttbench: error: ")
    assert not list(folder.iterdir())


# ----- the original's scripts ------------------------------------------------------------------


def release_lines():
    """Give (script, exported variables, words) of every command line."""
    script, exported = "", {}
    for line in LINES.read_text().splitlines():
        if found := re.fullmatch(r"\[(\w+)\]", line):
            script, exported = found[1], {}
        elif line.startswith("export "):
            exported |= dict([shlex.split(line)[1].split("=", 1)])
        elif "ttbench" in line and not line.startswith("#"):
            words = shlex.split(line)
            at = words.index("ttbench")
            before = dict(word.split("=", 1) for word in words[:at])
            yield script, {**exported, **before}, words[at + 1 :]


def named(words):
    return dict(itertools.pairwise(words))


def test_every_line_of_the_originals_scripts_can_be_parsed():
    lines = list(release_lines())
    assert len(lines) == 119
    for _, _, words in lines:
        options = parse(words)
        asked = options_from(
            options.model, with_spelled_options(keywords_from(options, processes=1))
        )
        assert asked.model == named(words)["-m"]
        assert options.output


#: A private network of the original, and a cache that the backend cannot run yet.
ABSENT = {"resnet_quant", "whisper"}
#: Models of which one layer is enough here.
LAYERED = {"bert", "t5", "flan_t5", "vit", "deit"}
#: What else makes a model small: a smaller image, fewer tokens than it generates by default.
SMALLER = {
    "hrnet": "--image_size 64",
    "inception_v4": "--image_size 96",
    "yolo_v3": "--image_size 64",
    "t5": "--new_tokens 3",
    "flan_t5": "--new_tokens 3",
}


def runs_here(script, model):
    """Select every line of bert and resnet, and of the other models those of one release."""
    if script == "run_benchmark_tti":
        return False
    first = model in ("bert", "resnet")
    return first or (script == "run_benchmark_wh_release" and model not in ABSENT)


RUNNABLE = [
    pytest.param(script, exported, words, id=f"{script}: {' '.join(words)}")
    for script, exported, words in release_lines()
    if runs_here(script, named(words)["-m"])
]


@pytest.mark.parametrize(("script", "exported", "words"), RUNNABLE)
def test_the_originals_lines_run_where_their_models_exist(
    cards, ttbench, monkeypatch, tmp_path, script, exported, words
):
    pytest.importorskip("ttbench_models_nlp.bert")
    pytest.importorskip("ttbench_models_vision.resnet")
    monkeypatch.chdir(tmp_path)
    grayskull = "_gs_" in script
    cards(
        cards=["Grayskull" if grayskull else "Wormhole_B0"],
        wheel_family="gs" if grayskull else "wh_b0",
    )
    os.environ.update(exported)
    model = named(words)["-m"]
    layers = ["--layers", "1"] if model in LAYERED else []
    smaller = shlex.split(SMALLER.get(model, ""))
    done = ttbench(*words, *shlex.split(SMALL_RUN), *layers, *smaller)
    assert done.code == 0, done.err
    (record,) = records(named(words)["-o"])
    assert record["status"] == "ok"
    assert record["backend"] == "pybuda"
    assert record["arch"] == ("grayskull" if grayskull else "wormhole_b0")


def test_the_originals_lines_for_images_save_and_load(cards, ttbench, monkeypatch, tmp_path):
    pytest.importorskip("ttbench_models_nlp.bert")
    monkeypatch.chdir(tmp_path)
    lines = [
        (exported, words)
        for script, exported, words in release_lines()
        if script == "run_benchmark_tti" and named(words)["-m"] == "bert"
    ]
    assert [("--save_tti" in words) for _, words in lines] == [True, False]
    for exported, words in lines:
        os.environ.update(exported)
        done = ttbench(*words, *shlex.split(SMALL_RUN))
        assert done.code == 0, done.err
    assert (tmp_path / "device_images" / "bert_tiny.tti").is_file()
    (record,) = records("perf.json")
    assert record["effective"]["tuning"]["environment"].keys() >= {"TT_BACKEND_PUSH_TIMEOUT"}
    assert record["environment"]["PYBUDA_DISABLE_DYNAMIC_DRAM"] == "1"


def test_the_error_for_an_unknown_model_names_it(cards, ttbench):
    with pytest.raises(RequestError, match="unknown model 'resnet_quant'"):
        ttbench_core.run("resnet_quant", config="resnet50")
