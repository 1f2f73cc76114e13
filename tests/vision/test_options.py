"""Options of the vision pack: image sizes, layers, tokens; and what is refused, in one line."""

from __future__ import annotations

import sys

import pytest

import ttbench_core
from ttbench_core.errors import OptionError, UnsupportedOptionError
from ttbench_core.models.counting import parameter_count

torch = pytest.importorskip("torch")
pytestmark = pytest.mark.torch

# the smallest image of each model and the step to the next, both as its networks have them
SIZES = {
    "resnet": (32, 1),
    "vit": (16, 16),
    "deit": (16, 16),
    "mobilenet_v1": (32, 1),
    "mobilenet_v2": (32, 1),
    "mobilenetv2_timm": (32, 1),
    "mobilenet_v3_timm": (32, 1),
    "hrnet": (32, 32),
    "inception_v4": (75, 1),
    "vovnet_v1": (32, 1),
    "vovnet_v2": (32, 1),
    "unet": (16, 16),
    "openpose_osmr_body": (32, 8),
    "openpose_hand": (32, 8),
    "yolo_v3": (32, 32),
    "yolo_v5": (32, 32),
    "convnext": (32, 1),
    "swin": (224, 32),
    "efficientnet": (32, 1),
    "segformer": (32, 32),
    "detr": (32, 32),
    "rt_detr": (128, 32),
    "d_fine": (128, 32),
    "dinov2": (14, 14),
    "clip": (32, 32),
    "stable_diffusion": (64, 64),
    "big_conv": (7, 1),
}
# these look at values while they run
NOT_ON_META = {"detr", "d_fine"}
# the smallest that one sample trains at, where that is more than the smallest of all
ALONE = {
    "resnet resnet18": 33,
    "mobilenet_v1 192": 33,
    "mobilenet_v2 96": 33,
    "mobilenetv2_timm 1": 33,
    "mobilenet_v3_timm small": 33,
    "efficientnet b0": 64,
    "hrnet w18": 64,
    "inception_v4 224": 107,
    "vovnet_v1 27s": 61,
    "vovnet_v2 19": 61,
    "unet 256": 32,
    "yolo_v3 tiny": 64,
    "yolo_v5 s": 64,
}
LAYERED = {"vit": "base", "deit": "base", "dinov2": "base", "clip": "vit-b-32"}


def one_line(caught):
    assert "\n" not in str(caught.value)
    return str(caught.value)


def images(model):
    return [tuple(tensor.shape) for tensor in model.inputs if tensor.dim() == 4]


@pytest.mark.parametrize("model", sorted(SIZES))
def test_the_smallest_image_and_the_next_run_through(builder, build, model):
    least, step = SIZES[model]
    config = builder(model).default_config
    for size in (least, least + step):
        meta = model not in NOT_ON_META
        built = build(model, config, meta=meta, image_size=size)
        side = size // 8 if model == "stable_diffusion" else size
        assert images(built)[0][2:] == (side, side)
        with torch.no_grad():
            built.stages.device.eval()(*built.inputs)


@pytest.mark.parametrize("model", sorted(SIZES))
def test_a_smaller_image_is_refused_with_the_smallest(builder, build, model):
    least, _ = SIZES[model]
    with pytest.raises(OptionError) as caught:
        build(model, builder(model).default_config, image_size=least - 1)
    assert f"{model}: take {least} or more" in one_line(caught)


