"""The processes of one request: what the next one measures, and the record of all together."""

from __future__ import annotations

import contextlib
from collections.abc import Iterator, Mapping
from dataclasses import replace
from typing import Any

from ttbench_core.errors import RequestError, SessionError, one_line
from ttbench_core.record.result import Result
from ttbench_core.record.run_errors import BenchmarkError
from ttbench_core.running.failed_runs import failed_before_start, record_of_crash
from ttbench_core.running.processes.child import Child
from ttbench_core.running.processes.combining import combine_results
from ttbench_core.running.processes.supervision import Supervision
from ttbench_core.running.progress import SILENT
from ttbench_core.running.record_secrets import failure_message
from ttbench_core.running.recorded_options import recorded_options
from ttbench_core.running.request import RunRequest

__all__ = ["RemoteError", "Series"]


class RemoteError(Exception):
    """What failed in another process; its text is the traceback from there."""


class Series:
    """Fresh processes that measure one request, and their results.

    Args:
        request: what is asked of the whole; `options.processes` counts them.
    """

    def __init__(self, request: RunRequest) -> None:
        self.request = request
        #: One for each process that has ended, also for one that failed or was interrupted.
        self.results: list[Result] = []

    @property
    def has_failed(self) -> bool:
        """Whether one of the processes failed."""
        return any(one.status == "failed" for one in self.results)

    def measure(self, supervision: Supervision) -> None:
        """Measure in one more process.

        Raises `BenchmarkError` with the record of the whole, the first child's `RequestError`,
        and `KeyboardInterrupt`; what was measured until then is in `results`.
        """
        with self.start_child(supervision=self._supervision_for_child(supervision)) as child:
            try:
                self.add(self.receive(child))
            except KeyboardInterrupt:
                self.interrupt(child)
                raise

    def start_child(self, *, turns: bool = False, supervision: Supervision | None = None) -> Child:
        """Start the next process; see `Child`."""
        with self._recording_crashes():
            return Child(self._next_request(), turns=turns, supervision=supervision)

    def receive(self, child: Child) -> Mapping[str, Any]:
        """Wait for the next message of a child; raises as `measure` does."""
        with self._recording_crashes(child):
            message = child.receive()
        if message.get("interrupted"):
            self.add(message)
            raise KeyboardInterrupt
        if message.get("failure") is not None:
            raise self._add_failure(message)
        return message

    def interrupt(self, child: Child) -> None:
        """End a child by Ctrl-C, and add what it has measured."""
        if child.has_ended:
            return
        message = child.interrupt()
        if message is not None:
            self.add(message)
        elif (lost := child.lost_passes()) is not None:
            self.results.append(replace(self._ended(lost, child.known), status="interrupted"))

    def add(self, message: Mapping[str, Any]) -> None:
        """Add the result in a child's last message, if it has one."""
        if message.get("record"):
            self.results.append(Result.from_record(message["record"]))

    def result(self, status: str | None = None) -> Result:
        """Give the record of all processes, at least one; a single one's is its own."""
        options, results = self.request.options, self.results
        if options.processes == 1 and len(results) == 1:
            requested = recorded_options(options, results[0].backend)
            return replace(results[0], requested=requested, status=status or results[0].status)
        return combine_results(options, results, status)

    def interrupted_result(self) -> Result | None:
        """Give the record of what was measured until Ctrl-C; None where nothing was."""
        if not any(
            result.passes or result.partial_pass or result.status == "interrupted"
            for result in self.results
        ):
            return None
        return self.result("interrupted")

    def _next_request(self) -> RunRequest:
        """Give what the next process measures.

        Later ones warm up as long as the first did, so that they are alike, and leave the
        analysis to it.
        """
        options = replace(self.request.options, processes=1)
        if self.results:
            warmup, first = options.warmup, self.results[0].warmup
            options = replace(
                options,
                warmup=first["inputs"] if warmup is None and first is not None else warmup,
            )
        return replace(
            self.request,
            options=options,
            is_analyzed=not self.results,
            processes_in_all=self.request.options.processes,
        )

    def _supervision_for_child(self, supervision: Supervision) -> Supervision:
        """Show the phases of several processes only where that explains a long wait."""
        single = self.request.options.processes == 1
        if single or supervision.timeout_s is not None:
            return supervision
        return replace(supervision, observer=SILENT)

    @contextlib.contextmanager
    def _recording_crashes(self, child: Child | None = None) -> Iterator[None]:
        """Turn what ends a child without a last message into a failed record."""
        try:
            yield
        except (RequestError, SessionError, OSError) as error:
            if isinstance(error, RequestError) and not self.results:
                raise
            reason = str(error) if isinstance(error, SessionError) else one_line(error)
            raise self._add_crash(reason, child.known if child else None) from error

    def _add_crash(self, reason: str, known: Mapping[str, Any] | None) -> BenchmarkError:
        ended = self._ended(reason, known)
        return self._add_failed_result("process", failure_message(ended), ended)

    def _ended(self, reason: str, known: Mapping[str, Any] | None) -> Result:
        """Give the failed record of a process that sent no last message."""
        missing = failed_before_start(self.request, "process", SessionError(reason))
        return record_of_crash(missing, known)

    def _add_failure(self, message: Mapping[str, Any]) -> BenchmarkError:
        failure = message["failure"]
        failed = Result.from_record(message["record"])
        error = self._add_failed_result(failure["phase"], failure["reason"], failed)
        error.__cause__ = RemoteError(f"\n{failure['traceback']}")
        return error

    def _add_failed_result(self, phase: str, reason: str, failed: Result) -> BenchmarkError:
        several = self.request.options.processes > 1
        where = f"{phase} of process {len(self.results) + 1}" if several else phase
        self.results.append(failed)
        return BenchmarkError(where, reason, self.result())
