"""Inputs of every kind on the stand-in for PyBuda, which takes a list of tensors alone."""

from __future__ import annotations

from pathlib import Path

import pytest

from ttbench_core import RequestError, StagedModel, Stages
from ttbench_core.backends.planning import plan
from ttbench_core.backends.selection import choose_backend
from ttbench_core.request.options import RunOptions
from ttbench_core.running.measuring import measure
from ttbench_core.running.request import request_of
from ttbench_core.testing import check_session

torch = pytest.importorskip("torch")
pytestmark = pytest.mark.torch

NETWORKS = Path(__file__).parents[2] / "packs" / "networks"
QUICK = {"passes": 2, "warmup": 1, "loop_count": 4, "roofline": False}


@pytest.fixture
def pybuda(fake_pybuda, monkeypatch):
    monkeypatch.syspath_prepend(NETWORKS)
    return fake_pybuda


def measured(**options):
    return measure(request_of("gated", {"backend": "pybuda", **QUICK, **options}))


def compiled(model, **options):
    backend = choose_backend("pybuda")
    return backend.compile(model, plan(RunOptions("m", backend="pybuda", **options), backend))


@pytest.mark.parametrize("config", ["device", "staged"])
def test_inputs_by_name_nested_and_numbers_run_and_are_right(pybuda, config):
    result = measured(config=config)
    assert result.ok
    assert result.verification["passed"]
    assert [one["name"] for one in result.model["inputs"]] == [
        *("hidden", "pair.0", "pair.1.last", "scale", "repeats", "mask")
    ]


def test_only_tensors_with_dimensions_are_pushed_in_the_order_of_the_inputs(pybuda):
    assert measured(config="device").ok
    (pushed, *_) = pybuda.standin.arguments_of("pybuda.TTDevice.push_to_inputs")
    assert [tuple(tensor.shape) for tensor in pushed["tensors"][0]] == [(4, 6)] * 3


def test_the_first_of_several_modules_on_the_device_takes_the_inputs(pybuda):
    result = measured(config="listed")
    assert result.ok
    assert result.total_samples == 4 * 4


@pytest.mark.parametrize("config", ["device", "staged"])
def test_a_model_with_named_inputs_trains(pybuda, config):
    assert measured(config=config, training=True).ok


def test_an_image_of_a_model_with_named_inputs_runs(pybuda, tmp_path):
    path = str(tmp_path / "gated.tti")
    measured(config="device", save_tti=path, seed=3)
    assert measured(config="device", load_tti=path, seed=3).verification["passed"]


def test_every_card_gets_its_share_of_named_inputs(pybuda, tmp_path):
    pybuda.standin.configure(cards=("Wormhole_B0",) * 2)
    result = measured(config="device", parallel_tti=str(tmp_path))
    assert result.ok
    assert result.verification["passed"]


def test_tensors_without_dimensions_in_a_list_are_constants(pybuda):
    class Scaled(torch.nn.Module):
        def forward(self, tensor, scale):
            return tensor * scale

    model = StagedModel(Stages(device=Scaled()), [torch.rand(4, 8), torch.tensor(3.0)])
    with compiled(model) as session:
        check_session(session, model.inputs)
        session.push(model.inputs)
        (output,) = session.pop()
    torch.testing.assert_close(output, 3 * model.inputs[0])


def test_a_module_of_pybuda_refuses_inputs_that_are_not_a_list_of_tensors(pybuda):
    native = pybuda.PyTorchModule("native", torch.nn.Linear(8, 8))
    model = StagedModel(Stages(device=native), {"input": torch.rand(4, 8)})
    message = "stage device is a module of PyBuda, which takes tensors alone: return the inputs"
    with pytest.raises(RequestError, match=message):
        compiled(model)


@pytest.mark.parametrize("inputs", [[(7, 4)], []])
def test_inputs_whose_first_dimension_is_not_the_microbatch_are_refused(pybuda, inputs):
    values = [torch.rand(*shape) for shape in inputs] or [3]
    model = StagedModel(Stages(device=torch.nn.Linear(4, 4)), values, microbatch=2)
    with pytest.raises(RequestError, match="takes the first dimension of every tensor as the"):
        compiled(model)


def test_a_generator_with_named_inputs_is_refused(pybuda):
    row = torch.ones(1, 4)
    names = ("ids", "mask", "decoder_ids", "decoder_mask")
    model = StagedModel(
        Stages(device=[torch.nn.Identity()] * 3),
        dict.fromkeys(names, row),
        generation={"max_length": 3},
    )
    with pytest.raises(RequestError, match="generates for a list of ids, mask, decoder ids"):
        compiled(model)
