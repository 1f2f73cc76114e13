"""What loaders in the form of tt-forge-models load, as models of ttbench."""

from __future__ import annotations

import json
import socket
import sys
import types
from pathlib import Path

import pytest

from ttbench_core import run, run_ab
from ttbench_core.errors import (
    OptionError,
    PackContractError,
    PackLoadError,
    UnknownNameError,
    UnsupportedOptionError,
)
from ttbench_core.models.building import build_model
from ttbench_core.models.describing import describe
from ttbench_core.models.loaders.failures import LoaderError
from ttbench_core.models.loaders.offline import NOTE
from ttbench_core.models.source import find_source
from ttbench_core.request.options import RunOptions
from ttbench_core.results.comparison.key import key_of

torch = pytest.importorskip("torch")
pytestmark = pytest.mark.torch

LOADERS = Path(__file__).parents[2] / "packs" / "loaders"
PACKAGE = "loader:acme_loaders"
FACTS = {"data_type": None, "math_fidelity": None, "arch": None, "devtype": "cpu"}
ONCE = {"passes": 1, "warmup": 0, "roofline": False, "verify": False}


@pytest.fixture(autouse=True)
def _in_the_folder_of_loaders(monkeypatch):
    monkeypatch.chdir(LOADERS)
    monkeypatch.setattr(sys, "path", list(sys.path))
    # tests are alike with a network and without one
    monkeypatch.setenv("HF_HUB_OFFLINE", "1")
    yield
    for name in [one for one in sys.modules if one.partition(".")[0] == "acme_loaders"]:
        del sys.modules[name]


@pytest.fixture
def written(tmp_path, monkeypatch):
    """Write the module of a loader in the current folder."""

    def write(source):
        monkeypatch.chdir(tmp_path)
        monkeypatch.delitem(sys.modules, "written_loader", raising=False)
        (tmp_path / "written_loader.py").write_text(source)
        return "loader:written_loader"

    return write


def built(model, **options):
    source = find_source(model)
    options = RunOptions(model, **{"config": source.builder.default_config, **options})
    return build_model(source.builder, options, FACTS, source.where)


def test_inputs_by_name_are_passed_by_name():
    model = built(f"{PACKAGE}.named.loader")
    assert set(model.inputs) == {"input_ids", "attention_mask"}
    assert model.stages.device(**model.inputs)["logits"].shape == (1, 6, 4)


def test_inputs_in_a_list_are_passed_by_position():
    model = built(f"{PACKAGE}.listed.loader")
    assert [list(one.shape) for one in model.inputs] == [[2, 3], [2, 4]]


def test_one_tensor_is_one_input():
    model = built(f"{PACKAGE}.single.loader")
    assert [list(one.shape) for one in model.inputs] == [[1, 2]]


def test_a_variant_is_given_as_the_loader_has_it():
    assert (
        built(f"{PACKAGE}.named.loader", config="acme/large").stages.device.embedding.weight.shape[
            1
        ]
        == 16
    )
    assert built(f"{PACKAGE}.single.loader", config="wide").stages.device.in_features == 8


@pytest.mark.parametrize("name", ["named", "single"])
def test_an_unknown_variant_is_refused_with_those_that_there_are(ttbench, name):
    outcome = ttbench("--in-process", "-m", f"{PACKAGE}.{name}.loader", "-c", "wode")
    assert outcome.code == 2
    assert {"named": "Small_v1, acme/large", "single": "base, wide"}[name] in outcome.complaint


def test_a_loader_without_variants_takes_none():
    with pytest.raises(UnknownNameError, match="has no variants: leave out -c base"):
        built(f"{PACKAGE}.listed.loader", config="base")


def test_a_variant_that_a_constructor_does_not_take_is_refused(written):
    loader = written(
        "import torch\nclass ModelLoader:\n    _VARIANTS = {'a': None, 'b': None}\n"
        "    DEFAULT_VARIANT = 'a'\n    def load_model(self): return torch.nn.Linear(2, 1)\n"
        "    def load_inputs(self): return torch.rand(1, 2)\n"
    )
    assert built(loader, config="a").stages.device.in_features == 2
    with pytest.raises(UnsupportedOptionError, match="takes no variant: leave out -c b"):
        built(loader, config="b")


