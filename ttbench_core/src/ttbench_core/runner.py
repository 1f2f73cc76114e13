"""One run, from a model's name to its Result."""

from __future__ import annotations

import re
from collections.abc import Callable
from dataclasses import replace
from datetime import datetime, timezone
from pathlib import Path
from typing import Any

from ttbench_core.backends.protocol import Session, TracingSession
from ttbench_core.backends.selection import choose_engine, plan
from ttbench_core.building import build_model, choose_config
from ttbench_core.catalogue import as_builder, load_builder
from ttbench_core.errors import (
    BenchmarkError,
    RequestError,
    ResultNotStoredError,
    RunInterrupted,
    TargetError,
    one_line,
)
from ttbench_core.job import Job, Source
from ttbench_core.measure.passes import CLOCK, Clock, drive
from ttbench_core.measure.warmup import warm_up
from ttbench_core.model import BenchmarkModel
from ttbench_core.options import DataFormat, MathFidelity, RunOptions, Trace
from ttbench_core.progress import SILENT, Observer, watching
from ttbench_core.recording import Recording
from ttbench_core.result import Result
from ttbench_core.sinks.keeping import Target, check_target, keep

__all__ = ["measure", "run"]

#: Folder, in the working directory, that traces are put into.
TRACE_FOLDER = "ttbench-traces"


def run(
    model: str | Callable[..., Any],
    *,
    config: str | None = None,
    training: bool = False,
    dataformat: DataFormat | str | None = None,
    math_fidelity: MathFidelity | str | None = None,
    backend_opt_level: int | None = None,
    loop_count: int | None = None,
    chips: int = 1,
    layers: int | None = None,
    trace: Trace | str = Trace.NONE,
    microbatch: int | None = None,
    device: str | None = None,
    backend: str | None = None,
    seed: int = 0,
    passes: int = 5,
    output: str | Path | None = None,
    progress: bool | None = None,
) -> Result:
    """Benchmark a model and give its Result; `ttbench -m` from Python.

    Args:
        model: name of an installed model (`bert`, or `pack:bert`), or a builder
            of your own.
        config: configuration; the model's default if not given.
        training: forward, loss and backward instead of forward alone.
        dataformat: `Fp32`, `Fp16`, `Fp16_b`, `Bfp8`, `Bfp8_b`, `Bfp4`, `Bfp4_b`.
        math_fidelity: `LoFi`, `HiFi2`, `HiFi3`, `HiFi4`.
        backend_opt_level: the backend's optimization level.
        loop_count: inputs a pass; 5 x the number of chips if not given.
        chips: devices to use; 0 is all.
        layers: number of layers, where the model supports it.
        trace: `none`, `light`, `verbose`; taken after the timed passes.
        microbatch: samples an input; the configuration's own if not given.
        device: `cpu`, `cuda`, `cuda:1`; the best if not given.
        backend: name of a registered backend; the best if not given.
        seed: seed of random weights and inputs.
        passes: passes to measure.
        output: file that the result is appended to.
        progress: whether to show a progress bar; None shows it where one can see it.

    Returns:
        The result of a run that went through.

    Raises:
        RequestError: the request was wrong; nothing ran.
        BenchmarkError: the benchmark failed; the failed record is in `result`
            and in `output`.
        ResultNotStoredError: the result could not be appended to `output`.
        RunInterrupted: Ctrl-C; what was measured is in `result` and in `output`.
    """
    options = RunOptions(
        model=model if isinstance(model, str) else _reference(model),
        config=config,
        training=training,
        dataformat=dataformat,  # type: ignore[arg-type]
        math_fidelity=math_fidelity,  # type: ignore[arg-type]
        backend_opt_level=backend_opt_level,
        loop_count=loop_count,
        chips=chips,
        layers=layers,
        trace=trace,  # type: ignore[arg-type]
        microbatch=microbatch,
        device=device,
        backend=backend,
        seed=seed,
        passes=passes,
    )
    target = check_target(output) if output is not None else None
    source = _find_source(model)
    with watching(options.model, progress) as observer:
        try:
            result = measure(options, source, observer=observer)
        except (BenchmarkError, RunInterrupted) as ended:
            ended.storage_error = _keep_what_there_is(ended.result, target)
            raise
    if target is not None:
        keep(result, target)
    return result


