"""Checks that a builder follows its contract."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

from ttbench_core.backends.planning import plan
from ttbench_core.backends.selection import choose_backend
from ttbench_core.model import BenchmarkModel
from ttbench_core.models.building import build_model, choose_config
from ttbench_core.plugins.catalogue import as_builder
from ttbench_core.request.options import RunOptions
from ttbench_core.testing.session_checks import check_session

__all__ = ["check_builder"]


def check_builder(
    builder: Callable[..., Any], *, backend: str | None = None, **options: Any
) -> dict[str | None, BenchmarkModel]:
    """Build every configuration of a builder, check it, and run one input through it.

    Args:
        builder: the decorated builder, or a plain function.
        backend: the backend to run with; the best that is usable if not given.
        options: any field of `RunOptions` but `model`, such as `microbatch=1`,
            `layers=2`, `training=True`; with `config`, that one alone.

    Returns:
        The model of each configuration; under None if there is none.

    Raises whatever `run` would raise before measuring.
    """
    made = as_builder(builder, "builder")
    engine = choose_backend(backend)
    configs: Sequence[str | None] = made.configs or (None,)
    if "config" in options:
        configs = (options.pop("config"),)
    models: dict[str | None, BenchmarkModel] = {}
    for asked in configs:
        where = f"{getattr(made, '__name__', 'builder')} {asked or ''}".strip()
        config = choose_config(made, asked, where)
        request = RunOptions(model="checked", config=config, **options)
        compiled = plan(request, engine)
        with engine.seeded(request.seed, compiled.devices):
            model = build_model(made, request, compiled.for_builder(), where)
            with engine.compile(model, compiled) as session:
                check_session(session, model.inputs)
        models[config] = model
    return models
