"""What outputs are compared with is the model as it was built, whatever a backend does to it."""

from __future__ import annotations

import importlib

import pytest

import ttbench_core
from ttbench_core import StagedModel, Stages

torch = pytest.importorskip("torch")
pytestmark = pytest.mark.torch

BACKEND = """
from ttbench_core.backends.torch.backend import TorchBackend

meddle = print


class Meddling(TorchBackend):
    name = "meddling"

    def compile(self, model, options):
        meddle(model)
        return super().compile(model, options)
"""


class Encoder(torch.nn.Module):
    def __init__(self):
        super().__init__()
        self.encoder = torch.nn.Sequential(torch.nn.Linear(16, 16), torch.nn.Linear(16, 16))

    def forward(self, x):
        return self.encoder(x)


@pytest.fixture
def run(fake_pack):
    """Run a model on a backend that first does something to it."""
    fake_pack(
        "meddling",
        "[ttbench.backends]\nmeddling = meddling_backend:Meddling\n",
        meddling_backend=BACKEND,
    )

    def run_meddled(meddle, **options):
        importlib.import_module("meddling_backend").meddle = meddle
        asked = {"device": "cpu", "backend": "meddling", "progress": False, "passes": 1}
        return ttbench_core.run(builder, **{**asked, "roofline": False, "verify": True, **options})

    return run_meddled


def builder(training):
    stages = Stages(device=Encoder(), loss=torch.nn.MSELoss())
    return StagedModel(stages, [torch.randn(8, 16)], [torch.randn(8, 16)])


def to_bfloat16(model):
    model.stages.device.to(torch.bfloat16)


def add_in_place(model):
    with torch.no_grad():
        model.stages.device.encoder[1].weight += 0.5


def swap_data(model):
    weight = model.stages.device.encoder[0].weight
    weight.data = weight.data.bfloat16().float()


def replace_module(model):
    model.stages.device.encoder[1] = torch.nn.Identity()


def zero_inputs(model):
    model.inputs[0].zero_()


@pytest.mark.parametrize(
    ("meddle", "change"),
    [
        (
            to_bfloat16,
            "modules: device.encoder.0.weight is torch.bfloat16, it was torch.float32",
        ),
        (add_in_place, "modules: device.encoder.1.weight has other values"),
        (swap_data, "modules: device.encoder.0.weight has other values"),
        (replace_module, "modules: device.encoder.1 is a Identity, it was a Linear"),
        (zero_inputs, "inputs: inputs[0] has other values"),
    ],
)
def test_a_backend_that_changes_the_model_is_wrong_and_the_change_is_named(run, meddle, change):
    result = run(meddle)
    assert result.verification["passed"] is False
    assert result.verification["modules"] == "changed"
    assert result.verification["fault"] == (
        f"the backend changed the model's {change}; outputs are compared with the model as built"
    )
    assert dict(result.summary())["outputs"] == f"WRONG: {result.verification['fault']}"


def test_a_change_is_found_although_the_outputs_are_those_of_the_changed_model(run):
    result = run(to_bfloat16, dataformat="Fp16_b", verify=None)
    assert not result.outputs_are_right


def test_an_unchanged_model_is_said_to_be_so(run):
    verification = run(lambda model: None).verification
    assert (verification["passed"], verification["modules"]) == (True, "unchanged")


def test_the_model_is_read_in_a_phase_of_its_own(run):
    phases = run(lambda model: None).phases_ns
    assert list(phases)[:3] == ["build", "fingerprint", "compile"]


@pytest.mark.parametrize("options", [{"verify": False}, {"training": True, "verify": None}])
def test_a_model_that_will_not_be_verified_is_not_read(run, options):
    assert "fingerprint" not in run(to_bfloat16, **options).phases_ns


@pytest.mark.parametrize("level", [0, 1, 2])
@pytest.mark.parametrize("data_format", ["Fp16_b", "Bfp8_b"])
def test_the_torch_backend_leaves_a_model_as_it_is(run, level, data_format):
    result = run(
        lambda model: None,
        backend="torch",
        backend_opt_level=level,
        dataformat=data_format,
    )
    assert result.verification["modules"] == "unchanged"
