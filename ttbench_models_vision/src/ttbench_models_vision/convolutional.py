"""Convolutional classifiers that transformers has not: of pytorchcv, and own networks.

Inputs are images (microbatch, 3, 224, 224) in [0, 1); all train against random classes with
cross entropy.
"""

from __future__ import annotations

from ttbench_core import BenchmarkModel, benchmark_model
from ttbench_models_vision.classification import CLASSES, classifier
from ttbench_models_vision.collection import construct_classifier
from ttbench_models_vision.recipes import Family, Recipe, four_bits
from ttbench_models_vision.settling import settle

__all__ = ["hrnet", "inception_v4", "mobilenet_v3_timm", "vovnet_v1", "vovnet_v2"]

_TASK = "image classification"

_HRNET = Family(
    name="hrnet",
    least_alone=64,
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
    least_alone=107,
    pcc=four_bits(0.95),
    least=75,
    recipes={"224": Recipe(42_679_816, 4, origin="inceptionv4")},
)
_VOVNET_V1 = Family(
    name="vovnet_v1",
    least_alone=61,
    pcc=four_bits(0.95),
    recipes={
        "27s": Recipe(3_525_736, 16, origin="vovnet27s"),
        "39": Recipe(22_600_296, 4, origin="vovnet39"),
        "57": Recipe(36_640_296, 4, origin="vovnet57"),
    },
)
_MOBILENET_V3 = Family(
    name="mobilenet_v3_timm",
    least_alone=33,
    pcc=four_bits(0.83),
    recipes={"small": Recipe(2_542_856, 64), "large": Recipe(5_483_032, 32)},
)
_VOVNET_V2 = Family(
    name="vovnet_v2",
    least_alone=61,
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
    samples, size = _HRNET.asked(training, config, microbatch, image_size)
    network = construct_classifier("hrnet", _HRNET.recipes[config].origin)
    return classifier(settle(network, size), samples, size, pcc=_HRNET.pcc)


@benchmark_model(configs=_INCEPTION_V4.declared(), task=_TASK)
def inception_v4(
    training: bool, config: str, microbatch: int | None = None, image_size: int | None = None
) -> BenchmarkModel:
    """Build an Inception-v4 (Szegedy et al., 2016, arXiv:1602.07261) for the original's 224 x 224.

    It was published for 299 x 299: `image_size=299`.
    """
    samples, size = _INCEPTION_V4.asked(training, config, microbatch, image_size)
    network = construct_classifier("inceptionv4", _INCEPTION_V4.recipes[config].origin)
    return classifier(settle(network, size), samples, size, pcc=_INCEPTION_V4.pcc)


@benchmark_model(configs=_VOVNET_V1.declared(), default_config="39", task=_TASK)
def vovnet_v1(
    training: bool, config: str, microbatch: int | None = None, image_size: int | None = None
) -> BenchmarkModel:
    """Build a VoVNet (Lee et al., 2019, arXiv:1904.09730); `27s` is the slim one."""
    samples, size = _VOVNET_V1.asked(training, config, microbatch, image_size)
    network = construct_classifier("vovnet", _VOVNET_V1.recipes[config].origin)
    return classifier(settle(network, size), samples, size, pcc=_VOVNET_V1.pcc)


@benchmark_model(configs=_MOBILENET_V3.declared(), default_config="large", task=_TASK)
def mobilenet_v3_timm(
    training: bool, config: str, microbatch: int | None = None, image_size: int | None = None
) -> BenchmarkModel:
    """Build a MobileNetV3 (Howard et al., 2019, arXiv:1905.02244), of the size that timm has."""
    from ttbench_models_vision.networks.mobilenet_v3 import MobileNetV3

    samples, size = _MOBILENET_V3.asked(training, config, microbatch, image_size)
    network = MobileNetV3(config, CLASSES)
    return classifier(settle(network, size), samples, size, pcc=_MOBILENET_V3.pcc)


@benchmark_model(configs=_VOVNET_V2.declared(), default_config="39", task=_TASK)
def vovnet_v2(
    training: bool, config: str, microbatch: int | None = None, image_size: int | None = None
) -> BenchmarkModel:
    """Build a VoVNetV2 (Lee and Park, 2019, arXiv:1911.06667); `19` has separable convolutions."""
    from ttbench_models_vision.networks.vovnet_v2 import VoVNetV2

    samples, size = _VOVNET_V2.asked(training, config, microbatch, image_size)
    network = VoVNetV2(config, CLASSES)
    return classifier(settle(network, size), samples, size, pcc=_VOVNET_V2.pcc)
