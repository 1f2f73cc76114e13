"""The pack's own networks: maps, strides, shortcuts, as their papers have them."""

from __future__ import annotations

import pytest

torch = pytest.importorskip("torch")
pytestmark = pytest.mark.torch

from ttbench_models_vision.networks.blocks import rounded  # noqa: E402
from ttbench_models_vision.networks.openpose_hand import OpenPoseHand  # noqa: E402
from ttbench_models_vision.networks.unet import UNet  # noqa: E402
from ttbench_models_vision.networks.vovnet_v2 import VoVNetV2  # noqa: E402
from ttbench_models_vision.networks.yolo_v3 import YOLOv3, YOLOv3Tiny  # noqa: E402
from ttbench_models_vision.networks.yolo_v5 import YOLOv5Style  # noqa: E402
from ttbench_models_vision.settling import settle  # noqa: E402


def shapes(network, rows, columns):
    with torch.no_grad():
        outputs = network.to("meta").eval()(torch.rand(2, 3, rows, columns, device="meta"))
    return [tuple(o.shape) for o in (outputs if isinstance(outputs, tuple) else [outputs])]


def on_meta(make):
    with torch.device("meta"):
        return make()


@pytest.mark.parametrize(
    ("make", "strides"),
    [
        (lambda: YOLOv3(80), (32, 16, 8)),
        (lambda: YOLOv3Tiny(80), (32, 16)),
        (lambda: YOLOv5Style("s", 80), (8, 16, 32)),
    ],
)
def test_a_detector_predicts_255_values_in_every_cell_of_its_strides(make, strides):
    expected = [(2, 255, 64 // stride, 96 // stride) for stride in strides]
    assert shapes(on_meta(make), 64, 96) == expected


def test_a_segmenter_gives_each_pixel_a_probability():
    network = UNet()
    with torch.no_grad():
        probabilities = network.eval()(torch.rand(1, 3, 32, 48))
    assert probabilities.shape == (1, 1, 32, 48)
    assert ((probabilities >= 0) & (probabilities <= 1)).all()


def test_a_hand_has_21_points_and_a_background_on_every_eighth_pixel():
    assert shapes(on_meta(OpenPoseHand), 64, 96) == [(2, 22, 8, 12)]


def test_only_the_last_block_of_a_stage_has_attention():
    network = on_meta(lambda: VoVNetV2("99", 10))
    for stage in network.stages:
        blocks = [block for block in stage if hasattr(block, "attention")]
        attends = [not isinstance(block.attention, torch.nn.Identity) for block in blocks]
        assert attends == [False] * (len(blocks) - 1) + [True]


def test_the_last_pooling_of_the_tiny_network_keeps_the_size_and_every_maximum():
    pad, pool = YOLOv3Tiny(1).coarse[2:4]
    falling = -torch.arange(16.0).reshape(1, 1, 4, 4)
    assert torch.equal(pool(pad(falling)), falling)


@pytest.mark.parametrize(
    ("channels", "expected"), [(16, 16), (18, 24), (60, 64), (11, 16), (3, 8), (72 / 4, 24)]
)
def test_channels_are_rounded_to_eights_and_never_down_by_a_tenth(channels, expected):
    assert rounded(channels) == expected


def test_settling_leaves_the_mode_and_the_hooks_as_they_were():
    network = UNet(features=4).train()
    settle(network, 32)
    assert network.training
    assert not any(module._forward_pre_hooks for module in network.modules())


def test_settling_leaves_the_meta_device_alone():
    network = on_meta(lambda: UNet(features=4))
    assert settle(network, 32) is network


def test_a_settled_normalisation_brings_what_reaches_it_to_one_size():
    conv = torch.nn.Conv2d(3, 8, 3, bias=False)
    network = torch.nn.Sequential(conv, torch.nn.BatchNorm2d(8))
    settle(network, 64)
    with torch.no_grad():
        size = network.eval()(torch.rand(4, 3, 64, 64)).square().mean()
    assert float(size) == pytest.approx(2**2, rel=0.1)


@pytest.mark.parametrize(
    "conv",
    [
        lambda: torch.nn.Conv2d(64, 32, 3, bias=False),
        lambda: torch.nn.Conv2d(64, 64, 3, groups=16, bias=False),
        lambda: torch.nn.ConvTranspose2d(64, 32, 2, stride=2, bias=False),
        lambda: torch.nn.ConvTranspose2d(64, 32, 4, stride=2, padding=1, bias=False),
        lambda: torch.nn.ConvTranspose2d(64, 64, 3, groups=16, bias=False),
    ],
)
def test_settled_weights_double_the_mean_square_of_what_they_sum(conv):
    network = torch.nn.Sequential(torch.nn.Conv2d(3, 64, 1), conv())
    settle(network, 8)
    signs = torch.randn(4, 64, 40, 40)
    with torch.no_grad():
        inner = network[1](signs)[..., 8:-8, 8:-8]
    assert float(inner.square().mean()) == pytest.approx(2, rel=0.15)
