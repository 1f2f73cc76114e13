"""Loading a compiled model from a file (TTI): what it was compiled with decides, so it must fit."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import pybuda
import pybuda.config

from ttbench_core.backends.protocol import CompileOptions
from ttbench_core.backends.pybuda.names import fidelity_of, format_of
from ttbench_core.backends.pybuda.settings import engine_options
from ttbench_core.errors import UnsupportedOptionError
from ttbench_core.model import BenchmarkModel

__all__ = ["load_image"]


def load_image(model: BenchmarkModel, options: CompileOptions) -> Any:
    """Make the device of the image that was asked for.

    PyBuda takes over the image's compiler settings. Raises `UnsupportedOptionError` where the
    image is not what the request says: the record would be untrue.
    """
    path = str(engine_options(options).load_tti)
    index = options.devices[0].index
    image = pybuda.TTDeviceImage.load_from_disk(path, [index] if index else None)
    config = pybuda.config._get_global_compiler_config()  # noqa: SLF001 - as PyBuda's own benchmark
    wanted = {
        "-t": (image.is_compiled_for_training(), options.training),
        "--chips": (len(image.chip_ids), len(options.devices)),
        "-df": (config.default_df_override, format_of(options.data_format)),
        "-mf": (
            config.default_math_fidelity,
            fidelity_of(options.math_fidelity) if options.math_fidelity else None,
        ),
    }
    for flag, (has, asked) in wanted.items():
        if has is not None and asked is not None and has != asked:
            raise UnsupportedOptionError(
                f"--load_tti {path}: the image was compiled with {flag} {_spelled(has)}, and"
                f" {_spelled(asked)} was asked: use the flags that it was saved with"
            )
    _refuse_other_shapes(path, image.get_input_shapes(), model)
    return pybuda.TTDevice.load_image(img=image)


def _refuse_other_shapes(path: str, shapes: Sequence[Sequence[int]], model: BenchmarkModel) -> None:
    if model.generation or model.stages.cpu_pre is not None:
        return  # the image's inputs are not the model's
    has = [[int(size) for size in shape] for shape in shapes]
    wanted = [[int(size) for size in tensor.shape] for tensor in model.inputs]
    if has != wanted:
        raise UnsupportedOptionError(
            f"--load_tti {path}: the image takes inputs of {has}, and those of this request are"
            f" {wanted}: use the configuration and -mb that it was saved with"
        )


def _spelled(value: Any) -> str:
    return str(getattr(value, "name", value))
