"""The catalogue: every registered configuration has the size and the work that it declares."""

from __future__ import annotations

import itertools
import json
import pickle
from importlib.metadata import entry_points
from pathlib import Path

import pytest

torch = pytest.importorskip("torch")
pytestmark = pytest.mark.torch

import ttbench_core  # noqa: E402
from ttbench_core.errors import UnsupportedOptionError  # noqa: E402
from ttbench_core.models.counting import parameter_count  # noqa: E402
from ttbench_core.models.reference.flops import count_flops  # noqa: E402

FACTS = json.loads((Path(__file__).parent / "catalogue.json").read_text())["configurations"]
EVERY = [tuple(name.split(" ")) for name in FACTS]
MODELS = sorted({model for model, _ in EVERY})
COUNTED = [names for names in EVERY if "gflops" in FACTS[" ".join(names)]]
# these look at values while they run, so shapes alone do not do
RUN_TO_COUNT = {"detr", "d_fine"}
OF_ONE_SIZE = {"resnet50_layer"}
# what users of the originals typed, the second one's last
OF_THE_ORIGINAL = {
    "resnet": "resnet18 resnet50",
    "vit": "base large",
    "deit": "base small",
    "hrnet": "w18 v2_w18 v2_w30 v2_w32 v2_w40 v2_w44 v2_w48 v2_w64",
    "inception_v4": "224",
    "mobilenet_v1": "192 224",
    "mobilenet_v2": "224 160 96",
    "mobilenet_v3_timm": "small large",
    "openpose_osmr_body": "2d 3d",
    "openpose_hand": "basic",
    "yolo_v3": "default tiny",
    "yolo_v5": "s m",
    "unet": "256",
    "vovnet_v2": "19 39 99",
    "big_conv": "224",
    "simple_add": "default default1 default2",
    "resnet50_layer": "head layer1 layer2 layer3 layer4",
    "vovnet_v1": "27s 39 57",
    "mobilenetv1": "192 224",
    "mobilenetv2": "224 160 96",
    "mobilenetv2_timm": "1",
    "mobilenetv3": "sm lg",
    "open_pose": "2d 3d",
}


# the original's models that the pack leaves out, as its README says
PRIVATE = {"resnet_quant", "custom_resnet_highres", "custom_vit_highres"}
OTHER_NAMES = {
    "mobilenetv1": ("192", "mobilenet_v1", "192"),
    "mobilenetv2": ("96", "mobilenet_v2", "96"),
    "mobilenetv3": ("sm", "mobilenet_v3_timm", "small"),
    "open_pose": ("3d", "openpose_osmr_body", "3d"),
}


def registered():
    return {
        point.name: point
        for point in entry_points(group="ttbench.models")
        if point.value.startswith("ttbench_models_vision.")
    }


def test_the_facts_are_of_all_that_is_registered_and_of_nothing_else(builder):
    assert sorted(registered()) == MODELS
    for model in MODELS:
        assert list(builder(model).configs) == [c for m, c in EVERY if m == model]


def test_names_and_configurations_of_the_original_are_valid(builder):
    for model, configs in OF_THE_ORIGINAL.items():
        assert set(configs.split()) <= set(builder(model).configs)


@pytest.mark.parametrize("model", sorted(OTHER_NAMES))
def test_another_name_builds_the_same_with_the_same_options(builder, build, model):
    config, first_name, first_config = OTHER_NAMES[model]
    sizes = {"microbatch": 2, "image_size": 64}
    torch.manual_seed(0)
    other = build(model, config, **sizes)
    torch.manual_seed(0)
    first = build(first_name, first_config, **sizes)
    assert other.inputs[0].shape == first.inputs[0].shape
    states = other.stages.device.state_dict(), first.stages.device.state_dict()
    assert all(torch.equal(*pair) for pair in zip(*(s.values() for s in states), strict=True))
    assert builder(model).declared_of[config] == builder(first_name).declared_of[first_config]
    with pytest.raises(UnsupportedOptionError, match="does not support --layers"):
        ttbench_core.run(model, config=config, layers=2)


def test_the_parts_of_a_resnet_are_the_whole_without_its_classifier(build):
    whole = build("resnet", "resnet50", meta=True).stages.device
    parts = [
        build("resnet50_layer", config, meta=True)
        for config in ("head", "layer1", "layer2", "layer3", "layer4")
    ]
    classifier = sum(parameter.numel() for parameter in whole.classifier.parameters())
    assert (
        sum(map(parameter_count, parts)) == sum(p.numel() for p in whole.parameters()) - classifier
    )
    for part, following in itertools.pairwise(parts):
        assert part.targets[0].shape == following.inputs[0].shape
    for part in parts:
        assert part.stages.device.train()(*part.inputs).shape == part.targets[0].shape


def test_what_the_pack_leaves_out_of_the_original_is_said():
    text = (Path(__file__).parents[2] / "ttbench_models_vision" / "README.md").read_text()
    assert not PRIVATE & registered().keys()
    assert all(f"`{model}`" in text for model in PRIVATE | registered().keys())


@pytest.mark.parametrize("model", MODELS)
def test_a_builder_says_what_its_model_does_and_what_a_laptop_bears(builder, model):
    made = builder(model)
    assert made.task
    assert made.default_config in made.configs
    for config in made.configs:
        assert made.declared_of[config].microbatch >= 1
    source = made.function.__doc__ + (__import__(made.function.__module__, fromlist=["x"]).__doc__)
    assert "arXiv:" in source or model in {"simple_add", "big_conv", "yolo_v5"}


@pytest.mark.parametrize(("model", "config"), EVERY)
def test_a_configuration_has_the_known_number_of_parameters_and_declares_it(
    builder, build, model, config
):
    known = FACTS[f"{model} {config}"]["parameters"]
    assert builder(model).declared_of[config].parameters == known
    assert parameter_count(build(model, config, meta=True)) == known


@pytest.mark.parametrize(("model", "config"), COUNTED)
def test_a_forward_pass_takes_the_known_flops(build, model, config):
    facts = FACTS[f"{model} {config}"]
    sizes = {} if model in OF_ONE_SIZE else {"image_size": facts["image_size"]}
    built = build(model, config, meta=model not in RUN_TO_COUNT, **sizes)
    counted = count_flops(built, training=False)
    assert counted.total / 1e9 == pytest.approx(facts["gflops"], rel=0.01)


@pytest.mark.parametrize("model", MODELS)
def test_modules_can_be_sent_to_another_process(builder, build, model):
    stages = build(model, builder(model).default_config, meta=True).stages
    for stage in stages.present().values():
        again = pickle.loads(pickle.dumps(stage))  # noqa: S301 - what was just written
        assert again.state_dict().keys() == stage.state_dict().keys()


def test_listing_the_pack_imports_no_library_of_models(python):
    modules = sorted({point.value.partition(":")[0] for point in registered().values()})
    heavy = ["torch", "transformers", "pytorchcv", "diffusers"]
    done = python(
        "-c",
        f"import sys, {', '.join(modules)}; print([n for n in {heavy} if n in sys.modules])",
    )
    assert done.stdout == "[]\n", done.stderr
