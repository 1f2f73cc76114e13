"""What a request asks for that torch cannot do with this model, checked before compiling."""

from __future__ import annotations

from ttbench_core.backends.protocol import CompileOptions
from ttbench_core.backends.shared.model_checks import refuse_foreign_modules, refuse_other_loops
from ttbench_core.backends.torch.levels import COMPILE_LEVEL
from ttbench_core.backends.torch.options import torch_options
from ttbench_core.errors import UnsupportedOptionError
from ttbench_core.model import BenchmarkModel, StaticCacheModule
from ttbench_core.models.counting import microbatch_of

__all__ = ["check_request"]


def check_request(model: BenchmarkModel, options: CompileOptions) -> None:
    """Raise `UnsupportedOptionError` for a model that torch cannot run as it is asked to."""
    refuse_foreign_modules(model.stages.present(), "torch")
    if model.generation:
        _refuse_generation(model, options)
        return
    if torch_options(options).dynamic:
        _refuse_single_sample(model)
    if torch_options(options).cache == "static":
        raise UnsupportedOptionError(
            "-B cache=static is for a model that generates tokens, and this run generates none:"
            " leave it out"
        )


def _refuse_single_sample(model: BenchmarkModel) -> None:
    if microbatch_of(model) == 1:
        raise UnsupportedOptionError(
            "-B dynamic=true needs a microbatch of 2 or more, because torch compiles a dimension"
            " of 1 as that: use -mb, or leave it out"
        )


def _refuse_generation(model: BenchmarkModel, options: CompileOptions) -> None:
    asked = torch_options(options)
    for name in ("dynamic", "autocast"):
        if getattr(asked, name):
            raise UnsupportedOptionError(
                f"-B {name}=true is for models that do not generate: leave it out, or use"
                " --no-generative"
            )
    cache = asked.cache
    refuse_other_loops(model, "torch")
    if len(options.devices) > 1:
        raise UnsupportedOptionError("backend 'torch' generates on one chip: leave out --chips")
    if cache == "static" and not isinstance(model.stages.device, StaticCacheModule):
        raise UnsupportedOptionError(
            "this model declares no static cache: leave out -B cache=static, to generate with the"
            " model's own"
        )
    if options.opt_level >= COMPILE_LEVEL and cache == "dynamic":
        raise UnsupportedOptionError(
            f"-opt {options.opt_level} compiles for fixed shapes, and a past grows with each token:"
            " use -opt 0 or 1, --no-generative, or -B cache=static where the model declares one"
        )
