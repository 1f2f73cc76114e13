"""From a model to a session on Tenstorrent's cards.

| request | session |
|---|---|
| `--parallel_tti` | `MulticardSession`, an image on every card |
| a model that generates tokens | `GeneratingSession` |
| in training | `TrainingSession` |
| `--single-thread`, or no card (golden, model) | `SyncSession` |
| any other | `StreamingSession` |
"""

from __future__ import annotations

import contextlib
from collections.abc import Iterator, Mapping
from dataclasses import replace
from functools import partial
from typing import Final

from ttbench_core.backends.protocol import CompileOptions, Session
from ttbench_core.backends.pybuda.checks import check_request
from ttbench_core.backends.pybuda.configuration import (
    build_folder,
    configure_compiler,
    configure_runtime,
    engine_options,
    is_sequential,
)
from ttbench_core.backends.pybuda.generating import GeneratingSession, generation_settings
from ttbench_core.backends.pybuda.multicard_session import MulticardSession, start_multicard_runner
from ttbench_core.backends.pybuda.options import DevType
from ttbench_core.backends.pybuda.placing import compile_pipeline, place_stages, prepare_inputs
from ttbench_core.backends.pybuda.session_base import PipelineSetup, SessionInfo
from ttbench_core.backends.pybuda.sessions import (
    StreamingSession,
    SyncSession,
    TrainingSession,
)
from ttbench_core.backends.pybuda.torch_device import register_torch_device
from ttbench_core.backends.pybuda.tracing import ANALYSIS_ENVIRONMENT, write_trace
from ttbench_core.backends.pybuda.tuning import AppliedTuning, apply_tuning, tuning_of
from ttbench_core.backends.pybuda.waiting import OutputQueue, shut_down_pipeline
from ttbench_core.model import BenchmarkModel
from ttbench_core.request.options import Trace

__all__ = ["compile_session"]

#: Seconds that an output of a card may take; PyBuda gives up one that it waits for after 10 s, but
#: may hang before that in a call of its runtime.
_OUTPUT_TIMEOUT_S: Final = 120.0
#: Seconds that an output of an emulated card may take, and a pass of several cards.
_LONG_TIMEOUT_S: Final = 1800.0


def compile_session(model: BenchmarkModel, options: CompileOptions) -> Session:
    """Compile a model for the cards that were chosen.

    Raises `OptionError` for a request that this model cannot meet and for missing
    files; what PyBuda raises while compiling passes through.
    """
    register_torch_device()
    check_request(model, options)
    return _open_session(model, options, Trace.NONE, "")


def _open_session(
    model: BenchmarkModel, options: CompileOptions, level: Trace, folder: str
) -> Session:
    """Compile with or without a trace; a failure leaves nothing running or changed.

    Args:
        model: to compile.
        options: what will be run.
        level: of the trace.
        folder: where PyBuda builds; a temporary one if empty.
    """
    tuning = tuning_of(model, options)
    if folder and engine_options(options).perf_analysis:
        tuning = replace(tuning, environment={**tuning.environment, **ANALYSIS_ENVIRONMENT})
    undo = contextlib.ExitStack()
    with contextlib.ExitStack() as after_failure:
        after_failure.callback(undo.close)
        applied = undo.enter_context(apply_tuning(tuning, options))
        build_path = folder or undo.enter_context(build_folder())
        configure_compiler(options, trace=level, folder=build_path)
        info = SessionInfo(_effective(options, applied), tuple(_notes(options, applied)), undo)
        if engine_options(options).parallel_tti:
            runner = start_multicard_runner(model, options)
            session: Session = MulticardSession(runner, model, options, info, _timeout_s(options))
        else:
            after_failure.callback(shut_down_pipeline)
            session = _pipeline_session(model, options, info, level)
        after_failure.pop_all()
    return session


def _pipeline_session(
    model: BenchmarkModel, options: CompileOptions, info: SessionInfo, level: Trace
) -> Session:
    pipeline = place_stages(model, options)
    if engine_options(options).load_tti is not None:
        # the image has replaced the configuration
        configure_runtime(options, trace=level)
    timeout_s = _timeout_s(options)
    setup = PipelineSetup(
        info=info,
        pipeline=pipeline,
        outputs=OutputQueue(compile_pipeline(model, options), timeout_s),
        tracer=partial(write_trace, partial(_open_session, model, options)),
        prepare=partial(prepare_inputs, model),
        chips=len(options.devices),
        timeout_s=timeout_s,
    )
    if model.generation:
        return GeneratingSession(setup, generation_settings(model))
    if options.training:
        return TrainingSession(setup, model.targets, engine_options(options).microbatch_count)
    if is_sequential(options) or engine_options(options).single_thread:
        return SyncSession(setup)
    return StreamingSession(setup)


def _timeout_s(options: CompileOptions) -> float:
    if options.asked is not None and options.asked.timeout is not None:
        return options.asked.timeout
    is_card = options.devices[0].kind == DevType.SILICON
    single_outputs = is_card and engine_options(options).parallel_tti is None
    return _OUTPUT_TIMEOUT_S if single_outputs else _LONG_TIMEOUT_S


def _effective(options: CompileOptions, applied: AppliedTuning) -> Mapping[str, object]:
    asked = engine_options(options)
    return {
        "devtype": options.devices[0].kind,
        "emulated_device": options.devices[0].kind != DevType.SILICON,
        "arch": options.devices[0].arch,
        "chips": len(options.devices),
        "sequential": is_sequential(options),
        "image": asked.load_tti or asked.parallel_tti,
        "tuning": applied.to_record(),
    }


def _notes(options: CompileOptions, applied: AppliedTuning) -> Iterator[str]:
    kind = options.devices[0].kind
    if kind != DevType.SILICON:
        yield f"{kind} imitates a card on the host: its speed is not a card's"
    for name, value in applied.kept.items():
        yield f"{name} is {value} as you have set it, and not what is recommended for this model"
