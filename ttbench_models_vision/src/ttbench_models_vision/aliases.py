"""Models by other names, as github.com/tenstorrent/benchmarking spells them.

Each is built by the builder of its first name, with the same options.
"""

from __future__ import annotations

import functools
from typing import Any

from ttbench_core.model import Builder
from ttbench_models_vision.classifiers import mobilenet_v1, mobilenet_v2
from ttbench_models_vision.convolutional import mobilenet_v3_timm
from ttbench_models_vision.poses import openpose_osmr_body

__all__ = ["mobilenetv1", "mobilenetv2", "mobilenetv3", "open_pose"]


def _renamed(builder: Builder, **configs: str) -> Builder:
    """Give a builder whose configurations have other names: `configs` has the new name of each."""
    named = {configs.get(config, config): config for config in builder.configs}
    default = next(name for name, config in named.items() if config == builder.default_config)

    @functools.wraps(builder.function)
    def build(*, config: str, **options: Any) -> Any:
        return builder.function(config=named[config], **options)

    declared = {name: builder.declared_of[config] for name, config in named.items()}
    return Builder(build, declared, default, task=builder.task)


mobilenetv1 = _renamed(mobilenet_v1)
mobilenetv2 = _renamed(mobilenet_v2)
mobilenetv3 = _renamed(mobilenet_v3_timm, small="sm", large="lg")
open_pose = _renamed(openpose_osmr_body)
