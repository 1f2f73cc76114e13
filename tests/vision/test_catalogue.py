"""The catalogue: every registered configuration has the size and the work that it declares."""

from __future__ import annotations

import json
import pickle
from importlib.metadata import entry_points
from pathlib import Path

import pytest

torch = pytest.importorskip("torch")
pytestmark = pytest.mark.torch

from ttbench_core.counting import parameter_count  # noqa: E402
from ttbench_core.reference.flops import count_flops  # noqa: E402

FACTS = json.loads((Path(__file__).parent / "catalogue.json").read_text())["configurations"]
EVERY = [tuple(name.split(" ")) for name in FACTS]
MODELS = sorted({model for model, _ in EVERY})
COUNTED = [names for names in EVERY if "gflops" in FACTS[" ".join(names)]]
# these look at values while they run, so shapes alone do not do
RUN_TO_COUNT = {"detr", "d_fine"}
# what the original's user typed
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
    "vovnet_v1": "27s 39 57",
    "vovnet_v2": "19 39 99",
    "big_conv": "224",
    "simple_add": "default default1 default2",
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
    built = build(model, config, meta=model not in RUN_TO_COUNT, image_size=facts["image_size"])
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
