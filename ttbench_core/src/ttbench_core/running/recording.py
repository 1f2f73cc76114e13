"""Collecting the facts of a run while it runs; its Result at the end."""

from __future__ import annotations

import contextlib
import os
import time
import uuid
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import asdict
from datetime import datetime, timezone
from pathlib import Path
from typing import Any, Final

from ttbench_core.backends.engine_options import variables_of
from ttbench_core.backends.protocol import CountingSession, Session
from ttbench_core.measure.host_activity import CounterReading, activity_between
from ttbench_core.measure.memory import HostMemory
from ttbench_core.measure.passes import Pass, PassCutShortError
from ttbench_core.measure.stopping import Stop
from ttbench_core.measure.warmup import WarmUp
from ttbench_core.model import Annotated, BenchmarkModel
from ttbench_core.models.counting import parameter_count, samples_per_input_of
from ttbench_core.record.deriving import derive
from ttbench_core.record.environment import (
    checkout_of,
    host_facts,
    machine_name,
    recorded_environment,
    software_versions,
    source_file,
    usable_cores,
)
from ttbench_core.record.result import Result
from ttbench_core.running.job import Job
from ttbench_core.running.progress import Observer
from ttbench_core.running.record_secrets import text_without_secrets, without_secrets
from ttbench_core.running.record_values import (
    checked_versions,
    effective_args,
    failure_record,
    merged_versions,
    model_record,
    pass_record,
    stopping_record,
    warmup_record,
)
from ttbench_core.running.recorded_options import effective_engine_options, recorded_options

__all__ = ["Recording"]

#: Distributions whose versions decide what a number means.
_VERSIONED: Final = ("ttbench-core", "torch", "transformers", "numpy")


