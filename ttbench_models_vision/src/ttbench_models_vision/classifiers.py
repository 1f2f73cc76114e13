"""Convolutional classifiers, as transformers builds them.

Inputs are images (microbatch, 3, size, size) in [0, 1); all train against random classes with
cross entropy.
"""

from __future__ import annotations

from ttbench_core import BenchmarkModel, benchmark_model
from ttbench_models_vision.classification import CLASSES, TASK, classifier, library_classifier
from ttbench_models_vision.library import LibraryFamily
from ttbench_models_vision.recipes import Recipe, four_bits

__all__ = ["convnext", "efficientnet", "mobilenet_v1", "mobilenet_v2", "mobilenetv2_timm"]

#: Google's MobileNets have a class for the background beside those of ImageNet.
_WITH_BACKGROUND = {"num_labels": CLASSES + 1}

_MOBILENET_V1 = LibraryFamily(
    name="mobilenet_v1",
    least_alone=33,
    pcc=four_bits(0.92),
    model_class="MobileNetV1ForImageClassification",
    config_class="MobileNetV1Config",
    settles=True,
    settings=_WITH_BACKGROUND,
    recipes={
        "192": Recipe(
            parameters=2_586_329,
            microbatch=32,
            image_size=192,
            origin="google/mobilenet_v1_0.75_192",
            settings={"depth_multiplier": 0.75, "image_size": 192},
        ),
        "224": Recipe(
            parameters=4_233_001,
            microbatch=32,
            origin="google/mobilenet_v1_1.0_224",
            settings={"depth_multiplier": 1.0, "image_size": 224},
        ),
    },
)
_MOBILENET_V2 = LibraryFamily(
    name="mobilenet_v2",
    least_alone=33,
    pcc=four_bits(0.92),
    model_class="MobileNetV2ForImageClassification",
    config_class="MobileNetV2Config",
    settles=True,
    settings=_WITH_BACKGROUND,
    recipes={
        "224": Recipe(
            parameters=3_506_153,
            microbatch=32,
            origin="google/mobilenet_v2_1.0_224",
            settings={"depth_multiplier": 1.0, "image_size": 224},
        ),
        "160": Recipe(
            parameters=2_637_705,
            microbatch=64,
            image_size=160,
            origin="google/mobilenet_v2_0.75_160",
            settings={"depth_multiplier": 0.75, "image_size": 160},
        ),
        "96": Recipe(
            parameters=1_678_409,
            microbatch=128,
            image_size=96,
            origin="google/mobilenet_v2_0.35_96",
            settings={"depth_multiplier": 0.35, "image_size": 96},
        ),
    },
)
#: The same network without a class for the background, padded and normalised as timm does.
_MOBILENET_V2_TIMM = LibraryFamily(
    name="mobilenetv2_timm",
    least_alone=33,
    pcc=four_bits(0.92),
    model_class=_MOBILENET_V2.model_class,
    config_class=_MOBILENET_V2.config_class,
    settles=True,
    settings={"num_labels": CLASSES, "tf_padding": False, "layer_norm_eps": 1e-5},
    recipes={"1": Recipe(parameters=3_504_872, microbatch=32)},
)
_CONVNEXT = LibraryFamily(
    name="convnext",
    pcc=four_bits(0.95),
    model_class="ConvNextForImageClassification",
    config_class="ConvNextConfig",
    settings={"num_labels": CLASSES},
    recipes={
        "tiny": Recipe(
            parameters=28_589_128,
            microbatch=4,
            origin="facebook/convnext-tiny-224",
            settings={"depths": [3, 3, 9, 3], "hidden_sizes": [96, 192, 384, 768]},
        ),
    },
)
_EFFICIENTNET = LibraryFamily(
    name="efficientnet",
    least_alone=64,
    pcc=four_bits(0.78),
    model_class="EfficientNetForImageClassification",
    config_class="EfficientNetConfig",
    settles=True,
    settings={"num_labels": CLASSES},
    recipes={
        "b0": Recipe(
            parameters=5_288_548,
            microbatch=16,
            origin="google/efficientnet-b0",
            settings={
                "image_size": 224,
                "width_coefficient": 1.0,
                "depth_coefficient": 1.0,
                "hidden_dim": 1280,
                "dropout_rate": 0.2,
            },
        ),
    },
)

mobilenet_v1 = library_classifier(
    _MOBILENET_V1,
    "Build a MobileNet (Howard et al., 2017, arXiv:1704.04861): `192` has 0.75 of the width.",
    default="224",
)
mobilenet_v2 = library_classifier(
    _MOBILENET_V2,
    "Build a MobileNetV2 (Sandler et al., 2018, arXiv:1801.04381); `160` has 0.75 and `96` 0.35 of"
    " the width.",
    default="224",
)
convnext = library_classifier(_CONVNEXT, "Build a ConvNeXt (Liu et al., 2022, arXiv:2201.03545).")
efficientnet = library_classifier(
    _EFFICIENTNET, "Build an EfficientNet (Tan and Le, 2019, arXiv:1905.11946)."
)


@benchmark_model(configs=_MOBILENET_V2_TIMM.declared(), task=TASK)
def mobilenetv2_timm(
    training: bool, config: str, microbatch: int | None = None, image_size: int | None = None
) -> BenchmarkModel:
    """Build a MobileNetV2 (Sandler et al., 2018, arXiv:1801.04381) of the form that timm has.

    It is that of its mobilenetv2_100, whose trained weights transformers does not read.
    """
    samples, _ = _MOBILENET_V2_TIMM.asked(training, config, microbatch, image_size)
    network, size = _MOBILENET_V2_TIMM.network(config, image_size, None)
    return classifier(network, samples, size, network.config.num_labels, _MOBILENET_V2_TIMM.pcc)