CHOICES = (
    "import torch\nclass ModelLoader:\n    _VARIANTS = {'small': 2, 'large': 9}\n"
    "    DEFAULT_VARIANT = 'small'\n"
    "    def load_model(self): return torch.nn.Linear(self._VARIANTS[self.chosen], 1)\n"
    "    def load_inputs(self): return torch.rand(1, self._VARIANTS[self.chosen])\n"
)


@pytest.mark.parametrize(
    ("constructor", "value"),
    [
        ("*args, **kwargs", "kwargs['variant']"),
        ("**others", "others['variant']"),
        ("*args", "args[0]"),
        ("which", "which"),
        ("seed=0, variant=None", "variant"),
        ("variant_name=None", "variant_name"),
    ],
)
def test_a_variant_goes_where_a_constructor_takes_it(written, constructor, value):
    made = f"    def __init__(self, {constructor}): self.chosen = {value}\n"
    loader = written(CHOICES + made)
    assert built(loader, config="large").stages.device.in_features == 9
    assert built(loader).stages.device.in_features == 2


@pytest.mark.parametrize("constructor", ["seed=0", "seed=0, *, other=1"])
def test_a_parameter_that_is_not_for_the_variant_does_not_get_it(written, constructor):
    made = f"    def __init__(self, {constructor}): self.chosen = 'small' if seed == 0 else seed\n"
    loader = written(CHOICES + made)
    with pytest.raises(UnsupportedOptionError, match="takes no variant: leave out -c large"):
        built(loader, config="large")
    assert built(loader).stages.device.in_features == 2


def test_a_loader_that_cannot_say_what_it_is_runs_with_a_note(written):
    loader = written(
        CHOICES + "    chosen = 'small'\n    @classmethod\n"
        "    def get_model_info(cls, variant=None): raise ValueError('not yet')\n"
    )
    model = built(loader)
    assert model.notes == ("its get_model_info failed (ValueError: not yet)",)
    assert model.origin["class"] == "ModelLoader"


COMPUTED = {
    "default": "_VARIANTS = {'v0': 2, 'v1': 3, 'v2': 4}\n    DEFAULT_VARIANT = list(_VARIANTS)[2]",
    "table": "_VARIANTS = {f'v{i}': i + 2 for i in range(3)}\n    DEFAULT_VARIANT = 'v2'",
}


@pytest.mark.parametrize("computed", COMPUTED)
def test_a_default_that_the_text_does_not_show_is_what_the_class_says(written, computed):
    loader = written(
        f"import torch\nclass ModelLoader:\n    {COMPUTED[computed]}\n"
        "    def __init__(self, variant): self.width = self._VARIANTS[variant]\n"
        "    def load_model(self): return torch.nn.Linear(self.width, 1)\n"
        "    def load_inputs(self): return torch.rand(1, self.width)\n"
    )
    record = run(loader, **ONCE).model
    assert record["inputs"][0]["shape"] == [1, 4]
    assert (record["config"], record["origin"]["variant"]) == ("v2", "v2")
    assert describe(loader).config == "v2"
    decided, same, other = (
        run(loader, **ONCE, **one) for one in ({}, {"config": "v2"}, {"config": "v1"})
    )
    assert key_of(decided) == key_of(same) != key_of(other)


def test_a_class_without_a_default_runs_the_first_of_its_variants(written):
    loader = written(
        "import torch\nclass ModelLoader:\n    _VARIANTS = dict([('a', 2), ('b', 3)])\n"
        "    def __init__(self, variant): self.width = self._VARIANTS[variant]\n"
        "    def load_model(self): return torch.nn.Linear(self.width, 1)\n"
        "    def load_inputs(self): return torch.rand(1, self.width)\n"
    )
    assert built(loader).origin["variant"] == "a"


def test_a_microbatch_is_the_batch_size_of_a_loader():
    assert built(f"{PACKAGE}.named.loader", microbatch=5).inputs["input_ids"].shape == (5, 6)
    assert built(f"{PACKAGE}.anything.loader", microbatch=5).inputs[0].shape == (5, 3)


def test_a_microbatch_of_a_loader_without_a_batch_size_is_what_its_inputs_are():
    assert built(f"{PACKAGE}.listed.loader", microbatch=2).inputs[0].shape[0] == 2
    with pytest.raises(
        UnsupportedOptionError, match=r"of 2 samples, not 3, because .* 'batch_size'"
    ):
        built(f"{PACKAGE}.listed.loader", microbatch=3)


