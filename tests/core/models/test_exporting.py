"""The device stage of a model as one graph, from tensors to a flat tuple of tensors."""

from __future__ import annotations

from collections import OrderedDict

import pytest

from ttbench_core import StagedModel, Stages
from ttbench_core.errors import UnsupportedOptionError

torch = pytest.importorskip("torch", minversion="2.6")
pytestmark = pytest.mark.torch

from ttbench_core.models.exported.exporting import (  # noqa: E402
    device_inputs,
    export_stage,
    stage_tensors,
)
from ttbench_core.models.reference.fingerprint import fingerprint, first_change  # noqa: E402
from ttbench_core.models.reference.sample_models import sample_model  # noqa: E402


class Scaled(torch.nn.Module):
    """One linear layer, then one of two operators."""

    def __init__(self, size=8, operator=torch.relu):
        super().__init__()
        self.linear = torch.nn.Linear(size, size)
        self.operator = operator

    def forward(self, x):
        return self.operator(self.linear(x))


def model_of(module=None, rows=4, size=8):
    return StagedModel(Stages(device=module or Scaled(size)), [torch.rand(rows, size)])


def sha256(model, **options):
    return export_stage(model, **options).sha256


def outputs_of(model):
    stage = export_stage(model)
    return stage.program.module()(*stage.example)


def test_the_sum_of_a_graph_repeats_and_does_not_depend_on_the_values_of_weights():
    model = model_of()
    assert sha256(model) == sha256(model) == sha256(model_of())
    assert len(sha256(model)) == 64


@pytest.mark.parametrize(
    "other",
    [
        lambda: sha256(model_of(rows=5)),
        lambda: sha256(model_of(size=16)),
        lambda: sha256(model_of(Scaled(operator=torch.tanh))),
        lambda: sha256(model_of(torch.nn.Sequential(Scaled(), Scaled()))),
        lambda: sha256(model_of(), dtype=torch.bfloat16),
    ],
    ids=["rows", "features", "operator", "layers", "dtype"],
)
def test_the_sum_of_a_graph_depends_on_shapes_types_and_operators(other):
    assert other() != sha256(model_of())


def test_a_number_in_the_graph_is_part_of_its_sum():
    graphs = []
    for number in (2.0, 3.0):
        model = sample_model(input_kind="numbers")
        graphs.append(sha256(StagedModel(model.stages, [*model.inputs[:2], number])))
    assert graphs[0] != graphs[1]


@pytest.mark.parametrize(
    ("kind", "names"),
    [
        ("tensors", ("0", "1")),
        ("named", ("y", "x")),
        ("nested", ("0.0", "0.1")),
        ("numbers", ("0", "1")),
        ("unbatched", ("0", "1")),
    ],
)
def test_the_graph_takes_the_tensors_of_inputs_of_any_kind_in_their_order(kind, names):
    model = sample_model(input_kind=kind)
    stage = export_stage(model)
    assert stage.names == names
    assert all(map(torch.equal, stage.example, stage_tensors(model.inputs)))
    inputs = model.inputs
    expected = (
        model.stages.device(**inputs) if isinstance(inputs, dict) else model.stages.device(*inputs)
    )
    for output, wanted in zip(outputs_of(model), expected, strict=True):
        torch.testing.assert_close(output, wanted)


class NestedOutputs(torch.nn.Module):
    """Gives what modules of transformers give: a mapping, with tuples and None in it."""

    def forward(self, x):
        return OrderedDict(first=x + 1, nothing=None, rest=(x + 2, [x + 3]))


def test_the_graph_gives_a_flat_tuple_of_tensors():
    x = torch.rand(2, 3)
    outputs = outputs_of(StagedModel(Stages(device=NestedOutputs()), [x]))
    assert isinstance(outputs, tuple)
    assert [float((output - x).round().mean()) for output in outputs] == [1, 2, 3]


def test_the_model_outputs_of_transformers_become_a_flat_tuple():
    transformers = pytest.importorskip("transformers")
    config = transformers.BertConfig(
        hidden_size=16,
        num_hidden_layers=1,
        num_attention_heads=2,
        intermediate_size=16,
        vocab_size=32,
    )
    module = transformers.BertModel(config).eval()
    model = StagedModel(Stages(device=module), {"input_ids": torch.randint(32, (2, 5))})
    outputs = outputs_of(model)
    assert [tuple(one.shape) for one in outputs] == [(2, 5, 16), (2, 16)]


def test_the_stage_before_the_device_makes_the_inputs_of_the_graph():
    model = sample_model(staged=True)
    x, y = model.inputs
    prepared = device_inputs(model)
    assert torch.equal(prepared[0], y.flip(-1))
    stage = export_stage(model)
    assert torch.equal(stage.example[1], x.roll(1, -1))


def test_a_dtype_holds_for_parameters_and_for_inputs_that_are_floats():
    embedding = torch.nn.Embedding(8, 4)
    model = StagedModel(Stages(device=embedding), [torch.randint(8, (2, 3))])
    stage = export_stage(model, torch.bfloat16)
    assert stage.example[0].dtype is torch.int64
    assert {one.dtype for one in stage.program.state_dict.values()} == {torch.bfloat16}
    assert export_stage(model_of(), torch.bfloat16).example[0].dtype is torch.bfloat16


def test_a_record_has_the_sum_the_operators_and_the_time():
    stage = export_stage(model_of())
    assert stage.record() == {
        "graph_sha256": stage.sha256,
        "graph_operators": 2,
        "export_s": stage.export_s,
    }
    assert stage.export_s > 0


class Joining(torch.nn.Module):
    """Joins as caches of transformers do: the first part is empty and has one dimension."""

    def forward(self, x):
        return torch.cat([torch.tensor([]), x, x + 1], dim=-2)


def test_empty_parts_that_torch_skips_are_not_in_the_graph():
    x = torch.rand(1, 2, 3)
    model = StagedModel(Stages(device=Joining()), [x])
    program = export_stage(model).program
    (joined,) = [one for one in program.graph.nodes if "cat" in str(one.target)]
    assert len(joined.args[0]) == 2
    assert torch.equal(program.module()(x)[0], Joining()(x))


class Branching(torch.nn.Module):
    """Decides by a value."""

    def forward(self, x):
        return x + 1 if x.sum() > 0 else x - 1


def test_what_cannot_be_exported_is_one_line_with_its_reason():
    with pytest.raises(UnsupportedOptionError) as raised:
        export_stage(model_of(Branching()))
    message = str(raised.value)
    assert "\n" not in message
    assert message.startswith("the device stage cannot be exported (")
    assert "backend 'torch' runs it" in message
    assert len(message) < 450


def test_a_stage_that_is_no_module_is_refused_with_its_type():
    model = StagedModel(Stages(device=lambda x: x), [torch.rand(2, 2)])
    with pytest.raises(UnsupportedOptionError, match="is a function .* only a torch.nn.Module"):
        export_stage(model)


@pytest.mark.parametrize("dtype", [torch.float32, torch.bfloat16])
def test_the_model_stays_as_it_is(dtype):
    model = model_of(torch.nn.Sequential(Scaled(), torch.nn.BatchNorm1d(8)).train())
    before, mode = fingerprint(model), torch.is_inference_mode_enabled()
    export_stage(model, dtype)
    assert first_change(before, fingerprint(model)) is None
    assert model.stages.device.training
    assert torch.is_inference_mode_enabled() is mode


def test_exporting_says_nothing(capfd, recwarn):
    export_stage(model_of())
    assert capfd.readouterr() == ("", "")
    assert not recwarn.list
