"""Counting FLOPs: known networks, both methods, and what happens where it cannot be done."""

from __future__ import annotations

import json
import warnings

import pytest

from ttbench_core import StagedModel, Stages

torch = pytest.importorskip("torch")
pytestmark = pytest.mark.torch

from ttbench_core.models.reference.flops import _count, count_flops  # noqa: E402
from ttbench_core.models.reference.formulas import formulas  # noqa: E402


class Attention(torch.nn.Module):
    def forward(self, query, key, value):
        return torch.nn.functional.scaled_dot_product_attention(query, key, value)


class FirstOf(torch.nn.Module):
    """The first of what a module returns."""

    def __init__(self, module):
        super().__init__()
        self.module = module

    def forward(self, tensor):
        return self.module(tensor)[0]


class LooksAtValues(torch.nn.Linear):
    def forward(self, tensor):
        return super().forward(tensor * tensor.sum().item())


class Raises(torch.nn.Module):
    def forward(self, tensor):
        raise RuntimeError("no such\nkey")


class Sums(torch.nn.Module):
    def forward(self, *tensors):
        return sum(tensor.sum() for tensor in tensors)


def one_stage(module, *inputs):
    return StagedModel(Stages(device=module, loss=Sums()), inputs or [torch.rand(4, 8)])


def three_stages():
    stages = Stages(
        cpu_pre=torch.nn.Linear(8, 16),
        device=torch.nn.Linear(16, 32),
        cpu_post=torch.nn.LayerNorm(32),
        loss=torch.nn.MSELoss(),
    )
    return StagedModel(stages, [torch.rand(4, 8)], [torch.rand(4, 32)])


def test_a_product_counts_two_a_multiply_add_by_stage_and_in_all():
    counted = count_flops(three_stages(), training=False)
    assert counted.stages == {
        "cpu_pre": 2 * 4 * 8 * 16,
        "device": 2 * 4 * 16 * 32,
        "cpu_post": 0,
    }
    assert counted.total == sum(counted.stages.values())
    assert counted.method == "meta"
    assert counted.reason is None


def test_training_counts_each_stages_backward_with_it():
    counted = count_flops(three_stages(), training=True)
    assert counted.stages == {
        # the inputs of the first stage need no gradient
        "cpu_pre": 2 * (2 * 4 * 8 * 16),
        "device": 3 * (2 * 4 * 16 * 32),
        "cpu_post": 0,
        "loss": 0,
    }


def test_a_stage_without_weights_before_the_others_has_no_backward():
    stages = Stages(cpu_pre=torch.nn.ReLU(), device=torch.nn.Linear(8, 8), loss=torch.nn.MSELoss())
    model = StagedModel(stages, [torch.rand(4, 8)], [torch.rand(4, 8)])
    counted = count_flops(model, training=True)
    assert counted.stages == {"cpu_pre": 0, "device": 2 * (2 * 4 * 8 * 8), "loss": 0}


@pytest.mark.parametrize("training", [False, True])
@pytest.mark.parametrize(
    "model",
    [
        one_stage(
            torch.nn.Sequential(
                torch.nn.Conv2d(3, 8, 3, groups=1), torch.nn.BatchNorm2d(8), torch.nn.ReLU()
            ),
            torch.rand(2, 3, 8, 8),
        ),
        one_stage(
            torch.nn.TransformerEncoderLayer(32, 4, 64, batch_first=True), torch.rand(2, 8, 32)
        ),
        one_stage(FirstOf(torch.nn.GRU(8, 16, 2)), torch.rand(5, 2, 8)),
    ],
    ids=["convolution", "encoder", "gru"],
)
def test_shapes_alone_and_a_real_run_count_the_same(model, training):
    by_shapes, by_run = (
        _count(model, torch.device(place), training=training) for place in ("meta", "cpu")
    )
    assert by_shapes == by_run
    assert by_shapes["device"] > 0


