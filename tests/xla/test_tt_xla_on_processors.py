"""The backend `tt_xla` on the real PyTorch/XLA: processors take the place of chips."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path

import pytest

pytest.importorskip("torch_xla")
pytestmark = pytest.mark.torch

TESTS = Path(__file__).parents[1]
SCRIPT = Path(__file__).parent / "run_on_processors.py"


def facts_of(chips, model, **asked):
    """Run a model in a process of its own, and give what is printed."""
    paths = [str(TESTS / "packs" / "tt_torch_on_xla"), *os.environ.get("PYTHONPATH", "").split(":")]
    done = subprocess.run(
        [sys.executable, str(SCRIPT), str(chips), model, json.dumps(asked)],
        env={**os.environ, "PYTHONPATH": os.pathsep.join(path for path in paths if path)},
        capture_output=True,
        text=True,
        check=False,
        timeout=300,
    )
    assert done.returncode == 0, done.stderr
    return json.loads(done.stdout.splitlines()[-1])


@pytest.mark.parametrize(("model", "config"), [("bert", "tiny"), ("resnet", "resnet18")])
def test_a_model_is_one_graph_that_is_compiled_once(model, config):
    facts = facts_of(1, model, config=config, microbatch=2)
    assert facts["pcc"] > 0.9999
    assert facts["effective"]["graphs"] == 1
    assert facts["effective"]["graphs_per_input"] == 1
    assert facts["compilations"] == 1
    assert facts["later_compilations"] == 0
    assert facts["fallbacks"] == []
    assert facts["is_on_host"]


def test_a_mesh_of_four_splits_the_microbatch_and_the_outputs_are_whole():
    facts = facts_of(4, "bert", config="tiny", microbatch=8)
    assert facts["pcc"] > 0.9999
    assert facts["effective"]["graphs_per_input"] == 1
    assert facts["effective"]["mesh_shape"] == [4]
    assert facts["later_compilations"] == 0


def test_a_generation_is_two_graphs_that_are_compiled_once():
    facts = facts_of(1, "gpt2", config="distil", seq_len=8, new_tokens=5, layers=2)
    assert facts["pcc"] > 0.9999
    assert facts["effective"]["graphs"] == 2
    assert facts["effective"]["graphs_per_input"] == 5
    assert facts["compilations"] == 2
    assert facts["later_compilations"] == 0
    assert len(facts["tokens"][0]) == 5


def test_a_model_in_bfloat16_agrees_with_float32():
    facts = facts_of(1, "bert", config="tiny", microbatch=2, dataformat="Fp16_b")
    assert facts["pcc"] > 0.99
    assert facts["effective"]["dtype"] == "bfloat16"


def test_a_training_step_is_compiled_once():
    facts = facts_of(1, "bert", config="tiny", microbatch=2, training=True)
    assert facts["loss"] > 0
    # forward, loss and backward at least
    assert facts["effective"]["graphs_per_input"] >= 3
    assert facts["later_compilations"] == 0
