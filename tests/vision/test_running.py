"""Every configuration runs, and trains where it says so; on images that are small."""

from __future__ import annotations

import pytest

torch = pytest.importorskip("torch")
pytestmark = pytest.mark.torch

from ttbench_core.errors import OptionError, PackContractError  # noqa: E402
from ttbench_core.models.reference.outputs import as_tensors  # noqa: E402
from ttbench_core.testing import check_builder  # noqa: E402

FEW_LAYERS = {"layers": 2}
# what is smaller than the model's own; those of hundreds of megabytes run on the meta device,
# when their FLOPs are counted: the wider HRNets, vovnet_v2 99, Stable Diffusion's U-Net
RUNS = {
    "resnet resnet18": {"image_size": 64},
    "resnet resnet50": {"image_size": 64},
    "resnet50_layer head": {},
    "resnet50_layer layer1": {},
    "resnet50_layer layer2": {},
    "resnet50_layer layer3": {},
    "resnet50_layer layer4": {},
    "vit base": {"image_size": 32, **FEW_LAYERS},
    "vit large": {"image_size": 32, **FEW_LAYERS},
    "deit base": {"image_size": 32, **FEW_LAYERS},
    "deit small": {"image_size": 32},
    "mobilenet_v1 192": {"image_size": 64},
    "mobilenet_v1 224": {"image_size": 64},
    "mobilenet_v2 224": {"image_size": 64},
    "mobilenet_v2 160": {"image_size": 64},
    "mobilenet_v2 96": {},
    "mobilenetv2_timm 1": {"image_size": 64},
    "mobilenet_v3_timm small": {"image_size": 64},
    "mobilenet_v3_timm large": {"image_size": 64},
    "hrnet w18": {"image_size": 64},
    "hrnet v2_w18": {"image_size": 64},
    "inception_v4 224": {"image_size": 128},
    "vovnet_v1 27s": {"image_size": 64},
    "vovnet_v1 39": {"image_size": 64},
    "vovnet_v1 57": {"image_size": 64},
    "vovnet_v2 19": {"image_size": 64},
    "vovnet_v2 39": {"image_size": 64},
    "unet 256": {"image_size": 64},
    "openpose_osmr_body 2d": {"image_size": 64},
    "openpose_osmr_body 3d": {"image_size": 64},
    "openpose_hand basic": {"image_size": 64},
    "yolo_v3 default": {"image_size": 64},
    "yolo_v3 tiny": {"image_size": 64},
    "yolo_v5 s": {"image_size": 64},
    "yolo_v5 m": {"image_size": 64},
    "convnext tiny": {"image_size": 64},
    "swin tiny": {},
    "efficientnet b0": {"image_size": 64},
    "segformer b0": {"image_size": 64},
    "segformer b2": {"image_size": 64},
    "detr resnet50": {"image_size": 64},
    "rt_detr r18vd": {"image_size": 128},
    "rt_detr r50vd": {"image_size": 128},
    "d_fine l": {"image_size": 128},
    "dinov2 small": {"image_size": 28},
    "dinov2 base": {"image_size": 28, **FEW_LAYERS},
    "clip vit-b-32": {"image_size": 32, "seq_len": 8, **FEW_LAYERS},
    "stable_diffusion vae": {"image_size": 64},
    "stable_diffusion tiny": {"image_size": 64},
    "big_conv 224": {"image_size": 64},
    "simple_add default": {},
    "simple_add default1": {},
    "simple_add default2": {},
}
# one of each family that has a loss, the cheapest
TRAINS = [
    "resnet resnet18",
    "resnet50_layer layer4",
    "vit base",
    "deit base",
    "mobilenet_v1 192",
    "mobilenet_v2 96",
    "mobilenetv2_timm 1",
    "mobilenet_v3_timm small",
    "hrnet w18",
    "inception_v4 224",
    "vovnet_v1 27s",
    "vovnet_v2 19",
    "unet 256",
    "openpose_osmr_body 2d",
    "openpose_hand basic",
    "yolo_v3 tiny",
    "yolo_v5 s",
    "convnext tiny",
    "swin tiny",
    "efficientnet b0",
    "segformer b0",
    "detr resnet50",
    "rt_detr r18vd",
    "d_fine l",
    "stable_diffusion vae",
    "stable_diffusion tiny",
    "big_conv 224",
]
WITHOUT_TRAINING = ["dinov2 small", "simple_add default"]
# networks whose random weights are drawn anew: one of each library, and of each own network
SETTLED = [
    "mobilenet_v1 192",
    "mobilenet_v2 96",
    "efficientnet b0",
    "hrnet w18",
    "inception_v4 224",
    "vovnet_v1 27s",
    "mobilenet_v3_timm small",
    "vovnet_v2 19",
    "unet 256",
    "openpose_osmr_body 3d",
    "openpose_hand basic",
    "yolo_v3 tiny",
    "yolo_v5 s",
    "rt_detr r18vd",
]


@pytest.fixture
def run(builder):
    """Build a configuration small and send inputs through it; with training, one step."""

    def checked(names, *, training=False):
        model, config = names.split(" ")
        options = {"microbatch": 1, "training": training, **RUNS[names]}
        try:
            return check_builder(builder(model), config=config, **options)[config]
        except OptionError as error:
            if "needs transformers" in str(error):
                pytest.skip(str(error))
            raise

    return checked


@pytest.mark.parametrize("names", list(RUNS))
def test_a_configuration_runs(run, names):
    model = run(names)
    assert all(int(tensor.shape[0]) == 1 for tensor in model.inputs)


@pytest.mark.parametrize("names", TRAINS)
def test_a_model_trains(run, names):
    model = run(names, training=True)
    network, loss = model.stages.device.train(), model.stages.loss
    value = loss(*as_tensors(network(*model.inputs)), *model.targets)
    assert torch.isfinite(value)
    value.backward()
    assert any(p.grad is not None and p.grad.abs().sum() > 0 for p in network.parameters())


@pytest.mark.parametrize("names", WITHOUT_TRAINING)
def test_a_model_without_a_training_of_its_own_refuses_it(run, names):
    with pytest.raises(PackContractError, match="does not train, leave out -t"):
        run(names, training=True)


def test_a_contrast_of_two_pairs_trains_both_towers(build):
    model = build("clip", "vit-b-32", microbatch=2, force_num_layers=1, image_size=32, seq_len=4)
    network = model.stages.device.train()
    loss = model.stages.loss(*as_tensors(network(*model.inputs)), *model.targets)
    loss.backward()
    for tower in (network.text_model, network.vision_model):
        assert any(p.grad is not None and p.grad.abs().sum() > 0 for p in tower.parameters())


@pytest.mark.parametrize("names", SETTLED)
def test_outputs_of_random_weights_are_of_a_sane_size_and_depend_on_the_image(build, names):
    model, config = names.split(" ")
    built = build(model, config, **{"image_size": 96, **RUNS[names]})
    network = built.stages.device.eval()
    with torch.inference_mode():
        one, other = (
            as_tensors(network(image))[0]
            for image in (built.inputs[0], torch.zeros_like(built.inputs[0]))
        )
    assert 1e-3 < float(one.abs().max()) < 1e3
    assert float((one - other).abs().max()) > 0.01 * float(one.abs().max())