@pytest.mark.parametrize("directions", [1, 2])
def test_an_lstm_counts_its_gates_at_every_step_also_in_a_real_run(directions):
    lstm = torch.nn.LSTM(8, 16, batch_first=True, bidirectional=directions == 2)
    model = one_stage(FirstOf(lstm), torch.rand(2, 5, 8))
    expected = directions * 2 * (2 * 5) * (4 * 16) * (8 + 16)
    for place in ("meta", "cpu"):
        assert _count(model, torch.device(place), training=False) == {"device": expected}


def test_attention_on_the_cpu_counts_scores_and_sums_and_four_products_backward():
    heads = [torch.rand(2, 4, length, 16) for length in (8, 12, 12)]
    product = 2 * (2 * 4 * 8 * 12 * 16)
    model = one_stage(Attention(), *heads)
    for place in ("meta", "cpu"):
        assert _count(model, torch.device(place), training=False)["device"] == 2 * product
    backward = torch.ops.aten._scaled_dot_product_flash_attention_for_cpu_backward
    shapes = [tuple(tensor.shape) for tensor in (heads[0], *heads)]
    assert formulas()[backward](*shapes) == 4 * product


@pytest.mark.parametrize(
    ("a", "b"),
    [((6, 8), (3, 8, 5)), ((3, 2, 8), (3, 8, 5)), ((2, 24), (24, 5)), ((3, 2, 8), (8, 15))],
)
def test_grouped_products_count_as_the_products_of_their_groups(a, b):
    if not hasattr(torch.ops.aten, "_grouped_mm"):
        pytest.skip("this PyTorch has no grouped products")
    assert formulas()[torch.ops.aten._grouped_mm](a, b, (3,)) == 3 * (2 * 2 * 8 * 5)


def test_products_of_a_matrix_and_a_vector_are_counted():
    model = one_stage(torch.nn.Linear(8, 4, bias=False), torch.rand(8))
    assert count_flops(model, training=False).total == 2 * 8 * 4


def test_a_model_that_reads_values_is_counted_in_a_real_run():
    counted = count_flops(one_stage(LooksAtValues(8, 8)), training=False)
    assert counted.method == "cpu"
    assert counted.total == 2 * 4 * 8 * 8


def test_a_model_that_fails_has_no_count_and_a_reason_in_one_line():
    counted = count_flops(one_stage(Raises()), training=False)
    assert counted.total is None
    assert counted.stages == {}
    assert counted.reason.count("no such key") == 2
    assert "\n" not in counted.reason


def test_a_model_of_functions_has_no_count_and_a_reason():
    counted = count_flops(one_stage(lambda tensor: tensor), training=False)
    assert counted.total is None
    assert "torch modules" in counted.reason


def test_warnings_of_a_run_on_shapes_are_not_shown():
    class Warns(torch.nn.Module):
        def forward(self, tensor):
            warnings.warn("shapes", stacklevel=1)
            return tensor

    assert count_flops(one_stage(Warns()), training=False).method == "meta"


@pytest.mark.parametrize("training", [False, True])
def test_it_counts_also_inside_inference_mode(training):
    model = three_stages()
    with torch.inference_mode():
        inside = count_flops(model, training=training)
    assert inside == count_flops(model, training=training)
    assert inside.total > 0


def test_the_model_the_random_state_and_torchs_settings_stay_as_they_were():
    module = torch.nn.Sequential(LooksAtValues(8, 8), torch.nn.BatchNorm1d(8), torch.nn.Dropout())
    module.eval()
    model = one_stage(module)
    before = {name: value.clone() for name, value in module.state_dict().items()}
    random_state = torch.random.get_rng_state()
    assert count_flops(model, training=True).method == "cpu"
    assert all(torch.equal(before[name], value) for name, value in module.state_dict().items())
    assert all(p.grad is None and p.requires_grad for p in module.parameters())
    assert not module.training
    assert torch.equal(torch.random.get_rng_state(), random_state)
    assert torch.backends.mha.get_fastpath_enabled()


def test_the_format_of_the_module_does_not_matter():
    model = one_stage(torch.nn.Linear(8, 8).half())
    assert count_flops(model, training=False).total == 2 * 4 * 8 * 8


def test_a_record_is_plain_json():
    record = json.loads(json.dumps(count_flops(three_stages(), training=False).to_record()))
    assert set(record) == {"total", "stages", "method", "reason"}
