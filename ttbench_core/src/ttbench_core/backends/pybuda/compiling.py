"""From a model to a session on Tenstorrent's cards.

| request | session |
|---|---|
| `--parallel_tti` | `CardsSession`, an image on every card |
| a model that generates tokens | `GeneratingSession` |
| in training | `TrainingSession` |
| `--single-thread`, or no card (golden, model) | `StepSession` |
| else | `FlowSession` |
"""

from __future__ import annotations

import contextlib
from collections.abc import Iterator, Mapping
from dataclasses import replace
from functools import partial
from typing import Final

from ttbench_core.backends.protocol import CompileOptions, Session
from ttbench_core.backends.pybuda.cards_session import CardsSession, open_cards
from ttbench_core.backends.pybuda.checks import check_request
from ttbench_core.backends.pybuda.generating import GeneratingSession, generation_of
from ttbench_core.backends.pybuda.placing import compiled, placed, ready
from ttbench_core.backends.pybuda.sessions import (
    Facts,
    FlowSession,
    Setup,
    StepSession,
    TrainingSession,
)
from ttbench_core.backends.pybuda.settings import (
    Applied,
    applied,
    build_folder,
    configure,
    configure_running,
    engine_options,
    is_sequential,
    tuning_of,
)
from ttbench_core.backends.pybuda.tracing import ANALYSIS, write_trace
from ttbench_core.backends.pybuda.waiting import Outlet, shut_down
from ttbench_core.model import BenchmarkModel
from ttbench_core.request.engine_options import DevType
from ttbench_core.request.options import Trace

__all__ = ["compile_session"]

#: Seconds that an output may take; that what imitates a card may, or several cards for a pass.
_PATIENCE_S: Final = 120.0
_LONG_PATIENCE_S: Final = 1800.0


def compile_session(model: BenchmarkModel, options: CompileOptions) -> Session:
    """Compile a model for the cards that were chosen.

    Raises `OptionError` for a request that this model cannot meet and for files
    that are not there; what PyBuda raises while compiling passes through.
    """
    check_request(model, options)
    return _opened(model, options, Trace.NONE, "")


def _opened(model: BenchmarkModel, options: CompileOptions, level: Trace, folder: str) -> Session:
    """Compile with a trace, or without one; whatever fails leaves nothing behind."""
    tuning = tuning_of(model, options)
    if folder and engine_options(options).perf_analysis:
        tuning = replace(tuning, environment={**tuning.environment, **ANALYSIS})
    undo = contextlib.ExitStack()
    with contextlib.ExitStack() as after_failure:
        after_failure.callback(undo.close)
        found = undo.enter_context(applied(tuning, options))
        built_in = folder or undo.enter_context(build_folder())
        configure(options, trace=level, folder=built_in)
        facts = Facts(_effective(options, found), tuple(_notes(options, found)), undo)
        if engine_options(options).parallel_tti:
            runner = open_cards(model, options)
            patience_s = _patience_s(options)
            session: Session = CardsSession(runner, model, options, facts, patience_s)
        else:
            after_failure.callback(shut_down)
            session = _session(model, options, facts, level, built_in)
        after_failure.pop_all()
    return session


def _session(
    model: BenchmarkModel, options: CompileOptions, facts: Facts, level: Trace, folder: str
) -> Session:
    line = placed(model, options)
    if engine_options(options).load_tti is not None:
        # the image has brought its own
        configure_running(options, trace=level, folder=folder)
    patience_s = _patience_s(options)
    setup = Setup(
        facts=facts,
        line=line,
        outlet=Outlet(compiled(model, options), patience_s),
        tracer=partial(write_trace, partial(_opened, model, options)),
        ready=partial(ready, model),
        chips=len(options.devices),
        patience_s=patience_s,
    )
    if model.generation:
        return GeneratingSession(setup, generation_of(model))
    if options.training:
        return TrainingSession(setup, model.targets, engine_options(options).microbatch_count)
    if is_sequential(options) or engine_options(options).single_thread:
        return StepSession(setup)
    return FlowSession(setup)


def _patience_s(options: CompileOptions) -> float:
    if options.asked is not None and options.asked.timeout is not None:
        return options.asked.timeout
    card = options.devices[0].kind == DevType.SILICON
    one_by_one = card and engine_options(options).parallel_tti is None
    return _PATIENCE_S if one_by_one else _LONG_PATIENCE_S


def _effective(options: CompileOptions, found: Applied) -> Mapping[str, object]:
    asked = engine_options(options)
    return {
        "devtype": options.devices[0].kind,
        "arch": options.devices[0].arch,
        "chips": len(options.devices),
        "sequential": is_sequential(options),
        "image": asked.load_tti or asked.parallel_tti,
        "tuning": found.to_record(),
    }


def _notes(options: CompileOptions, found: Applied) -> Iterator[str]:
    kind = options.devices[0].kind
    if kind != DevType.SILICON:
        yield f"{kind} imitates a card on the host: its speed is not a card's"
    for name, value in found.kept.items():
        yield f"{name} is {value} as you have set it, and not what is recommended for this model"
