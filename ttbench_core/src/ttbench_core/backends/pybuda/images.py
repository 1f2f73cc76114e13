"""Saving a compiled model to a file (TTI), for later runs or for other cards.

PyBuda unpickles what is in such a file: one that somebody else made can run code.
"""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Any

from ttbench_core.backends.protocol import CompileOptions
from ttbench_core.backends.pybuda.checks import check_request
from ttbench_core.backends.pybuda.placing import placed, sample_inputs
from ttbench_core.backends.pybuda.settings import (
    applied,
    build_folder,
    configure,
    engine_options,
    tuning_of,
)
from ttbench_core.backends.pybuda.waiting import shut_down
from ttbench_core.model import BenchmarkModel

__all__ = ["compile_to", "save_image"]


def save_image(model: BenchmarkModel, options: CompileOptions) -> Path:
    """Compile a model and save it to the file that was asked for; needs no card if arch is said.

    Raises `OptionError` and `TargetError` for a request that cannot be met, before it compiles.
    """
    check_request(model, options)
    path = Path(str(engine_options(options).save_tti))
    with applied(tuning_of(model, options), options), build_folder() as folder:
        configure(options, folder=folder)
        compile_to(path, model, options, sample_inputs(model))
    return path


def compile_to(
    path: Path, model: BenchmarkModel, options: CompileOptions, inputs: Sequence[Any]
) -> None:
    """Compile a model for the configured settings into a file, and forget it."""
    try:
        line = placed(model, options)
        line.device.compile_to_image(
            img_path=str(path),
            training=options.training,
            sample_inputs=inputs,
            sample_targets=tuple(model.targets) if options.training else (),
            microbatch_count=engine_options(options).microbatch_count,
        )
    finally:
        shut_down()
