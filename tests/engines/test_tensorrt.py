"""The backend `tensorrt`, without a GPU: what is missing, and what torch-tensorrt is called with.

torch-tensorrt cannot be imported where there is no TensorRT, so a made-up one stands in for it: its
compiler gives a module that computes the graph by PyTorch.
"""

from __future__ import annotations

import importlib
import importlib.util
import sys
from types import SimpleNamespace

import pytest
from engine_runs import compiled, sample

from ttbench_core import RunOptions, StagedModel, Stages
from ttbench_core.backends.loading import load_backend
from ttbench_core.backends.planning import plan
from ttbench_core.backends.protocol import Device
from ttbench_core.errors import UnsupportedOptionError

torch = pytest.importorskip("torch", minversion="2.9")
pytestmark = [
    pytest.mark.torch,
    pytest.mark.skipif(
        importlib.util.find_spec("torch_tensorrt") is not None, reason="there is a real one"
    ),
]

GPU = Device("cuda", 0, "a GPU", "sm_90", 1 << 30)


class Engine(torch.nn.Module):
    """Stands in for the module of one engine of TensorRT."""

    def __init__(self, program):
        super().__init__()
        self._run = [program.module()]  # in a list: not a part of this module

    def forward(self, *tensors):
        return self._run[0](*tensors)


@pytest.fixture
def tensorrt(monkeypatch):
    """A made-up torch-tensorrt on a made-up GPU; gives what its compiler was called with."""
    from ttbench_core.backends.tensorrt import backend

    calls = []

    def compile_program(program, *, inputs, **settings):
        calls.append((program, inputs, settings))
        return torch.nn.Sequential() if not made.takes else Engine(program)

    runtime = SimpleNamespace(TorchTensorRTModule=Engine)
    made = SimpleNamespace(
        dynamo=SimpleNamespace(compile=compile_program, runtime=runtime), takes=True, calls=calls
    )
    monkeypatch.setitem(sys.modules, "torch_tensorrt", made)
    monkeypatch.setattr(backend, "cuda_devices", lambda: iter([GPU]))
    name = "ttbench_core.backends.tensorrt.compiling"
    monkeypatch.delitem(sys.modules, name, raising=False)
    compiling = importlib.import_module(name)
    monkeypatch.setattr(compiling, "_place", lambda _: torch.device("cpu"))
    yield made
    sys.modules.pop(name, None)  # it holds the made-up library


@pytest.mark.parametrize(
    ("built", "lacks"), [(None, "is built without CUDA"), ("13.0", "finds no GPU")]
)
def test_without_a_gpu_it_says_what_is_missing(monkeypatch, built, lacks):
    monkeypatch.setattr(torch.cuda, "is_available", lambda: False)
    monkeypatch.setattr(torch.version, "cuda", built)
    availability = load_backend("tensorrt").backend.availability()
    assert not availability.usable
    assert f"{lacks}, and TensorRT runs on NVIDIA GPUs alone" in availability.reason
    assert "'ttbench-core[tensorrt]'" in availability.remedy


def test_without_its_library_it_says_what_to_install(monkeypatch):
    monkeypatch.setattr(torch.cuda, "is_available", lambda: True)
    availability = load_backend("tensorrt").backend.availability()
    assert "torch_tensorrt cannot be imported" in availability.reason
    assert availability.remedy == "pip install 'ttbench-core[tensorrt]'"


@pytest.mark.parametrize(
    ("data_format", "dtype"), [("Fp32", "float32"), ("Fp16", "float16"), ("Fp16_b", "bfloat16")]
)
def test_the_format_is_the_type_of_the_graph_that_is_compiled(tensorrt, data_format, dtype):
    model = sample()
    with compiled("tensorrt", model, dataformat=data_format) as session:
        session.push(model.inputs)
        assert session.pop()
        assert session.effective["dtype"] == dtype
        assert session.effective["tensorrt_engines"] == 1
        assert session.effective["torch_operators"] == 0
        assert session.notes == ()
    ((program, inputs, _),) = tensorrt.calls
    floats = [one for one in program.state_dict.values() if one.is_floating_point()]
    assert {one.dtype for one in floats} == {getattr(torch, dtype)}
    assert {one.dtype for one in inputs if one.is_floating_point()} == {getattr(torch, dtype)}


def test_no_value_is_rounded_to_tf32_and_no_mask_taken_for_a_causal_one(tensorrt):
    compiled("tensorrt", sample()).close()
    ((_, _, settings),) = tensorrt.calls
    assert settings["disable_tf32"] is True
    assert settings["attn_bias_is_causal"] is False
    assert "enabled_precisions" not in settings
    assert settings["timing_cache_path"].endswith("timing.bin")


def test_operators_that_pytorch_runs_are_counted_and_noted(tensorrt, monkeypatch):
    class Both(torch.nn.Module):
        def __init__(self, program):
            super().__init__()
            self.engine = Engine(program)
            self.rest = torch.fx.symbolic_trace(lambda one: torch.relu(one) + 1)

        def forward(self, *tensors):
            return [self.rest(one) for one in self.engine(*tensors)]

    monkeypatch.setattr(tensorrt.dynamo, "compile", lambda program, **_: Both(program))
    with compiled("tensorrt", sample()) as session:
        assert session.effective["torch_operators"] == 2
        assert session.notes == ("2 operators run by PyTorch, between TensorRT's engines",)


def test_a_stage_of_which_tensorrt_takes_nothing_is_refused(tensorrt):
    tensorrt.takes = False
    with pytest.raises(UnsupportedOptionError, match="TensorRT took none of the"):
        compiled("tensorrt", sample())


def test_what_tensorrt_cannot_convert_is_one_line(tensorrt, monkeypatch):
    def refuse(*_, **__):
        raise RuntimeError("no converter\nfor aten.special")

    monkeypatch.setattr(tensorrt.dynamo, "compile", refuse)
    with pytest.raises(UnsupportedOptionError) as raised:
        compiled("tensorrt", sample())
    assert "TensorRT cannot convert the device stage" in str(raised.value)
    assert "\n" not in str(raised.value)


def test_the_users_weights_stay_as_they_are(tensorrt):
    model = StagedModel(Stages(device=torch.nn.Linear(4, 4)), [torch.rand(2, 4)])
    weight = model.stages.device.weight
    before = weight.detach().clone()
    compiled("tensorrt", model, dataformat="Fp16").close()
    assert model.stages.device.weight is weight
    assert torch.equal(weight, before)


@pytest.mark.parametrize(
    ("options", "match"),
    [
        ({"device": "cpu"}, "unknown device 'cpu': backend 'tensorrt' has cuda"),
        ({"dataformat": "Bfp8"}, "has no data format Bfp8"),
        ({"training": True}, "has no training"),
        ({"chips": 2}, "--chips 2 asks for more than there is"),
    ],
)
def test_what_it_does_not_support_is_refused(tensorrt, options, match):
    backend = load_backend("tensorrt").backend
    with pytest.raises(UnsupportedOptionError, match=match):
        plan(RunOptions("m", **options), backend)
