"""Whole runs on PyTorch/XLA, on the processor: right outputs, times apart, nothing left behind."""

from __future__ import annotations

import os
import subprocess
import sys

import pytest
from engine_runs import QUICK

import ttbench_core
from ttbench_core import BenchmarkError

pytest.importorskip("torch_xla")
pytestmark = [pytest.mark.torch, pytest.mark.slow]

#: As many inputs as show that the passes compile nothing.
SHORT = {**QUICK, "passes": 3, "loop_count": 4, "roofline": False}


def run(model, config=None, **options):
    if model in {"simple_add", "resnet"}:
        pytest.importorskip("ttbench_models_vision")
    else:
        pytest.importorskip("ttbench_models_nlp")
    return ttbench_core.run(model, config=config, backend="xla", **{**SHORT, **options})


@pytest.mark.parametrize(
    ("model", "config", "options", "compilations"),
    [
        # transformers looks at the values of its mask, which ends a graph
        ("bert", "tiny", {"microbatch": 1}, 2),
        ("resnet", "resnet18", {"microbatch": 1}, 1),
        # the zeros of the cache, the prompt, and one graph for all further tokens
        ("gpt2", "distil", {"seq_len": 16, "new_tokens": 4, "microbatch": 1}, 3),
    ],
)
def test_a_model_is_right_and_compiled_before_its_passes(model, config, options, compilations):
    result = run(model, config, **options)
    assert result.verification["passed"]
    assert result.verification["pcc"] > 0.9999
    assert result.verification["modules"] == "unchanged"
    assert result.samples_per_sec > 0
    effective = result.effective
    assert effective["device_type"] == "CPU"
    assert effective["compilations"] == compilations
    assert effective["compilations_in_passes"] == 0
    assert effective["compile_cache"] == "none"
    assert 0 < effective["engine_compile_s"] < result.phases_ns["compile"] / 1e9
    assert result.phases_ns["first_call"] < result.phases_ns["compile"]


def test_a_growing_past_has_a_graph_for_each_token():
    options = {"seq_len": 16, "new_tokens": 3, "microbatch": 1}
    result = run("gpt2", "distil", engine_options={"cache": "dynamic"}, **options)
    assert result.verification["pcc"] > 0.9999
    assert result.effective["cache"] == "dynamic"
    assert result.effective["compilations"] == result.effective["graphs_per_input"] == 3
    assert result.effective["compilations_in_passes"] == 0


def test_a_model_computes_in_bfloat16():
    result = run("bert", "tiny", microbatch=1, dataformat="Fp16_b")
    assert result.effective["dtype"] == "bfloat16"
    assert 0.999 < result.verification["pcc"] < 1


def test_a_model_trains():
    result = run("bert", "tiny", microbatch=1, training=True)
    assert result.status == "ok"
    assert result.samples_per_sec > 0
    assert result.effective["compilations_in_passes"] == 0


def test_a_device_that_is_missing_is_a_failed_run_of_one_line():
    with pytest.raises(BenchmarkError, match="has no TPU device here") as caught:
        run("simple_add", device="tpu")
    assert "\n" not in str(caught.value)


def test_an_engine_with_a_number_of_threads_says_so():
    assert run("simple_add", threads=1).effective["threads"] == 1
    assert threads_of_a_process(5) > threads_of_a_process(1)


def threads_of_a_process(threads):
    """Count the threads of a process that has run a model."""
    code = (
        "import psutil; from engine_runs import compiled, draws, sample\n"
        f"with compiled('xla', sample(), threads={threads}) as session:\n"
        "    session.push(draws(1)[0])\n"
        "    session.pop()\n"
        "    print(psutil.Process().num_threads())"
    )
    done = subprocess.run(
        [sys.executable, "-W", "ignore", "-c", code],
        check=False,
        env={**os.environ, "PYTHONPATH": os.pathsep.join(sys.path)},
        capture_output=True,
        text=True,
        timeout=300,
    )
    assert done.returncode == 0, done.stderr
    return int(done.stdout)


def test_twenty_runs_leave_nothing_behind(tmp_path, monkeypatch, left_behind):
    here, temporary = tmp_path / "here", tmp_path / "temporary"
    here.mkdir()
    temporary.mkdir()
    monkeypatch.chdir(here)
    monkeypatch.setenv("TMPDIR", str(temporary))
    for _ in range(20):
        assert run("simple_add", passes=1).status == "ok"
    assert left_behind() == set()
    assert list(here.iterdir()) == list(temporary.iterdir()) == []
