"""One measurement in this process, from options to a Result."""

from __future__ import annotations

import os
import re
from collections.abc import Callable
from dataclasses import asdict, dataclass, replace
from datetime import datetime, timezone
from pathlib import Path
from typing import Final, Protocol

from ttbench_core.backends.planning import plan
from ttbench_core.backends.protocol import ImagingBackend, Session, TracingSession
from ttbench_core.backends.selection import choose_backend_and_plugin
from ttbench_core.errors import DeviceError, RequestError, SessionError, TargetError, one_line
from ttbench_core.measure.energy import EnergyMeter, nvml_names
from ttbench_core.measure.overhead import harness_ns_per_input
from ttbench_core.measure.passes import CLOCK, Clock, Pass, PassCutShortError, drive, frozen_heap
from ttbench_core.measure.stopping import StoppingRule, stopping_rule
from ttbench_core.measure.warmup import least_inputs, warm_up
from ttbench_core.measure.watch import read_counters
from ttbench_core.model import BenchmarkModel
from ttbench_core.models.building import build_model, choose_config
from ttbench_core.models.source import Source
from ttbench_core.plugins.tuning import read_rules
from ttbench_core.record.result import Result
from ttbench_core.record.run_errors import BenchmarkError, RunInterrupted
from ttbench_core.request.options import RunOptions
from ttbench_core.running.examining import examine, refuse_unverifiable
from ttbench_core.running.job import Job
from ttbench_core.running.progress import SILENT, Observer
from ttbench_core.running.recorded import unmeasured
from ttbench_core.running.recording import Recording

__all__ = ["Conduct", "Turns", "measure"]

#: Inputs below this go to waste without harm before a first pass.
_FAST_NS: Final = 100_000_000
#: Folder, in the working directory, that traces are put into.
TRACE_FOLDER: Final = "ttbench-traces"


class Turns(StoppingRule, Protocol):
    """**Protocol:** a stopping rule that waits for its turn before it lets a pass begin."""

    def wait(self) -> None:
        """Wait until what follows the passes may begin."""


@dataclass(frozen=True)
class Conduct:
    """How a measurement is conducted, apart from what is asked of it."""

    observer: Observer = SILENT
    clock: Clock = CLOCK
    #: The turns that another run is measured in; None measures without a break.
    turns: Turns | None = None
    #: Told what is known when a measurement begins, as a failed record; None is not told.
    settled: Callable[[Result], None] | None = None
    #: The engine that was chosen already where none was asked for; None chooses.
    engine: str | None = None
    #: The process whose tree counts as "us" when others' CPU time is told; this one if not given.
    root_pid: int | None = None


def measure(options: RunOptions, source: Source, conduct: Conduct | None = None) -> Result:
    """Run one benchmark; keeps nothing.

    Raises `RequestError`, `BenchmarkError`, `RunInterrupted` as `run` does.
    """
    conduct = conduct or Conduct()
    conduct.observer.phase("devices")
    try:
        job = _settle(options, source, conduct)
    except DeviceError as error:
        missing = unmeasured(options, "devices", error)
        raise BenchmarkError("devices", str(error), missing) from error
    _check_trace_folder(job.options)
    recording = Recording(job, conduct.observer)
    if conduct.settled is not None:
        conduct.settled(recording.result("failed", SessionError("ended without a word")))
    try:
        with job.backend.seeded(job.options.seed, job.plan.devices):
            model = _build(job, recording)
            if job.options.save_tti is not None:
                _save_image(job, model, recording)
                return recording.result("ok")
            with _compile(job, model, recording) as session:
                _time(job, session, model, recording, conduct)
                if conduct.turns is not None:
                    conduct.turns.wait()
                examine(job, session, model, recording)
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


def _settle(options: RunOptions, source: Source, conduct: Conduct) -> Job:
    config = choose_config(source.builder, options.config, source.where)
    settled = replace(options, config=config)
    backend, engine = choose_backend_and_plugin(
        options.backend or conduct.engine, options.device_asked
    )
    rule = conduct.turns or stopping_rule(options.passes, options.max_time)
    name = options.model.rpartition(":")[2]
    rules = read_rules(source.builder.__module__, name, backend.name)
    planned = replace(plan(settled, backend), rules=rules)
    return Job(options, settled, source, backend, engine, planned, rule)


