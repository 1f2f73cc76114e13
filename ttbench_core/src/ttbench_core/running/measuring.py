"""One measurement in this process, from options to a Result."""

from __future__ import annotations

import os
from collections.abc import Callable
from dataclasses import asdict, dataclass, replace
from typing import Final, Protocol

from ttbench_core.backends.planning import plan
from ttbench_core.backends.protocol import Capabilities, ImagingBackend, Session
from ttbench_core.backends.refusals import refuse_model
from ttbench_core.backends.selection import choose_backend_and_plugin
from ttbench_core.errors import DeviceError, OptionError, RequestError, SessionError
from ttbench_core.measure.energy import EnergyMeter, nvml_names
from ttbench_core.measure.host_activity import read_counters
from ttbench_core.measure.overhead import harness_ns_per_input
from ttbench_core.measure.passes import CLOCK, Clock, Pass, PassCutShortError, drive, frozen_heap
from ttbench_core.measure.stopping import StoppingRule, stopping_rule
from ttbench_core.measure.warmup import min_inputs, warm_up
from ttbench_core.model import BenchmarkModel
from ttbench_core.models.building import build_model, choose_config
from ttbench_core.models.model_options import read_model_options
from ttbench_core.models.source import find_source
from ttbench_core.plugins.tuning_rules import read_rules
from ttbench_core.record.compiled import COMPILED
from ttbench_core.record.result import Result
from ttbench_core.record.run_errors import BenchmarkError, RunInterrupted
from ttbench_core.running.analysis import analyze, fingerprint_as_built, refuse_unverifiable
from ttbench_core.running.compilations import counting_compilations
from ttbench_core.running.device_readings import read_devices
from ttbench_core.running.failed_runs import failed_before_start
from ttbench_core.running.job import Job
from ttbench_core.running.progress import SILENT, Observer
from ttbench_core.running.record_secrets import failure_message
from ttbench_core.running.recording import Recording
from ttbench_core.running.request import RunRequest
from ttbench_core.running.tracing import check_trace_folder, take_trace

__all__ = ["RunContext", "TurnRule", "measure"]

#: Faster inputs can be driven untimed before the first pass at no cost.
_FAST_NS: Final = 100_000_000


class TurnRule(StoppingRule, Protocol):
    """**Protocol:** a stopping rule that waits for its turn before it lets a pass begin."""

    def wait_for_other(self) -> None:
        """Wait until the other variant has ended its passes too."""


@dataclass(frozen=True)
class RunContext:
    """What a measurement is given by its caller, apart from what is asked of it."""

    observer: Observer = SILENT
    clock: Clock = CLOCK
    #: Set where the passes take turns with those of another run.
    turns: TurnRule | None = None
    #: Called when a measurement begins, with the failed record of it as far as it is known.
    on_start: Callable[[Result], None] | None = None
    #: Called when the engine is chosen, before its devices are asked for.
    on_engine: Callable[[Capabilities], None] | None = None
    #: The engine that was chosen already where none was asked for; None chooses.
    engine: str | None = None
    #: The process whose tree counts as this run in the CPU accounting; this one if not given.
    root_pid: int | None = None


def measure(request: RunRequest, context: RunContext | None = None) -> Result:
    """Run one benchmark in this process; stores nothing.

    Raises `RequestError`, `BenchmarkError`, `RunInterrupted` as `run` does.
    """
    context = context or RunContext()
    context.observer.phase("devices")
    try:
        job = _prepare(request, context)
    except DeviceError as error:
        missing = failed_before_start(request, "devices", error)
        raise BenchmarkError("devices", failure_message(missing), missing) from error
    _refuse_beside_others(job, context)
    traces = check_trace_folder(job.plan)
    recording = Recording(job, context.observer)
    if context.on_start is not None:
        context.on_start(recording.result("failed", SessionError("ended without a word")))
    try:
        with job.backend.seeded(job.options.seed, job.plan.devices):
            model = _build(job, recording)
            if job.plan.image is not None:
                _save_image(job, model, recording)
                return recording.result("ok")
            as_built = fingerprint_as_built(job, model, recording)
            with _compile(job, model, recording) as session:
                recording.add_session(session)
                if not job.backend.capabilities().measures:
                    return recording.result(COMPILED)
                _measure_session(job, session, model, recording, context)
                if context.turns is not None:
                    context.turns.wait_for_other()
                if request.is_analyzed:
                    analyze(job, session, model, recording, as_built)
                    take_trace(job, session, model, recording, traces)
        return recording.result("ok")
    except RequestError:
        raise
    except KeyboardInterrupt:
        kept = recording.result("interrupted") if recording.has_measurements else None
        raise RunInterrupted(kept) from None
    except BaseException as error:
        failed = recording.result("failed", error)
        raise BenchmarkError(recording.phase, failure_message(failed), failed) from error


