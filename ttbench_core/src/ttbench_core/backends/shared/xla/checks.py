"""Models that a lazy session cannot run as it is asked to, refused before they are copied."""

from __future__ import annotations

import torch

from ttbench_core.backends.protocol import CompileOptions
from ttbench_core.errors import UnsupportedOptionError
from ttbench_core.model import BenchmarkModel, GeneratingModule, StaticCacheModule
from ttbench_core.models.counting import new_tokens_of

__all__ = ["refuse_model"]


def refuse_model(
    model: BenchmarkModel, options: CompileOptions, name: str, *, static_cache: bool
) -> None:
    """Raise `UnsupportedOptionError` for a model that a session cannot run.

    Args:
        model: as built.
        options: what will be run.
        name: of the backend.
        static_cache: whether a model generates with the cache that it declares.
    """
    for stage, module in model.stages.present(training=options.training).items():
        if stage != "loss" and not isinstance(module, torch.nn.Module):
            raise UnsupportedOptionError(
                f"stage {stage} is a {type(module).__name__} of {type(module).__module__}, which"
                f" only its own backend can run; backend {name!r} runs a torch.nn.Module"
            )
    if options.training and model.stages.cpu_post is not None:
        raise UnsupportedOptionError(
            f"backend {name!r} trains a model whose last stage is on the device, and this one has"
            " cpu_post; use --backend torch"
        )
    if model.generation:
        _refuse_generation(model, name, static_cache=static_cache)


def _refuse_generation(model: BenchmarkModel, name: str, *, static_cache: bool) -> None:
    stage = model.stages.device
    is_staged = len(model.stages.present(training=False)) > 1
    generates = isinstance(stage, GeneratingModule) and new_tokens_of(model) is not None
    if is_staged or not generates:
        raise UnsupportedOptionError(
            f"backend {name!r} generates with one device stage that has prefill() and decode(),"
            f" and 'max_length' in generation; this model's loop is another"
            f" ({', '.join(model.generation)})"
        )
    if static_cache and not isinstance(stage, StaticCacheModule):
        raise UnsupportedOptionError(
            "this model declares no static cache: use -B cache=dynamic, which compiles a graph for"
            " each token of its growing past, or --no-generative"
        )