def test_a_loader_that_ignores_its_batch_size_is_refused(written):
    loader = written(
        "import torch\nclass ModelLoader:\n    def load_model(self): return torch.nn.Linear(2, 1)\n"
        "    def load_inputs(self, batch_size=1): return torch.rand(1, 2)\n"
    )
    with pytest.raises(UnsupportedOptionError, match="of 1 sample, not 4: leave out -mb"):
        built(loader, microbatch=4)


def test_samples_that_shapes_do_not_show_are_asked_for():
    with pytest.raises(UnsupportedOptionError, match=r"differ \(1, 5\).*-M samples=N"):
        built(f"{PACKAGE}.mixed.loader")
    assert built(f"{PACKAGE}.mixed.loader", model_options={"samples": 1}).microbatch == 1


def of_shapes(first, second):
    return (
        "import torch\nclass Sum(torch.nn.Module):\n"
        "    def forward(self, a, b): return a.sum() + b.sum()\n"
        "class ModelLoader:\n    def load_model(self): return Sum()\n"
        "    def load_inputs(self, batch_size=1):\n"
        f"        return [torch.rand({first}, 8), torch.rand({second}, 8)]\n"
    )


@pytest.mark.parametrize(
    ("shapes", "asked"),
    [
        (("1", "4"), 4),
        (("1", "4"), 1),
        (("batch_size + 3", "4"), 4),
        (("batch_size + 3", "1"), 1),
        (("2", "batch_size**2"), 2),
    ],
)
def test_a_microbatch_that_inputs_do_not_grow_with_is_refused(written, shapes, asked):
    with pytest.raises(UnsupportedOptionError, match=r"differ \(.*-M samples=N"):
        built(written(of_shapes(*shapes)), microbatch=asked)


@pytest.mark.parametrize("asked", [1, 4])
@pytest.mark.parametrize(
    "shapes", [("batch_size", "5"), ("batch_size", "3 * batch_size"), ("7", "2 * batch_size")]
)
def test_a_microbatch_is_that_which_some_of_the_inputs_grow_with(written, shapes, asked):
    model = built(written(of_shapes(*shapes)), microbatch=asked)
    assert model.microbatch == asked


def test_a_microbatch_that_a_loader_can_make_alone_is_not_known_to_be_one(written):
    loader = written(of_shapes("batch_size", "5 // (batch_size - 1)"))
    with pytest.raises(UnsupportedOptionError, match="-M samples=N"):
        built(loader, microbatch=4)


def test_samples_that_contradict_the_shapes_are_refused():
    with pytest.raises(UnsupportedOptionError, match="are 2 samples, not 54: leave out -M samples"):
        built(f"{PACKAGE}.listed.loader", model_options={"samples": 54})
    assert built(f"{PACKAGE}.listed.loader", model_options={"samples": 2}).microbatch is None


def test_more_samples_than_the_batch_of_a_loader_are_noted(written):
    loader = written(of_shapes("54", "54"))
    assert built(loader).notes == ("its inputs are 54 samples, with a batch_size of 1",)
    assert built(loader, microbatch=54).notes == ()
    assert built(written(of_shapes("batch_size", "batch_size"))).notes == ()


def test_layers_and_tokens_are_passed_to_a_loader_that_takes_them():
    model = built(f"{PACKAGE}.named.loader", layers=3, seq_len=9)
    assert len(model.stages.device.layers) == 3
    assert model.inputs["input_ids"].shape == (1, 9)


@pytest.mark.parametrize(
    "asked", [{"layers": 1}, {"seq_len": 4}, {"image_size": 8}, {"generative": True}]
)
def test_what_a_loader_does_not_take_is_refused(asked):
    with pytest.raises(UnsupportedOptionError):
        built(f"{PACKAGE}.listed.loader", **asked)


def test_a_loader_is_asked_for_fp32():
    model = built(f"{PACKAGE}.single.loader")
    assert model.stages.device.weight.dtype == model.inputs[0].dtype == torch.float32
    assert model.notes == ()


