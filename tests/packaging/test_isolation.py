"""The core alone says what is missing; one pack does not need the other."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[2]
INSTALL = f"pip install -q -c {ROOT / 'constraints.txt'}"


@pytest.fixture(scope="module")
def core_alone(stranger, wheels):
    stranger.ok(f"{INSTALL} {wheels}/ttbench_core-*.whl")
    assert "torch" not in stranger.ok("pip list --format=freeze").replace("ttbench", "")
    return stranger


@pytest.fixture(scope="module")
def with_language_models(core_alone, wheels):
    core_alone.ok(f"{INSTALL} {wheels}/ttbench_models_nlp-*.whl")
    return core_alone


def test_the_core_alone_says_that_no_pack_is_installed_and_how_to_get_one(core_alone):
    shown = core_alone.ok("ttbench --list")
    assert "No model pack is installed" in shown
    assert "pip install ttbench-models-nlp" in shown


def test_the_core_alone_refuses_a_model_with_the_same_advice(core_alone):
    done = core_alone.sh("ttbench -m bert")
    assert done.returncode == 2
    assert done.stderr == (
        "ttbench: error: no model is installed: install a model pack, for example:"
        " pip install ttbench-models-nlp\n"
    )


def test_the_core_without_torch_reads_results(core_alone):
    read = (
        "import json, sys, ttbench_core\n"
        "from ttbench_core.testing import example_result\n"
        "from ttbench_core.sinks.storing import store_result\n"
        "from ttbench_core.sinks.targets import check_target\n"
        "store_result(example_result(), check_target('perf.json'))\n"
        "(record,) = json.load(open('perf.json'))\n"
        "print(ttbench_core.Result.from_record(record))\n"
    )
    (core_alone.work / "read.py").write_text(read)
    assert "80.00 samples/s" in core_alone.ok("python read.py")


def test_the_core_without_torch_runs_a_builder_of_ones_own_into_a_clear_line(core_alone):
    script = "import ttbench_core; ttbench_core.run(lambda training: None)"
    done = core_alone.sh(f'python -c "{script}"')
    assert "BackendUnavailableError: backend 'torch' cannot run here" in done.stderr
    assert "pip install 'ttbench-core[torch]'" in done.stderr


def test_one_pack_works_without_the_other(with_language_models):
    entries = json.loads(with_language_models.ok("ttbench --list --json"))
    assert {entry["pack"] for entry in entries} == {"ttbench-models-nlp"}
    with_language_models.ok("ttbench -m bert -c tiny -mb 1 --passes 1")


def test_a_model_of_the_absent_pack_is_unknown(with_language_models):
    done = with_language_models.sh("ttbench -m resnet")
    assert done.returncode == 2
    assert "unknown model 'resnet': ttbench --list shows" in done.stderr