class Recording:
    """Everything known of a run so far; `result()` makes the record of it.

    Args:
        job: what runs.
        observer: is shown phases and passes as they come.
    """

    def __init__(self, job: Job, observer: Observer) -> None:
        self._job: Final = job
        self._observer: Final = observer
        self._started_at: Final = datetime.now(timezone.utc)
        self._host: Final = host_facts()
        self._memory: Final = HostMemory()
        self._phases_ns: dict[str, int] = {}
        self._phase = "start"
        self._model: BenchmarkModel | None = None
        self._parameters: int | None = None
        self._samples_per_input: int | None = None
        self._effective: Mapping[str, object] = {}
        self._notes: tuple[str, ...] = ()
        self._in_flight: int | None = None
        self._peaks: dict[str, int | None] = {}
        self._backend_versions: Mapping[str, str] = {}
        self._warmup: WarmUp | None = None
        self._stop: Stop | None = None
        self._passes: list[Pass] = []
        self._partial: Pass | None = None
        #: Facts that go into the record as they are, by the key of the record.
        self._facts: dict[str, Any] = {}

    @property
    def phase(self) -> str:
        """The phase that runs, or ran last."""
        return self._phase

    @property
    def has_measurements(self) -> bool:
        """Whether any input of a pass has been measured."""
        return bool(self._passes or self._partial)

    @contextlib.contextmanager
    def during(self, phase: str) -> Iterator[None]:
        """Time a phase, also when it fails; a pass that is cut short is added."""
        self._phase = phase
        self._observer.phase(phase)
        start = time.perf_counter_ns()
        try:
            yield
        except PassCutShortError as cut:
            if phase == "passes":
                self._partial = cut.partial
            raise cut.cause from None
        finally:
            self._phases_ns[phase] = time.perf_counter_ns() - start

    def add_model(self, model: BenchmarkModel) -> None:
        """Add the identity of the model and what it counts as."""
        self._model = model
        self._parameters = parameter_count(model)
        self._samples_per_input = samples_per_input_of(model)
        self._backend_versions = checked_versions(self._job.backend.versions(), self._job)
        self._add_notes(self._job.source.notes)
        self._add_notes(model.notes if isinstance(model, Annotated) else ())

    def add_session(self, session: Session) -> None:
        """Add how the engine runs the model."""
        own = effective_engine_options(self._job.plan)
        self._effective = {**session.effective, **({"engine_options": own} if own else {})}
        self._in_flight = self._job.in_flight(session.depth)
        self._add_notes(session.notes)
        if isinstance(session, CountingSession):
            self._samples_per_input = session.samples_per_input

    def _add_notes(self, notes: Sequence[str]) -> None:
        self._notes = (*self._notes, *map(str, notes))
        options, backend = self._job.request.options, self._job.backend_name
        for note in notes:
            self._observer.note(text_without_secrets(str(note), options, backend))

    def add_compilations(self, count: int) -> None:
        """Add how often the engine compiled within the passes."""
        self._effective = {**self._effective, "compilations_in_passes": count}

    def add_first_call(self, first: Pass) -> None:
        """Add the time of the first call, without the garbage collection before it."""
        self._phases_ns["first_call"] = first.e2e_ns

    def add_warmup(self, warmup: WarmUp) -> None:
        """Add the warm-up."""
        self._warmup = warmup

    def report_progress(self) -> None:
        """Show how many passes are done."""
        self._observer.passes(len(self._passes), self._job.stopping_rule.max_passes)

    def add_pass(self, one: Pass) -> None:
        """Add a pass."""
        self._passes.append(one)

    @property
    def times_ns(self) -> list[int]:
        """End-to-end time of each pass so far."""
        return [one.e2e_ns for one in self._passes]

    def add_stop(self, stop: Stop) -> None:
        """Add why there is no further pass."""
        self._stop = stop

    def add_host_activity(self, before: CounterReading, after: CounterReading) -> None:
        """Add what the machine did between two readings of its counters."""
        self._facts["host_during"] = asdict(activity_between(before, after, usable_cores()))

    def add(self, key: str, facts: Mapping[str, Any] | None) -> None:
        """Add facts that have a key of the record to themselves."""
        self._facts[key] = facts

    def add_trace(self, folder: Path, files: Sequence[Path]) -> None:
        """Add level, folder and files of the trace."""
        level = self._job.options.trace.value
        names = [str(file) for file in files]
        self._facts["trace"] = {"level": level, "folder": str(folder), "files": names}

    def add_image(self, file: Path) -> None:
        """Add the file that the compiled model was saved to."""
        self._facts["image"] = {"file": str(file), "size_bytes": file.stat().st_size}

    def record_peak_memory(self, session: Session) -> None:
        """Add the peak of the memory; call it after the passes, because a trace takes more."""
        self._peaks["host_peak_bytes"] = self._memory.peak_bytes()
        self._peaks["device_peak_bytes"] = session.device_peak_bytes()

    def result(self, status: str, error: BaseException | None = None) -> Result:
        """Make the record.

        Args:
            status: `ok`, `failed` or `interrupted`.
            error: what made the run fail.
        """
        checkout = checkout_of(
            source_file(module) for module in (self._job.source.builder.__module__, "ttbench_core")
        )
        failure = None if error is None else failure_record(self._phase, error)
        raw = Result(
            status=status,
            total_time=None,
            total_samples=None,
            samples_per_sec=None,
            args=effective_args(self._job, self._model, self._effective),
            arch=self._job.plan.devices[0].arch,
            machine_name=machine_name(),
            hash=checkout.hash if checkout else None,
            date=checkout.date if checkout else None,
            error=f"{failure['phase']}: {failure['message']}" if failure else None,
            run_id=uuid.uuid4().hex,
            started_at=self._started_at.isoformat(timespec="seconds"),
            requested=recorded_options(self._job.request.options, self._job.backend_name),
            effective=self._effective,
            model=model_record(self._job, self._model, self._parameters, self._samples_per_input),
            backend=self._job.backend_name,
            devices=[asdict(device) for device in self._job.plan.devices],
            host=self._host,
            versions=self._versions(),
            environment=recorded_environment(os.environ, variables_of(self._job.backend_name)),
            git=asdict(checkout) if checkout else None,
            phases_ns=self._phases_ns,
            warmup=warmup_record(self._warmup) if self._warmup else None,
            passes=[pass_record(one) for one in self._passes],
            partial_pass=pass_record(self._partial) if self._partial else None,
            in_flight=self._in_flight,
            stopping=stopping_record(self._stop) if self._stop else None,
            memory=self._memory_record(),
            notes=list(self._notes),
            failure=failure,
            **self._facts,
        )
        return without_secrets(derive(raw), self._job.request.options)

    def _versions(self) -> dict[str, str]:
        versions = merged_versions(
            software_versions(_VERSIONED), self._backend_versions, self._job.backend_name
        )
        versions[self._job.backend_plugin.pack] = self._job.backend_plugin.version
        if self._job.source.pack and self._job.source.version:
            versions[self._job.source.pack] = self._job.source.version
        return versions

    def _memory_record(self) -> dict[str, Any]:
        return {
            "host_baseline_bytes": self._memory.baseline_bytes,
            "host_peak_bytes": self._peaks.get("host_peak_bytes"),
            "host_peak_scope": self._memory.scope,
            "device_peak_bytes": self._peaks.get("device_peak_bytes"),
        }