def _build(job: Job, recording: Recording) -> BenchmarkModel:
    with recording.during("build"):
        model = build_model(
            job.source.builder, job.options, job.plan.for_builder(), job.source.where
        )
        refuse_unverifiable(job.options, model)
        recording.built(model)
    return model


def _compile(job: Job, model: BenchmarkModel, recording: Recording) -> Session:
    with recording.during("compile"):
        session = job.backend.compile(model, job.plan)
    recording.compiled(session)
    return session


def _save_image(job: Job, model: BenchmarkModel, recording: Recording) -> None:
    with recording.during("compile"):
        if not isinstance(job.backend, ImagingBackend):
            raise TypeError(f"backend {job.backend.name!r} declares images and cannot save one")
        recording.imaged(job.backend.save_image(model, job.plan))


def _time(
    job: Job, session: Session, model: BenchmarkModel, recording: Recording, conduct: Conduct
) -> None:
    in_flight = job.in_flight(session.depth)

    def driven(count: int) -> Pass:
        return drive(session, model.inputs, count, conduct.clock, in_flight=in_flight)

    with frozen_heap():
        with recording.during("first_call"):
            first = driven(1)
        recording.called(first)
        with recording.during("warmup"):
            recording.warmed(
                warm_up(
                    session,
                    model.inputs,
                    conduct.clock,
                    count=job.options.warmup,
                    in_flight=in_flight,
                )
            )
        try:
            fast = first.e2e_ns < _FAST_NS
            untimed = least_inputs(in_flight) if fast else in_flight
            _repeat(job, driven, recording, conduct, untimed=untimed)
        finally:
            recording.weighed(session)
        recording.told("overhead", {"ns_per_input": harness_ns_per_input(in_flight)})


def _repeat(
    job: Job,
    driven: Callable[[int], Pass],
    recording: Recording,
    conduct: Conduct,
    *,
    untimed: int,
) -> None:
    """Measure passes until the rule says that it is enough, and watch the machine meanwhile."""
    cuda = [device.index for device in job.plan.devices if device.kind == "cuda"]
    meter = EnergyMeter(gpus=nvml_names(cuda, os.environ.get("CUDA_VISIBLE_DEVICES")))
    stop = job.rule.decide(())
    with recording.during("passes"):
        before = read_counters(root_pid=conduct.root_pid)
        meter.start()
        if conduct.turns is None and job.options.warmup is None:
            _stir(driven, untimed)
        while stop is None:
            recording.progressed()
            if conduct.turns is not None:
                _stir(driven, untimed)
            recording.passed(driven(job.loop_count))
            meter.update()
            stop = job.rule.decide(recording.times_ns)
        energy = meter.stop()
        recording.watched(before, read_counters(root_pid=conduct.root_pid))
        recording.stopped(stop)
    # a counter does not tell a run from the one that it takes turns with
    if energy is not None and conduct.turns is None:
        recording.told("energy", asdict(energy))


def _stir(driven: Callable[[int], Pass], inputs: int) -> None:
    """Drive a few untimed inputs after a rest, in which threads went to sleep and caches cold."""
    try:
        driven(inputs)
    except PassCutShortError as cut:
        raise cut.cause from None  # it is no pass that could be kept in part


def _check_trace_folder(options: RunOptions) -> None:
    if not options.wants_trace:
        return
    try:
        Path(TRACE_FOLDER).mkdir(exist_ok=True)
    except OSError as error:
        raise TargetError(
            f"cannot write traces into {TRACE_FOLDER}/ here: {one_line(error)}"
        ) from error


def _trace(job: Job, session: Session, model: BenchmarkModel, recording: Recording) -> None:
    options = job.options
    if not options.wants_trace:
        return
    with recording.during("trace"):
        if not isinstance(session, TracingSession):
            raise TypeError(f"backend {job.backend.name!r} declares traces and cannot take one")
        moment = datetime.now(timezone.utc).strftime("%Y%m%dT%H%M%S%f")
        name = re.sub(r"[^\w.-]+", "_", f"{options.model}-{options.config or 'default'}-{moment}")
        folder = Path(TRACE_FOLDER) / name
        folder.mkdir(parents=True)
        recording.traced(folder, session.trace(model.inputs, options.trace, folder))
