"""Loading a compiled model from a file (TTI), if it was compiled with the options of the run."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

import pybuda
import pybuda.config

from ttbench_core.backends.protocol import CompileOptions
from ttbench_core.backends.pybuda.configuration import engine_options, is_data_parallel
from ttbench_core.backends.pybuda.enums import fidelity_of, format_of
from ttbench_core.backends.pybuda.modules import pushed_tensors
from ttbench_core.errors import UnsupportedOptionError
from ttbench_core.model import BenchmarkModel

if TYPE_CHECKING:
    import torch

__all__ = ["check_image_of_each_card", "load_image"]


def load_image(model: BenchmarkModel, options: CompileOptions) -> Any:
    """Make the device of the image that was asked for.

    The image's compiler settings replace PyBuda's. Raises `UnsupportedOptionError` if the
    image is not what was requested: the record would be wrong.
    """
    path = str(engine_options(options).load_tti)
    index = options.devices[0].index
    image = pybuda.TTDeviceImage.load_from_disk(path, [index] if index else None)
    _refuse_other_settings(path, image, options, len(options.devices))
    if model.stages.cpu_pre is None and not model.generation:
        # otherwise the image's inputs differ from the model's
        _refuse_other_shapes(path, image.get_input_shapes(), pushed_tensors(model.inputs))
    return pybuda.TTDevice.load_image(img=image)


def check_image_of_each_card(
    path: str, options: CompileOptions, inputs: Sequence[torch.Tensor] | None
) -> None:
    """Check the image that every card loads in a process of its own.

    Args:
        path: of the image.
        options: what will be run.
        inputs: a card's share of the model's; None to leave them unchecked.

    Raises `UnsupportedOptionError` like `load_image`.
    """
    # as the process of the first card: who unpacks an image adapts it to the cards, and only once
    image = pybuda.TTDeviceImage.load_from_disk(path, [options.devices[0].index])
    _refuse_other_settings(path, image, options, 1)
    if inputs is not None:
        _refuse_other_shapes(path, image.get_input_shapes(), inputs, " for each card")


def _refuse_other_settings(path: str, image: Any, options: CompileOptions, chips: int) -> None:
    config = pybuda.config._get_global_compiler_config()  # noqa: SLF001 - as PyBuda's own benchmark
    first = options.devices[0]
    checks = {
        # the device is made as the image says: one that computes in the calling thread would wait
        # for ever for the inputs that a card is started for
        "--devtype": (image.devtype.name.lower(), first.kind),
        "--arch": (image.arch.name.lower(), first.arch),
        "-t": (image.is_compiled_for_training(), options.training),
        "--chips": (len(image.chip_ids), chips),
        "-df": (config.default_df_override, format_of(options.data_format)),
        "-mf": (
            config.default_math_fidelity,
            fidelity_of(options.math_fidelity) if options.math_fidelity else None,
        ),
    }
    for flag, (compiled, asked) in checks.items():
        if compiled is not None and asked is not None and compiled != asked:
            raise UnsupportedOptionError(
                f"--load_tti {path}: the image was compiled with {flag} {_display(compiled)}, and"
                f" {_display(asked)} was asked: use the flags that it was saved with"
            )


def _refuse_other_shapes(
    path: str, shapes: Sequence[Sequence[int]], inputs: Sequence[torch.Tensor], whose: str = ""
) -> None:
    image_shapes = [[int(size) for size in shape] for shape in shapes]
    model_shapes = [[int(size) for size in tensor.shape] for tensor in inputs]
    if is_data_parallel():  # an image has all inputs of the first chip, then all of the second
        model_shapes = 2 * [[samples // 2, *sizes] for samples, *sizes in model_shapes]
    if image_shapes != model_shapes:
        raise UnsupportedOptionError(
            f"--load_tti {path}: the image takes inputs of {image_shapes}, and those of this"
            f" request are {model_shapes}{whose}: use the configuration and -mb that it was saved"
            " with"
        )


def _display(value: Any) -> str:
    return str(getattr(value, "name", value))
