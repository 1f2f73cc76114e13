"""A model that is handed over as a graph: the same graph, inputs and outputs, and no more."""

from __future__ import annotations

import dataclasses

import pytest

torch = pytest.importorskip("torch")

from ttbench_core import RunOptions, StagedModel, Stages  # noqa: E402
from ttbench_core.errors import SessionError, UnsupportedOptionError  # noqa: E402
from ttbench_core.models.building import build_model  # noqa: E402
from ttbench_core.models.exported.exporting import export_stage  # noqa: E402
from ttbench_core.models.exported.graph_identity import graph_sha256  # noqa: E402
from ttbench_core.models.exported.handed_over import handed_over_source  # noqa: E402
from ttbench_core.models.exported.handing_over import write_handover  # noqa: E402
from ttbench_core.models.reference.copies import private_copy  # noqa: E402
from ttbench_core.models.reference.forward import reference_outputs  # noqa: E402
from ttbench_core.request.formats import DataFormat  # noqa: E402

pytestmark = pytest.mark.torch

IDENTITY = {
    "name": "net",
    "config": "small",
    "task": "a test",
    "pack": "some-pack",
    "pack_version": "1.2",
    "builder": "some.module:build",
    "parameters": 20,
}


class Net(torch.nn.Module):
    def __init__(self):
        super().__init__()
        self.layer = torch.nn.Linear(4, 4)
        self.drop = torch.nn.Dropout()

    def forward(self, values, scale=1.0):
        return {"out": self.drop(self.layer(values)) * scale, "none": None}


@pytest.fixture
def model():
    return StagedModel(
        Stages(Net()),
        {"values": torch.rand(3, 4), "scale": 2.0},
        unit="row",
        pcc={"Fp16_b": 0.9},
        notes=["random"],
    )


@pytest.fixture
def folder(tmp_path):
    tmp_path.chmod(0o700)
    return tmp_path


def built(folder, data_type=DataFormat.FP32):
    source = handed_over_source(folder)
    return build_model(source.builder, RunOptions("net"), {"data_type": data_type}, source.where)


def test_it_is_the_same_graph_with_the_same_outputs(model, folder):
    write_handover(model, IDENTITY, ["config"], folder)
    loaded, exported = built(folder), export_stage(model)
    again = export_stage(loaded)
    assert again.sha256 == exported.sha256 == graph_sha256(again.program)
    assert (again.names, again.operators) == (exported.names, exported.operators)
    (expected,) = reference_outputs(model)
    (handed_over,) = reference_outputs(loaded)
    (computed,) = private_copy(loaded.stages.device).eval()(*loaded.inputs)
    assert torch.equal(handed_over, expected)
    assert torch.allclose(computed, expected)


def test_the_record_says_what_the_original_is(model, folder):
    write_handover(model, IDENTITY, ["config"], folder)
    source = handed_over_source(folder)
    assert (source.pack, source.version, source.value) == ("some-pack", "1.2", "some.module:build")
    assert source.builder.default_config == "small"
    assert source.identity is not None
    assert {**source.identity, **IDENTITY} == source.identity
    assert source.identity["graph_sha256"] == export_stage(model).sha256
    loaded = built(folder)
    assert (loaded.unit, loaded.pcc, loaded.microbatch) == ("row", {"Fp16_b": 0.9}, 3)
    assert loaded.notes[0] == "random"


def test_a_graph_that_was_loaded_as_another_one_has_its_own_sum_and_a_note(model, folder):
    write_handover(model, IDENTITY, [], folder)
    assert not any("SHA-256" in note for note in built(folder).notes)
    scaled = dataclasses.replace(model, inputs={**model.inputs, "scale": 3.0})
    other = export_stage(scaled)
    torch.export.save(other.program, folder / "stage.pt2")
    loaded, sums = built(folder), (export_stage(model).sha256, other.sha256)
    assert export_stage(loaded).sha256 == other.sha256 != sums[0]
    assert export_stage(loaded).operators == other.operators
    (note,) = (note for note in loaded.notes if "SHA-256" in note)
    assert all(one in note for one in sums)
    assert handed_over_source(folder).identity["graph_sha256"] == sums[0]


def test_it_is_not_converted_because_its_types_are_in_the_graph(model, folder):
    write_handover(model, IDENTITY, [], folder)
    loaded = built(folder)
    with pytest.raises(UnsupportedOptionError, match="cannot be converted to bfloat16"):
        loaded.stages.device.to(torch.bfloat16)
    with pytest.raises(UnsupportedOptionError, match="needs one in bfloat16"):
        export_stage(loaded, torch.bfloat16)
    with pytest.raises(UnsupportedOptionError, match="cannot be quantised to Bfp8_b"):
        built(folder, DataFormat.BFP8_B)


def test_nothing_is_loaded_from_a_folder_that_others_can_enter(model, folder):
    write_handover(model, IDENTITY, [], folder)
    folder.chmod(0o755)
    with pytest.raises(SessionError, match="is no private folder"):
        handed_over_source(folder)


@pytest.mark.parametrize("text", ["", "[]", "{}", '{"identity": 3}'])
def test_a_folder_that_holds_something_else_is_refused(folder, text):
    (folder / "model.json").write_text(text)
    with pytest.raises(SessionError, match="holds no exported model"):
        handed_over_source(folder)


def test_a_file_that_torch_cannot_load_is_reported_with_both_versions(model, folder):
    write_handover(model, IDENTITY, [], folder)
    (folder / "stage.pt2").write_bytes(b"nothing")
    with pytest.raises(SessionError, match=r"torch [\d.]+\S* cannot load the graph that torch"):
        built(folder)


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"generation": {"max_length": 3}}, "it generates tokens"),
        ({"stages": Stages(Net(), cpu_post=Net())}, "it has stages on the host"),
        ({"stages": Stages(lambda values, scale: values)}, "can be exported"),
    ],
)
def test_what_a_graph_does_not_say_is_refused(model, folder, change, message):
    changed = StagedModel(**{"stages": model.stages, "inputs": model.inputs, **change})
    with pytest.raises(UnsupportedOptionError, match=message):
        write_handover(changed, IDENTITY, [], folder)
