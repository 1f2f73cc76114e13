"""Options of the torch backend that contradict each other, refused before anything is built.

It imports no torch. `checks` has what depends on the model.
"""

from __future__ import annotations

from ttbench_core.backends.torch.levels import COMPILE_LEVEL, DEFAULT_LEVEL, FREEZING_LEVEL
from ttbench_core.backends.torch.options import TorchOptions
from ttbench_core.backends.torch.quantised_formats import quantised_format, require_torchao
from ttbench_core.errors import UnsupportedOptionError
from ttbench_core.request.formats import DataFormat
from ttbench_core.request.options import RunOptions

__all__ = ["refuse_contradictions"]


def refuse_contradictions(options: RunOptions, engine: TorchOptions) -> None:
    """Raise `UnsupportedOptionError` for options that cannot be had together, or here."""
    asked = options.backend_opt_level
    level = DEFAULT_LEVEL if asked is None else asked
    if options.training and level >= FREEZING_LEVEL:
        raise UnsupportedOptionError(
            f"-opt {level} freezes the weights, which training needs to change: use -opt 2"
        )
    if engine.dynamic and level < COMPILE_LEVEL:
        raise UnsupportedOptionError(
            f"-B dynamic=true is about compiling, and -opt {level} does not compile: use -opt 2 or"
            " more, or leave it out"
        )
    if engine.autocast and options.dataformat is not DataFormat.FP16_B:
        raise UnsupportedOptionError(
            f"-B autocast=true computes in bfloat16, not in {options.dataformat or 'Fp32'}:"
            " use -df Fp16_b"
        )
    data_format = quantised_format(options.dataformat)
    if data_format is None:
        return
    if options.training:
        raise UnsupportedOptionError(
            f"-df {data_format} has weights that cannot be trained: use -df Fp32 or Fp16_b"
        )
    require_torchao(data_format)
