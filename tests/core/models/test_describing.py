"""`ttbench info`: what a model is, built by its shapes alone."""

from __future__ import annotations

import json

import pytest

from ttbench_core import RequestError, StagedModel, Stages, benchmark_model
from ttbench_core.models.describing import describe

torch = pytest.importorskip("torch")
pytestmark = pytest.mark.torch


@benchmark_model(configs=["small", "huge"], task="arithmetic")
def dense(training, config, microbatch: int = 4):
    width = {"small": 8, "huge": 1_000_000}[config]
    return StagedModel(
        Stages(device=torch.nn.Linear(width, width), loss=torch.nn.MSELoss() if training else None),
        [torch.rand(microbatch, width)],
        [torch.rand(microbatch, width)],
    )


def test_a_model_is_described_without_values():
    # four terabytes, if it had any
    found = describe(dense, config="huge", microbatch=2)
    assert found.parameters == 10**12 + 10**6
    assert found.flops_per_input == 2 * 2 * 10**12
    assert found.inputs == ({"shape": [2, 1_000_000], "dtype": "float32"},)
    assert (found.task, found.trains, found.new_tokens) == ("arithmetic", True, None)
    assert found.notes == ()


def test_a_builder_that_reads_values_is_built_with_them():
    def looking(training):
        inputs = torch.rand(2, 3)
        assert inputs.sum().item() > 0
        return [torch.nn.Linear(3, 1)], [inputs]

    found = describe(looking)
    assert found.parameters == 4
    assert not found.trains
    assert found.notes == ("built with its numbers: it cannot be without",)


def test_describing_leaves_random_state_as_it_is():
    before = torch.random.get_rng_state()
    describe(dense, config="small")
    assert torch.equal(before, torch.random.get_rng_state())


def test_a_failing_builder_is_reported_in_one_line():
    def failing(training):
        raise ValueError("no such thing")

    with pytest.raises(RequestError, match="cannot be built: ValueError: no such thing"):
        describe(failing)


def test_the_command_prints_rows_or_json(ttbench, fake_pack):
    fake_pack(
        "pack",
        "[ttbench.models]\ntiny_one = pack_models:tiny_one\n",
        pack_models=(
            "def tiny_one(training, seq_len: int = 3):\n"
            "    import torch\n"
            "    return [torch.nn.Linear(seq_len, 2)], [torch.rand(1, seq_len)]\n"
        ),
    )
    done = ttbench("info", "tiny_one", "--seq_len", "5")
    assert done.code == 0, done.err
    rows = dict(line.split(maxsplit=1) for line in done.out.splitlines())
    assert rows["parameters"] == "12"
    assert json.loads(ttbench("info", "tiny_one", "--json").out)["flops_per_input"] == 12
    assert ttbench("info").code == 2
    assert ttbench("info", "tiny_one", "-c", "x").code == 2
    assert ttbench("info", "--help").code == 0