@pytest.mark.parametrize("model", sorted(m for m, (_, step) in SIZES.items() if step > 1))
def test_an_image_between_two_sizes_is_refused_with_both(builder, build, model):
    least, step = SIZES[model]
    below = -(-least // step) * step
    with pytest.raises(OptionError) as caught:
        build(model, builder(model).default_config, image_size=below + 1)
    assert f"multiples of {step}, such as {below} or {below + step}" in one_line(caught)


@pytest.mark.parametrize(("names", "least"), list(ALONE.items()))
def test_training_on_one_image_too_small_is_refused_with_the_remedy(build, names, least):
    model, config = names.split(" ")
    smallest, step = SIZES[model]
    with pytest.raises(OptionError) as caught:
        build(model, config, training=True, meta=True, image_size=least - step)
    assert one_line(caught) == (
        f"--image_size {least - step}: {model} trains on a single image of {least} or more:"
        f" take --image_size {least}, or -mb 2"
    )
    remedies = {"image_size": least}, {"image_size": smallest, "microbatch": 2}
    for remedy in remedies:
        built = build(model, config, training=True, meta=True, **remedy)
        with torch.no_grad():
            built.stages.device.train()(*built.inputs)
    assert build(model, config, meta=True, image_size=smallest)


def test_a_contrast_of_one_pair_is_refused(build):
    with pytest.raises(OptionError) as caught:
        build("clip", "vit-b-32", training=True, force_num_layers=1)
    assert one_line(caught) == (
        "-mb 1: clip learns from what differs among pairs: take -mb 2 or more"
    )


def test_a_classifier_has_its_published_size_without_being_asked(build):
    assert images(build("resnet", "resnet18", meta=True)) == [(1, 3, 224, 224)]
    assert images(build("mobilenet_v2", "96", meta=True)) == [(1, 3, 96, 96)]
    assert images(build("yolo_v5", "m", meta=True)) == [(1, 3, 640, 640)]


@pytest.mark.parametrize(("model", "config"), list(LAYERED.items()))
def test_layers_are_as_many_as_asked_for(build, model, config):
    sizes = [
        parameter_count(build(model, config, meta=True, force_num_layers=n)) for n in (1, 2, 3)
    ]
    assert sizes[2] - sizes[1] == sizes[1] - sizes[0] > 0


def test_too_many_layers_are_refused(build):
    with pytest.raises(OptionError) as caught:
        build("vit", "base", force_num_layers=49)
    assert one_line(caught) == "--layers 49: vit base has 12, and takes 1 to 48"
    with pytest.raises(OptionError, match="--layers 999: clip vit-b-32 has 12, and takes 1 to 48"):
        build("clip", "vit-b-32", force_num_layers=999)
    assert build("vit", "base", meta=True, force_num_layers=48, image_size=16)


def test_a_text_is_as_long_as_asked_for_and_ends(build):
    texts, _ = build("clip", "vit-b-32", microbatch=3, seq_len=10, force_num_layers=1).inputs
    assert texts.shape == (3, 10)
    assert (texts[:, :-1] < 49407).all()
    assert (texts[:, -1] == 49407).all()


@pytest.mark.parametrize("length", [1, 78])
def test_a_text_that_the_tower_cannot_read_is_refused(build, length):
    with pytest.raises(OptionError) as caught:
        build("clip", "vit-b-32", seq_len=length)
    assert one_line(caught) == f"--seq_len {length}: clip takes 2 to 77"


def test_an_option_that_a_model_does_not_bear_is_refused():
    with pytest.raises(UnsupportedOptionError, match="does not support --layers"):
        ttbench_core.run("yolo_v3", layers=2)
    with pytest.raises(UnsupportedOptionError, match="does not support --image_size"):
        ttbench_core.run("simple_add", image_size=64)
    with pytest.raises(UnsupportedOptionError, match="does not support --weights"):
        ttbench_core.run("hrnet", weights="pretrained")


def test_the_declared_microbatch_is_the_default_and_another_is_honoured(builder):
    made = builder("unet")
    with torch.device("meta"):
        assert made(training=False, config="256").inputs[0].shape[0] == 4
        assert made(training=False, config="256", microbatch=3).inputs[0].shape[0] == 3


def test_a_class_that_transformers_lacks_is_named_with_the_version_that_has_it(
    builder, monkeypatch
):
    import transformers

    monkeypatch.setattr(transformers, "DFineForObjectDetection", None, raising=False)
    with pytest.raises(OptionError) as caught:
        builder("d_fine")(training=False, config="l")
    assert one_line(caught).startswith("d_fine needs transformers 4.52 or newer, and here is ")


def test_without_diffusers_the_extra_is_named(monkeypatch):
    from ttbench_models_vision.diffusion import stable_diffusion

    monkeypatch.setitem(sys.modules, "diffusers", None)
    with pytest.raises(OptionError) as caught:
        stable_diffusion(training=False, config="tiny")
    assert "pip install 'ttbench-models-vision[diffusion]'" in one_line(caught)


def test_a_run_measures_what_was_asked_for():
    result = ttbench_core.run(
        "mobilenet_v3_timm",
        config="small",
        microbatch=2,
        image_size=64,
        passes=1,
        roofline=False,
        progress=False,
    )
    assert result.ok
    assert result.total_samples == 2 * 5
