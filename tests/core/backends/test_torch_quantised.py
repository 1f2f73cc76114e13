"""Formats of the torch backend that torchao quantises to."""

from __future__ import annotations

import importlib.util
import subprocess
import sys

import pytest

from ttbench_core import RunOptions, StagedModel, Stages
from ttbench_core.backends.planning import plan
from ttbench_core.backends.torch.backend import TorchBackend
from ttbench_core.backends.torch.quantised_formats import QUANTISED_FORMATS
from ttbench_core.errors import UnsupportedOptionError
from ttbench_core.request.formats import DataFormat

torch = pytest.importorskip("torch")
pytestmark = pytest.mark.torch
needs_torchao = pytest.mark.skipif(
    importlib.util.find_spec("torchao") is None, reason="torchao is not installed"
)
without_cuda = pytest.mark.skipif(torch.cuda.is_available(), reason="a format may run on CUDA")

BACKEND = TorchBackend()
NAMES = [one.name for one in QUANTISED_FORMATS]


def model_of(module=None):
    network = torch.nn.Sequential(
        torch.nn.Linear(64, 128), torch.nn.ReLU(), torch.nn.Linear(128, 32)
    )
    return StagedModel(Stages(device=module or network), [torch.rand(8, 64)])


def session_of(model, **options):
    return BACKEND.compile(model, plan(RunOptions("m", **options), BACKEND))


@pytest.mark.parametrize("name", NAMES)
def test_a_format_without_torchao_is_refused_with_what_to_install(monkeypatch, name):
    found = importlib.util.find_spec
    monkeypatch.setattr(
        importlib.util,
        "find_spec",
        lambda one, *rest: None if one == "torchao" else found(one, *rest),
    )
    message = rf"-df {name} needs the library torchao.* pip install 'ttbench-core\[torchao\]'"
    with pytest.raises(UnsupportedOptionError, match=message):
        plan(RunOptions("m", dataformat=name), BACKEND)


@pytest.mark.parametrize("name", NAMES)
def test_training_in_quantised_weights_is_refused(name):
    with pytest.raises(UnsupportedOptionError, match=f"-df {name} has weights that cannot be"):
        plan(RunOptions("m", dataformat=name, training=True), BACKEND)


def test_a_rate_is_compared_with_the_peak_of_the_type_that_products_are_in():
    peaks = {one.name: one.peak_format for one in QUANTISED_FORMATS}
    assert peaks == {
        "Int8": DataFormat.FP32,
        "Int8_dyn": None,
        "Int4_w": DataFormat.FP16_B,
        "Fp8": None,
    }
    (device,) = [one for one in BACKEND.devices() if one.kind == "cpu"]
    for one in QUANTISED_FORMATS:
        if one.peak_format is None:
            with pytest.raises(UnsupportedOptionError, match="multiplies in 8 bits"):
                BACKEND.peak(device, one, 1)


@needs_torchao
@pytest.mark.parametrize("name", ["Int8", "Int8_dyn"])
def test_outputs_of_integer_formats_are_near_fp32_and_the_users_weights_stay(name):
    from ttbench_core.models.reference.agreement import agreement

    model = model_of()
    weight = model.stages.device[0].weight
    before = weight.detach().clone()
    with session_of(model, dataformat=name) as session:
        session.push(model.inputs)
        outputs = session.pop()
        assert session.effective["quantised_weights"] == 2
        assert session.effective["dtype"] == "float32"
        assert session.effective["emulated"] is False
        assert session.effective["torchao"]
        assert not session.is_reference
        assert session.notes == ()
    expected = model.stages.device(*model.inputs).detach()
    assert agreement(outputs, [expected]).passes(0.99)
    assert not torch.equal(outputs[0], expected)
    assert model.stages.device[0].weight is weight
    assert torch.equal(weight, before)


@needs_torchao
def test_layers_that_torchao_leaves_as_they_are_are_noted():
    network = torch.nn.Sequential(
        torch.nn.Conv1d(8, 8, 1), torch.nn.Flatten(), torch.nn.Linear(64, 4)
    )
    model = StagedModel(Stages(device=network), [torch.rand(2, 8, 8)])
    with session_of(model, dataformat="Int8") as session:
        assert session.effective["quantised_weights"] == 1
        assert session.notes[0].endswith("layers that stay in float32: 1")


@needs_torchao
def test_a_format_that_quantises_nothing_is_noted():
    with session_of(model_of(torch.nn.LayerNorm(64)), dataformat="Int8") as session:
        assert session.effective["quantised_weights"] == 0
        assert session.notes == (
            "Int8 changes nothing here: the device stage has no weights to quantise",
        )


@needs_torchao
@without_cuda
@pytest.mark.parametrize("name", ["Int4_w", "Fp8"])
def test_a_format_that_torchao_refuses_on_a_device_is_one_line_with_the_reason(name):
    with pytest.raises(UnsupportedOptionError, match=f"-df {name} cannot run on cpu.*refuses") as e:
        session_of(model_of(), dataformat=name)
    assert "\n" not in str(e.value)


@needs_torchao
def test_an_error_of_torchao_names_format_version_and_remedy(monkeypatch):
    import torchao.quantization

    def refuse(module, config):
        raise NotImplementedError("no kernel\nfor this one")

    monkeypatch.setattr(torchao.quantization, "quantize_", refuse)
    message = r"-df Int8 cannot run on cpu here: torchao \S+ refuses it \(.*no kernel for this one"
    with pytest.raises(UnsupportedOptionError, match=message):
        session_of(model_of(), dataformat="Int8")


@needs_torchao
def test_torchao_is_imported_quietly_and_only_by_its_formats():
    script = """
import sys
import torch
import ttbench_core

def builder(training):
    return [torch.nn.Linear(64, 32)], [torch.rand(8, 64)]

run = {"passes": 1, "loop_count": 1, "warmup": 1, "progress": False, "backend": "torch"}
ttbench_core.run(builder, **run)
assert "torchao" not in sys.modules
ttbench_core.run(builder, dataformat="Int8", **run)
assert "torchao" in sys.modules
"""
    child = subprocess.run(
        [sys.executable, "-c", script], capture_output=True, text=True, check=False
    )
    assert child.returncode == 0, child.stderr
    assert "Failed to load" not in child.stderr
    assert "register_constant" not in child.stderr
