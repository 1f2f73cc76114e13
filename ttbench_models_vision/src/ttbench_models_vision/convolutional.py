"""Convolutional classifiers that transformers has not: of pytorchcv, and own networks.

Inputs are images (microbatch, 3, 224, 224) in [0, 1); all train against random classes with
cross entropy.
"""

from __future__ import annotations

from typing import Any

from ttbench_core import BenchmarkModel, StagedModel, benchmark_model
from ttbench_models_vision.classification import CLASSES, classifier
from ttbench_models_vision.collection import construct_classifier
from ttbench_models_vision.recipes import Family, Recipe, four_bits
from ttbench_models_vision.settling import settle

__all__ = ["hrnet", "inception_v4", "mobilenet_v3_timm", "vovnet_v1", "vovnet_v2"]

_TASK = "image classification"

_HRNET = Family(
    name="hrnet",
    pcc=four_bits(0.96),
    multiple=32,
    recipes={
        "w18": Recipe(15_597_464, 8, origin="hrnet_w18_small_v2"),
        "v2_w18": Recipe(21_299_004, 4, origin="hrnetv2_w18"),
        "v2_w30": Recipe(37_712_220, 4, origin="hrnetv2_w30"),
        "v2_w32": Recipe(41_232_680, 4, origin="hrnetv2_w32"),
        "v2_w40": Recipe(57_557_160, 2, origin="hrnetv2_w40"),
        "v2_w44": Recipe(67_064_984, 2, origin="hrnetv2_w44"),
        "v2_w48": Recipe(77_469_864, 2, origin="hrnetv2_w48"),
        "v2_w64": Recipe(128_059_944, 1, origin="hrnetv2_w64"),
    },
)
#: The configuration is named for the original's input; the network was published for 299.
_INCEPTION_V4 = Family(
    name="inception_v4",
    pcc=four_bits(0.95),
    least=75,
    recipes={"224": Recipe(42_679_816, 4, origin="inceptionv4")},
)
_VOVNET_V1 = Family(
    name="vovnet_v1",
    pcc=four_bits(0.95),
    recipes={
        "27s": Recipe(3_525_736, 16, origin="vovnet27s"),
        "39": Recipe(22_600_296, 4, origin="vovnet39"),
        "57": Recipe(36_640_296, 4, origin="vovnet57"),
    },
)
_MOBILENET_V3 = Family(
    name="mobilenet_v3_timm",
    pcc=four_bits(0.83),
    recipes={"small": Recipe(2_542_856, 64), "large": Recipe(5_483_032, 32)},
)
_VOVNET_V2 = Family(
    name="vovnet_v2",
    pcc=four_bits(0.92),
    recipes={
        "19": Recipe(6_543_080, 16),
        "39": Recipe(24_568_936, 4),
        "99": Recipe(63_199_272, 2),
    },
)


@benchmark_model(configs=_HRNET.declared(), default_config="v2_w18", task=_TASK)
def hrnet(
    training: bool, config: str, microbatch: int | None = None, image_size: int | None = None
) -> BenchmarkModel:
    """Build an HRNet (Wang et al., 2019, arXiv:1908.07919); `w18` is the small one, version 2."""
    network = construct_classifier("hrnet", _HRNET.recipes[config].origin)
    return _classifier(network, _HRNET, config, microbatch, image_size)


@benchmark_model(configs=_INCEPTION_V4.declared(), task=_TASK)
def inception_v4(
    training: bool, config: str, microbatch: int | None = None, image_size: int | None = None
) -> BenchmarkModel:
    """Build an Inception-v4 (Szegedy et al., 2016, arXiv:1602.07261) for the original's 224 x 224.

    It was published for 299 x 299: `image_size=299`.
    """
    network = construct_classifier("inceptionv4", _INCEPTION_V4.recipes[config].origin)
    return _classifier(network, _INCEPTION_V4, config, microbatch, image_size)


@benchmark_model(configs=_VOVNET_V1.declared(), default_config="39", task=_TASK)
def vovnet_v1(
    training: bool, config: str, microbatch: int | None = None, image_size: int | None = None
) -> BenchmarkModel:
    """Build a VoVNet (Lee et al., 2019, arXiv:1904.09730); `27s` is the slim one."""
    network = construct_classifier("vovnet", _VOVNET_V1.recipes[config].origin)
    return _classifier(network, _VOVNET_V1, config, microbatch, image_size)


@benchmark_model(configs=_MOBILENET_V3.declared(), default_config="large", task=_TASK)
def mobilenet_v3_timm(
    training: bool, config: str, microbatch: int | None = None, image_size: int | None = None
) -> BenchmarkModel:
    """Build a MobileNetV3 (Howard et al., 2019, arXiv:1905.02244), of the size that timm has."""
    from ttbench_models_vision.networks.mobilenet_v3 import MobileNetV3

    network = MobileNetV3(config, CLASSES)
    return _classifier(network, _MOBILENET_V3, config, microbatch, image_size)


@benchmark_model(configs=_VOVNET_V2.declared(), default_config="39", task=_TASK)
def vovnet_v2(
    training: bool, config: str, microbatch: int | None = None, image_size: int | None = None
) -> BenchmarkModel:
    """Build a VoVNetV2 (Lee and Park, 2019, arXiv:1911.06667); `19` has separable convolutions."""
    from ttbench_models_vision.networks.vovnet_v2 import VoVNetV2

    network = VoVNetV2(config, CLASSES)
    return _classifier(network, _VOVNET_V2, config, microbatch, image_size)


def _classifier(
    network: Any, family: Family, config: str, microbatch: int | None, image_size: int | None
) -> StagedModel:
    size = family.size(config, image_size)
    samples = family.samples(config, microbatch)
    return classifier(settle(network, size), samples, size, pcc=family.pcc)