def test_what_a_loader_gives_in_another_type_is_converted_with_a_note():
    model = built(f"{PACKAGE}.half.loader")
    assert model.stages.device.weight.dtype == model.inputs["input"].dtype == torch.float32
    assert model.notes == ("its loader gave bfloat16, which was converted to Fp32",)


def test_outputs_of_a_class_of_their_own_are_unpacked_by_the_loader():
    result = run(f"{PACKAGE}.packed.loader", **ONCE | {"verify": True})
    assert result.outputs_are_right


def test_a_module_whose_outputs_are_unpacked_is_copied_without_its_loader():
    import copy

    module = built(f"{PACKAGE}.packed.loader").stages.device
    kept = copy.deepcopy(module)
    assert kept._unpack is module._unpack


def test_a_loader_reads_nothing_from_stdin_and_its_question_is_named():
    with pytest.raises(LoaderError, match="asks a question on the terminal"):
        built(f"{PACKAGE}.asking.loader")


def test_a_library_that_is_missing_is_named():
    with pytest.raises(LoaderError, match="needs the Python module 'torchvision', which is not"):
        built(f"{PACKAGE}.torchless.loader")


def test_weights_that_are_not_here_are_named_with_the_remedy(ttbench):
    outcome = ttbench("-m", f"{PACKAGE}.offline.loader")
    assert outcome.code == 2
    assert "wants files of the network that are not here" in outcome.complaint
    assert "HF_HUB_OFFLINE=1" in outcome.complaint


def test_a_model_that_was_loaded_without_a_network_has_a_note(written, monkeypatch):
    def unknown(*_):
        raise socket.gaierror("Name or service not known")

    monkeypatch.delenv("HF_HUB_OFFLINE")
    monkeypatch.setattr("urllib.request.getproxies", dict)
    monkeypatch.setattr(socket, "getaddrinfo", unknown)
    loader = written(
        "import os, torch\nclass ModelLoader:\n    def load_model(self):\n"
        "        assert os.environ['HF_HUB_OFFLINE'] == '1'\n        return torch.nn.Linear(2, 1)\n"
        "    def load_inputs(self): return torch.rand(1, 2)\n"
    )
    monkeypatch.setitem(sys.modules, "huggingface_hub", types.ModuleType("huggingface_hub"))
    assert built(loader).notes == (NOTE,)


def test_whatever_else_importing_raises_is_named(written):
    with pytest.raises(PackLoadError, match="cannot load loader:written_loader: ZeroDivisionError"):
        built(written("1 / 0\nclass ModelLoader: ..."))


def test_whatever_else_loading_raises_is_a_failed_run(ttbench, written):
    loader = written(
        "class ModelLoader:\n    def load_model(self): raise ValueError('its own')\n"
        "    def load_inputs(self): ...\n"
    )
    outcome = ttbench("-m", loader)
    assert outcome.code == 1
    assert "ValueError: its own" in outcome.err
    assert "Traceback" not in outcome.err


def test_a_module_without_the_class_says_which_it_has():
    with pytest.raises(PackContractError, match=r"write .*\.EncoderLoader or .*\.DecoderLoader"):
        built(f"{PACKAGE}.other.loader")


def test_a_class_of_another_name_is_written_behind_its_module():
    assert built(f"{PACKAGE}.other.loader.DecoderLoader").stages.device.out_features == 5


@pytest.mark.parametrize(
    ("returned", "fault"),
    [
        ("object()", "gave a builtins.object: ttbench runs a torch.nn.Module"),
        ("torch.nn.Linear(1, 1)", "its load_inputs gave a NoneType"),
    ],
)
def test_what_is_no_model_or_no_inputs_is_refused(written, returned, fault):
    loader = written(
        f"import torch\nclass ModelLoader:\n    def load_model(self): return {returned}\n"
        "    def load_inputs(self): ...\n"
    )
    with pytest.raises(PackContractError, match=fault):
        built(loader)


def test_a_loader_that_needs_more_than_a_run_gives_is_refused(written):
    loader = written(
        "class ModelLoader:\n    def load_model(self, onnx_path): ...\n"
        "    def load_inputs(self): ...\n"
    )
    with pytest.raises(PackContractError, match="its load_model needs 'onnx_path'"):
        built(loader)


