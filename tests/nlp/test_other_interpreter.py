"""A model of this pack, measured in an interpreter that has PyTorch and no packs."""

from __future__ import annotations

import os
import subprocess
import sys

import pytest

import ttbench_core

pytestmark = pytest.mark.torch

OTHER = os.environ.get("TTBENCH_OTHER_PYTHON", "")
needs_other = pytest.mark.skipif(
    not OTHER, reason="TTBENCH_OTHER_PYTHON names no interpreter (nox -s interpreters makes one)"
)


def measured(**options):
    return ttbench_core.run("bert", config="tiny", passes=2, roofline=False, **options)


@needs_other
@pytest.mark.filterwarnings("ignore::FutureWarning")  # of torch's compiler about itself
def test_bert_is_handed_over_to_an_interpreter_without_its_pack(tmp_path):
    script = "import importlib.util as u; print([bool(u.find_spec(n)) for n in %r])"
    names = ("torch", "transformers", "ttbench_models_nlp")
    found = subprocess.check_output([OTHER, "-c", script % (names,)], text=True, cwd=tmp_path)
    assert found == "[True, False, False]\n"

    there = measured(backend="torch", python=OTHER)
    here = measured(backend="aot_inductor")
    assert there.model["graph_sha256"] == here.effective["graph_sha256"]
    assert there.verification["passed"]
    assert there.verification["pcc"] > 0.9999
    assert {**there.model, **here.model} == there.model
    assert there.cost["flops_per_input"] == here.cost["flops_per_input"]
    assert "transformers" not in there.versions


@needs_other
def test_an_engine_that_compiles_graphs_there_runs_the_same_one():
    there = measured(backend="aot_inductor", python=OTHER)
    assert there.effective["graph_sha256"] == there.model["graph_sha256"]
    assert there.verification["pcc"] > 0.9999


@needs_other
def test_the_command_that_hands_a_model_over_imports_no_torch():
    script = (
        "import sys; from ttbench_core.cli import main; code = main(sys.argv[1:]);"
        " assert 'torch' not in sys.modules; sys.exit(code)"
    )
    words = ("-m", "bert", "-c", "tiny", "--backend", "torch", "--passes", "1", "--no-roofline")
    command = [sys.executable, "-c", script, *words, "--python", OTHER]
    assert subprocess.run(command, check=False).returncode == 0


@needs_other
@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"training": True}, "a model that is handed over has no -t"),
        ({"dataformat": "Fp16_b"}, "cannot be converted to bfloat16"),
        ({"dataformat": "Bfp8_b"}, "cannot be quantised to Bfp8_b"),
    ],
)
def test_what_a_graph_cannot_do_is_refused(options, message):
    with pytest.raises(ttbench_core.RequestError, match=message):
        measured(backend="torch", python=OTHER, **options)
