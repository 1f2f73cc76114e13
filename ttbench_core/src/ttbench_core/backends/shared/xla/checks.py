"""Models that a lazy session cannot run as it is asked to, refused before they are copied."""

from __future__ import annotations

from ttbench_core.backends.protocol import CompileOptions
from ttbench_core.backends.shared.model_checks import refuse_foreign_modules, refuse_other_loops
from ttbench_core.errors import UnsupportedOptionError
from ttbench_core.model import BenchmarkModel, StaticCacheModule

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
    refuse_foreign_modules(model.stages.present(training=False), name)
    if options.training and model.stages.cpu_post is not None:
        raise UnsupportedOptionError(
            f"backend {name!r} trains a model whose last stage is on the device, and this one has"
            " cpu_post; use --backend torch"
        )
    if model.generation:
        _refuse_generation(model, name, static_cache=static_cache)


def _refuse_generation(model: BenchmarkModel, name: str, *, static_cache: bool) -> None:
    refuse_other_loops(model, name)
    if static_cache and not isinstance(model.stages.device, StaticCacheModule):
        raise UnsupportedOptionError(
            "this model declares no static cache: use -B cache=dynamic, which compiles a graph for"
            " each token of its growing past, or --no-generative"
        )