def test_a_folder_of_weights_takes_the_place_of_those_of_a_variant(tmp_path):
    model = built(f"{PACKAGE}.hub.pytorch.loader", weights=str(tmp_path))
    assert model.stages.device.name_or_path == str(tmp_path)
    assert "pretrained_model_name" not in model.origin
    with pytest.raises(LoaderError):
        # the class itself stays as it was
        built(f"{PACKAGE}.hub.pytorch.loader", weights="pretrained")


def test_a_folder_of_weights_that_is_not_there_or_not_read_is_refused(tmp_path):
    with pytest.raises(OptionError, match="there is no such folder"):
        built(f"{PACKAGE}.hub.pytorch.loader", weights=str(tmp_path / "none"))
    with pytest.raises(UnsupportedOptionError, match="does not read its model from the folder"):
        built(f"{PACKAGE}.named.loader", weights=str(tmp_path))
    with pytest.raises(UnsupportedOptionError, match="has no table of variants"):
        built(f"{PACKAGE}.listed.loader", weights=str(tmp_path))


def test_code_that_comes_with_weights_is_noted(tmp_path):
    notes = built(f"{PACKAGE}.hub.pytorch.loader", weights=str(tmp_path)).notes
    assert notes == ("its loader runs code that comes with the weights (trust_remote_code)",)


def test_code_of_a_repository_is_noted(written):
    loader = written(
        "import torch\nclass ModelLoader:\n    def other(self): torch.hub.load('acme/net', 'net')\n"
        "    def load_model(self): return torch.nn.Linear(2, 1)\n"
        "    def load_inputs(self): return torch.rand(1, 2)\n"
    )
    assert built(loader).notes == ("its loader runs code of a repository (torch.hub.load)",)


def test_a_record_says_where_a_loader_is_from():
    result = run(f"{PACKAGE}.named.loader", config="acme/large", **ONCE)
    assert result.model["name"] == "acme_loaders.named.loader"
    assert (result.model["config"], result.model["task"]) == ("acme/large", "nlp_qa")
    assert result.model["pack"] is None
    assert result.model["origin"] == {
        "module": "acme_loaders.named.loader",
        "class": "ModelLoader",
        "variant": "acme/large",
        "name": "pytorch_named_acme/large",
        "group": "generality",
        "task": "nlp_qa",
        "source": "custom",
        "framework": "pytorch",
        "pretrained_model_name": "acme/large",
    }
    assert str(LOADERS) not in json.dumps(result.model)


def test_a_run_without_a_variant_records_the_default():
    assert run(f"{PACKAGE}.named.loader", **ONCE).model["config"] == "Small_v1"


def test_what_a_loader_prints_is_no_part_of_the_record(ttbench):
    outcome = ttbench("--in-process", "--json", "-m", f"{PACKAGE}.named.loader", "--passes", 1)
    assert json.loads(outcome.out)["model"]["name"] == "acme_loaders.named.loader"


def test_several_processes_find_a_loader_by_its_name():
    result = run(f"{PACKAGE}.named.loader", processes=2, **ONCE)
    assert len(result.processes) == 2


def test_two_variants_of_a_loader_run_side_by_side():
    asked = {"processes": 1, "progress": False, **ONCE}
    found = run_ab(f"{PACKAGE}.named.loader", {"config": "acme/large"}, **asked)
    assert (found.a.model["config"], found.b.model["config"]) == ("Small_v1", "acme/large")


def test_info_shows_a_loader():
    found = describe(f"{PACKAGE}.named.loader")
    assert (found.configs, found.default_config) == (("Small_v1", "acme/large"), "Small_v1")
    assert (found.task, found.origin["source"], found.parameters) == ("nlp_qa", "custom", 296)
    # what is made when the module is imported has values all the same
    assert run(f"{PACKAGE}.named.loader", **ONCE | {"verify": True}).outputs_are_right


def test_info_shows_a_loader_that_cannot_load_here(ttbench):
    outcome = ttbench("info", f"{PACKAGE}.hub.pytorch.loader")
    assert outcome.code == 0
    assert "base*" in outcome.out
    assert "generality" in outcome.out
    assert "it cannot be built here" in outcome.out


def test_info_of_a_library_that_is_missing_shows_what_the_text_says(ttbench):
    outcome = ttbench("info", f"{PACKAGE}.torchless.loader")
    assert outcome.code == 0
    assert "torchvision" in outcome.out
