"""Checks that a builder follows its contract."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import replace
from typing import Any

from ttbench_core.backends.planning import plan
from ttbench_core.backends.refusals import refuse_model
from ttbench_core.backends.selection import choose_backend_and_plugin
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
        backend: the backend to run with; if not given, the best that is usable and, where
            `device` is among the options, has its kind.
        options: any field of `RunOptions` but `model`, such as `microbatch=1`,
            `layers=2`, `training=True`; with `config`, that one alone.

    Returns:
        The model of each configuration; under None if there is none.

    Raises whatever `run` would raise before measuring.
    """
    made = as_builder(builder, "builder")
    request = RunOptions(model="checked", backend=backend, **options)
    engine, _ = choose_backend_and_plugin(request)
    configs: Sequence[str | None] = made.configs or (None,)
    if "config" in options:
        configs = (request.config,)
    models: dict[str | None, BenchmarkModel] = {}
    for asked in configs:
        where = f"{getattr(made, '__name__', 'builder')} {asked or ''}".strip()
        config = choose_config(made, asked, where)
        request = replace(request, config=config)
        compiled = plan(request, engine)
        with engine.seeded(request.seed, compiled.devices):
            model = build_model(made, request, compiled.for_builder(), where)
            refuse_model(model, request, engine.name, engine.capabilities())
            with engine.compile(model, compiled) as session:
                check_session(session, model.inputs)
        models[config] = model
    return models