def _prepare(request: RunRequest, context: RunContext) -> Job:
    asked = request.options
    source = request.source or find_source(asked.model)
    config = choose_config(source.builder, asked.config, source.where)
    options = replace(asked, config=config)
    read_model_options(source.builder, asked.model_options, source.where)
    backend, plugin = choose_backend_and_plugin(
        replace(options, backend=asked.backend or context.engine)
    )
    if context.on_engine is not None:
        context.on_engine(backend.capabilities())
    name = asked.model.rpartition(":")[2]
    rules = read_rules(source.builder.__module__, name, backend.name)
    return Job(
        request=request,
        source=source,
        options=options,
        backend=backend,
        backend_plugin=plugin,
        plan=replace(plan(options, backend), rules=rules),
        stopping_rule=context.turns or stopping_rule(asked.passes, asked.max_time),
    )


def _refuse_beside_others(job: Job, context: RunContext) -> None:
    """Raise `OptionError` where one of several measurements would compile a model and end."""
    if job.plan.image is not None:
        what = "saving a compiled model"
    elif not job.backend.capabilities().measures:
        what = f"backend {job.backend_name!r}"
    else:
        return
    if context.turns is not None:
        raise OptionError(f"a run side by side measures, and {what} does not")
    if job.request.processes_in_all > 1:
        raise OptionError(f"{what} measures nothing: leave out --processes")


def _build(job: Job, recording: Recording) -> BenchmarkModel:
    with recording.during("build"):
        model = build_model(
            job.source.builder, job.options, job.plan.for_builder(), job.source.where
        )
        refuse_model(model, job.options, job.backend_name, job.backend.capabilities())
        refuse_unverifiable(job.options, model)
        recording.add_model(model)
    return model


def _compile(job: Job, model: BenchmarkModel, recording: Recording) -> Session:
    with recording.during("compile"):
        return job.backend.compile(model, job.plan)


def _save_image(job: Job, model: BenchmarkModel, recording: Recording) -> None:
    with recording.during("compile"):
        if not isinstance(job.backend, ImagingBackend):
            raise TypeError(f"backend {job.backend.name!r} declares images and cannot save one")
        recording.add_image(job.backend.save_image(model, job.plan))


def _measure_session(
    job: Job, session: Session, model: BenchmarkModel, recording: Recording, context: RunContext
) -> None:
    in_flight = job.in_flight(session.depth)

    def drive_inputs(count: int) -> Pass:
        return drive(session, model.inputs, count, context.clock, in_flight=in_flight)

    with frozen_heap():
        with recording.during("first_call"):
            first = drive_inputs(1)
        recording.add_first_call(first)
        with recording.during("warmup"):
            recording.add_warmup(
                warm_up(
                    session,
                    model.inputs,
                    context.clock,
                    count=job.options.warmup,
                    in_flight=in_flight,
                )
            )
        try:
            fast = first.e2e_ns < _FAST_NS
            untimed = min_inputs(in_flight) if fast else in_flight
            with (
                read_devices(job, recording),
                counting_compilations(session, recording),
            ):
                _measure_passes(job, drive_inputs, recording, context, untimed=untimed)
        finally:
            recording.record_peak_memory(session)
        recording.add("overhead", {"ns_per_input": harness_ns_per_input(in_flight)})


def _measure_passes(
    job: Job,
    drive_inputs: Callable[[int], Pass],
    recording: Recording,
    context: RunContext,
    *,
    untimed: int,
) -> None:
    """Measure passes until the stopping rule ends them, and read the machine's counters."""
    cuda = [device.index for device in job.plan.devices if device.kind == "cuda"]
    meter = EnergyMeter(gpus=nvml_names(cuda, os.environ.get("CUDA_VISIBLE_DEVICES")))
    stop = job.stopping_rule.decide(())
    with recording.during("passes"):
        before = read_counters(root_pid=context.root_pid)
        meter.start()
        if context.turns is None and job.options.warmup is None:
            _prewarm(drive_inputs, untimed)
        while stop is None:
            recording.report_progress()
            if context.turns is not None:
                _prewarm(drive_inputs, untimed)
            recording.add_pass(drive_inputs(job.loop_count))
            meter.update()
            stop = job.stopping_rule.decide(recording.times_ns)
        energy = meter.stop()
        recording.add_host_activity(before, read_counters(root_pid=context.root_pid))
        recording.add_stop(stop)
    # the counters include the run that this one takes turns with
    if energy is not None and context.turns is None:
        recording.add("energy", asdict(energy))


def _prewarm(drive_inputs: Callable[[int], Pass], inputs: int) -> None:
    """Drive a few untimed inputs after a pause, in which threads slept and caches went cold."""
    try:
        drive_inputs(inputs)
    except PassCutShortError as cut:
        raise cut.cause from None  # not a pass: nothing of it goes into the record
