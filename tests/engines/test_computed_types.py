"""What an engine computed in: the type of its graph, unless its outputs have another one."""

from __future__ import annotations

import pytest

from ttbench_core import StagedModel, Stages

torch = pytest.importorskip("torch", minversion="2.6")
pytestmark = pytest.mark.torch


def exported(module, *inputs, dtype=torch.float32):
    from ttbench_core.models.exported.exporting import export_stage

    return export_stage(StagedModel(Stages(device=module), list(inputs)), dtype)


def computed(stage, *outputs):
    from ttbench_core.backends.shared.computed_type import computed_type

    return computed_type(stage, outputs)


class Function(torch.nn.Module):
    """A stage without parameters."""

    def __init__(self, function):
        super().__init__()
        self._function = function

    def forward(self, *tensors):
        return self._function(*tensors)


def test_a_stage_that_converts_its_outputs_computes_in_the_type_of_its_parameters():
    stage = exported(
        torch.nn.Sequential(torch.nn.Linear(4, 4), Function(lambda one: one.float())),
        torch.rand(2, 4),
        dtype=torch.bfloat16,
    )
    assert computed(stage, torch.float32) == "bfloat16"


def test_outputs_in_another_type_than_the_graph_has_are_what_was_computed_in():
    stage = exported(torch.nn.Linear(4, 4), torch.rand(2, 4))
    assert computed(stage, torch.float32) == "float32"
    assert computed(stage, torch.float16) == "float16"


def test_without_parameters_the_inputs_say_it_and_without_floats_there_the_values_between():
    doubled = exported(Function(lambda one: one * 2), torch.rand(2), dtype=torch.bfloat16)
    assert computed(doubled, torch.bfloat16) == "bfloat16"
    halved = exported(Function(lambda one: (one / 2).long()), torch.arange(4))
    assert computed(halved, torch.int64) == "float32"


def test_a_stage_of_integers_alone_computes_in_integers():
    stage = exported(Function(lambda one: one + 1), torch.arange(4))
    assert computed(stage, torch.int64) == "int64"