def _keep_what_there_is(
    result: Result | None, target: Target | None
) -> ResultNotStoredError | None:
    if result is None or target is None:
        return None
    try:
        keep(result, target)
    except ResultNotStoredError as error:
        return error
    return None


def measure(
    options: RunOptions,
    source: Source,
    *,
    observer: Observer = SILENT,
    clock: Clock = CLOCK,
) -> Result:
    """Run one benchmark; keeps nothing.

    Raises `RequestError`, `BenchmarkError`, `RunInterrupted` as `run` does.
    """
    options = replace(options, config=choose_config(source.builder, options.config, source.where))
    backend, engine = choose_engine(options.backend)
    job = Job(options, source, backend, engine, plan(options, backend))
    _check_trace_folder(options)
    recording = Recording(job, observer)
    try:
        with backend.seeded(options.seed, job.plan.devices):
            model = _build(job, recording)
            with _compile(job, model, recording) as session:
                _drive(job, session, model, recording, clock)
                _trace(job, session, model, recording)
        return recording.result("ok")
    except RequestError:
        raise
    except KeyboardInterrupt:
        kept = recording.result("interrupted") if recording.has_measurements else None
        raise RunInterrupted(kept) from None
    except (Exception, SystemExit) as error:
        failed = recording.result("failed", error)
        raise BenchmarkError(recording.phase, one_line(error), failed) from error


def _build(job: Job, recording: Recording) -> BenchmarkModel:
    with recording.during("build"):
        model = build_model(
            job.source.builder, job.options, job.plan.for_builder(), job.source.where
        )
        recording.built(model)
    return model


def _compile(job: Job, model: BenchmarkModel, recording: Recording) -> Session:
    with recording.during("compile"):
        session = job.backend.compile(model, job.plan)
    recording.compiled(session)
    return session


def _drive(
    job: Job, session: Session, model: BenchmarkModel, recording: Recording, clock: Clock
) -> None:
    with recording.during("first_call"):
        first = drive(session, model.inputs, 1, clock)
    recording.called(first)
    with recording.during("warmup"):
        recording.warmed(warm_up(session, model.inputs, clock))
    try:
        with recording.during("passes"):
            for done in range(job.options.passes):
                recording.progressed(done)
                recording.passed(drive(session, model.inputs, job.loop_count, clock))
    finally:
        recording.weighed(session)


def _check_trace_folder(options: RunOptions) -> None:
    if options.trace is Trace.NONE:
        return
    try:
        Path(TRACE_FOLDER).mkdir(exist_ok=True)
    except OSError as error:
        raise TargetError(
            f"cannot write traces into {TRACE_FOLDER}/ here: {one_line(error)}"
        ) from error


def _trace(job: Job, session: Session, model: BenchmarkModel, recording: Recording) -> None:
    options = job.options
    if options.trace is Trace.NONE:
        return
    with recording.during("trace"):
        if not isinstance(session, TracingSession):
            raise TypeError(f"backend {job.backend.name!r} declares traces and cannot take one")
        moment = datetime.now(timezone.utc).strftime("%Y%m%dT%H%M%S%f")
        name = re.sub(r"[^\w.-]+", "_", f"{options.model}-{options.config or 'default'}-{moment}")
        folder = Path(TRACE_FOLDER) / name
        folder.mkdir(parents=True)
        recording.traced(session.trace(model.inputs, options.trace, folder))


def _find_source(model: str | Callable[..., Any]) -> Source:
    if isinstance(model, str):
        builder, plugin = load_builder(model)
        return Source(builder, plugin.pack, plugin.version, plugin.value)
    return Source(as_builder(model, _reference(model)), None, None, _reference(model))


def _reference(builder: Callable[..., Any]) -> str:
    return str(getattr(builder, "__qualname__", type(builder).__name__)).replace("<locals>.", "")
