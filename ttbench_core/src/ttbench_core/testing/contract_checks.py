"""Checks that a builder and a session follow their contracts."""

from __future__ import annotations

import contextlib
from collections.abc import Callable, Iterator, Sequence
from typing import Any

from ttbench_core.backends.planning import plan
from ttbench_core.backends.selection import choose_backend
from ttbench_core.errors import SessionError
from ttbench_core.measure.passes import DrivableSession
from ttbench_core.model import BenchmarkModel, Inputs
from ttbench_core.models.building import build_model, choose_config
from ttbench_core.plugins.catalogue import as_builder
from ttbench_core.request.options import RunOptions

__all__ = ["check_builder", "check_session"]


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


def check_session(session: DrivableSession, inputs: Inputs) -> None:
    """Check that a session follows its contract with these inputs; leaves it empty.

    Raises `AssertionError` naming the promise that was broken, and whatever
    the session raises.
    """
    _require(session.depth >= 1, "depth is 1 or more")
    for _ in range(session.depth):
        session.push(inputs)
    _require(_refuses(lambda: session.push(inputs)), "a push beyond depth raises SessionError")
    for _ in range(session.depth):
        _require(session.pop() is not None, "every input has outputs")
    _require(_refuses(session.pop), "a pop with nothing in flight raises SessionError")


def _refuses(action: Callable[..., Any]) -> bool:
    with _expected_refusal() as refused:
        action()
    return bool(refused)


@contextlib.contextmanager
def _expected_refusal() -> Iterator[list[SessionError]]:
    refused: list[SessionError] = []
    try:
        yield refused
    except SessionError as error:
        refused.append(error)


def _require(holds: bool, rule: str) -> None:
    if not holds:
        raise AssertionError(f"a session breaks its contract: {rule}")
