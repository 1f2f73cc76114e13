"""Saving a compiled model to a file (TTI), for later runs or for other cards.

PyBuda unpickles what is in such a file: one from somebody else can run code.
"""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Any

from ttbench_core.backends.protocol import CompileOptions
from ttbench_core.backends.pybuda.checks import check_request
from ttbench_core.backends.pybuda.configuration import (
    build_folder,
    configure_compiler,
    engine_options,
)
from ttbench_core.backends.pybuda.placing import place_stages, sample_inputs
from ttbench_core.backends.pybuda.torch_device import register_torch_device
from ttbench_core.backends.pybuda.tuning import apply_tuning, tuning_of
from ttbench_core.backends.pybuda.waiting import shut_down_pipeline
from ttbench_core.model import BenchmarkModel

__all__ = ["compile_image", "save_image"]


def save_image(model: BenchmarkModel, options: CompileOptions) -> Path:
    """Compile a model and save it to the requested file; needs no card if `--arch` is given.

    Raises `OptionError` and `TargetError` for a request that cannot be met, before compiling.
    """
    register_torch_device()
    check_request(model, options)
    path = Path(str(options.image))
    with apply_tuning(tuning_of(model, options), options), build_folder() as folder:
        configure_compiler(options, folder=folder)
        compile_image(path, model, options, sample_inputs(model))
    return path


def compile_image(
    path: Path, model: BenchmarkModel, options: CompileOptions, inputs: Sequence[Any]
) -> None:
    """Compile a model with PyBuda's current configuration into a file, and shut down.

    Args:
        path: of the file.
        model: to compile.
        options: what it is compiled for.
        inputs: samples of its inputs.
    """
    try:
        pipeline = place_stages(model, options)
        pipeline.device.compile_to_image(
            img_path=str(path),
            training=options.training,
            sample_inputs=inputs,
            sample_targets=tuple(model.targets) if options.training else (),
            microbatch_count=engine_options(options).microbatch_count,
        )
    finally:
        shut_down_pipeline()
