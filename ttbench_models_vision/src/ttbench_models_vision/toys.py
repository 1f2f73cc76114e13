"""The original's two smallest models: what one addition and one convolution cost."""

from __future__ import annotations

from ttbench_core import BenchmarkModel, Declared, StagedModel, Stages, benchmark_model
from ttbench_models_vision.recipes import Family, Recipe

__all__ = ["big_conv", "simple_add"]

#: One model by three names, as in the original.
_ADDITIONS = ("default", "default1", "default2")
_ROWS = 32

_CONV = Family(name="big_conv", least=7, recipes={"224": Recipe(9_408, 32)})


@benchmark_model(
    configs={name: Declared(parameters=0, microbatch=1) for name in _ADDITIONS},
    task="one operation",
)
def simple_add(training: bool, config: str, microbatch: int | None = None) -> BenchmarkModel:
    """Add two tensors (microbatch, 1, 32, 32); there is nothing in it to train."""
    import torch

    from ttbench_models_vision.networks.toys import SimpleAdd

    samples = microbatch or 1
    return StagedModel(
        stages=Stages(device=SimpleAdd()),
        inputs=[torch.rand(samples, 1, _ROWS, _ROWS) for _ in range(2)],
    )


@benchmark_model(configs=_CONV.declared(), task="one operation")
def big_conv(
    training: bool, config: str, microbatch: int | None = None, image_size: int | None = None
) -> BenchmarkModel:
    """Filter images (microbatch, 3, 224, 224) with 64 filters of 7 x 7, in steps of two.

    Trains against random maps with an L1 loss.
    """
    import torch

    from ttbench_models_vision.networks.toys import BigConv

    samples, size = _CONV.asked(training, config, microbatch, image_size)
    half = (size + 1) // 2
    return StagedModel(
        stages=Stages(device=BigConv(), loss=torch.nn.L1Loss()),
        inputs=[torch.rand(samples, 3, size, size)],
        targets=[torch.rand(samples, 64, half, half)],
    )
