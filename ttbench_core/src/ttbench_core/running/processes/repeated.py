"""P measurements in P fresh processes, as one Result."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace
from typing import Any

from ttbench_core.errors import RequestError, SessionError, one_line
from ttbench_core.models.source import Source
from ttbench_core.record.environment import recorded_options
from ttbench_core.record.result import Result
from ttbench_core.record.run_errors import BenchmarkError, RunInterrupted
from ttbench_core.request.options import RunOptions, Trace
from ttbench_core.running.processes.child import Child, Watch
from ttbench_core.running.processes.combining import combined
from ttbench_core.running.recorded import cut_short, unmeasured

__all__ = [
    "RemoteError",
    "failed_run",
    "interrupted_run",
    "measure_in_processes",
    "measure_next",
    "next_options",
    "whole_of",
]


class RemoteError(Exception):
    """What failed in another process; its text is the traceback from there."""


def measure_in_processes(options: RunOptions, source: Source, watch: Watch) -> Result:
    """Measure in `options.processes` processes, one after the other.

    Args:
        options: what was asked of the whole.
        source: the builder.
        watch: how each process is followed.

    Raises `RequestError` as the first child does, `BenchmarkError` when one
    fails and `RunInterrupted` after Ctrl-C, with what was measured until then.
    """
    results: list[Result] = []
    try:
        for number in range(options.processes):
            if options.processes > 1:
                watch.observer.phase(f"process {number + 1} of {options.processes}")
                watch.observer.passes(number, options.processes)
            results.append(measure_next(options, source, results, watch))
        return whole_of(options, results)
    except KeyboardInterrupt:
        raise RunInterrupted(interrupted_run(options, results)) from None


def next_options(options: RunOptions, earlier: Sequence[Result]) -> RunOptions:
    """Give what the next process measures.

    Later ones warm up as long as the first did, so that they are alike, and
    leave the checks to it: outputs, the machine's peak and traces.
    """
    if not earlier:
        return replace(options, processes=1)
    warmup = options.warmup
    if warmup is None and earlier[0].warmup is not None:
        warmup = earlier[0].warmup["inputs"]
    return replace(
        options,
        processes=1,
        warmup=warmup,
        verify=False,
        pcc=None,
        roofline=False,
        trace=Trace.NONE,
        perf_analysis=False,
    )


def failed_run(
    options: RunOptions,
    earlier: Sequence[Result],
    message: Mapping[str, Any] | str,
    known: Mapping[str, Any] | None = None,
) -> BenchmarkError:
    """Make the error of a process that failed; with the record of it and of the earlier ones.

    Args:
        options: what was asked of the whole.
        earlier: the processes that went through.
        message: the child's last word, or why it had none.
        known: what a child without a last word knew when it began, as a record.
    """
    where = f" of process {len(earlier) + 1}" if options.processes > 1 else ""
    if isinstance(message, str):
        ended = cut_short(unmeasured(options, "process", SessionError(message)), known)
        return BenchmarkError(f"process{where}", message, whole_of(options, [*earlier, ended]))
    failure = message["failure"]
    whole = whole_of(options, [*earlier, Result.from_record(message["record"])])
    error = BenchmarkError(f"{failure['phase']}{where}", failure["reason"], whole)
    error.__cause__ = RemoteError(f"\n{failure['traceback']}")
    return error


def interrupted_run(options: RunOptions, results: Sequence[Result]) -> Result | None:
    """Make the record of what was measured until Ctrl-C; None where nothing was."""
    if not any(result.passes or result.partial_pass for result in results):
        return None
    return whole_of(options, results, "interrupted")


def whole_of(options: RunOptions, results: Sequence[Result], status: str | None = None) -> Result:
    """Make one record; that of a single process is its own, of what was asked."""
    if options.processes == 1 and len(results) == 1:
        requested = recorded_options(options)
        return replace(results[0], requested=requested, status=status or results[0].status)
    return combined(options, results, status)


def measure_next(
    options: RunOptions, source: Source, results: list[Result], watch: Watch
) -> Result:
    """Measure in one more process; what an interrupted one has measured goes to `results`."""
    child: Child | None = None
    try:
        with Child(next_options(options, results), source, watch=_relayed(watch, options)) as child:
            try:
                message = child.hear()
            except KeyboardInterrupt:
                _keep_interrupted(child.interrupt(), results)
                raise
    except (RequestError, SessionError, OSError) as error:
        if isinstance(error, RequestError) and not results:
            raise
        reason = str(error) if isinstance(error, SessionError) else one_line(error)
        raise failed_run(options, results, reason, child.known if child else None) from error
    if message.get("interrupted"):
        _keep_interrupted(message, results)
        raise KeyboardInterrupt
    if message.get("failure") is not None:
        raise failed_run(options, results, message)
    return Result.from_record(message["record"])


def _keep_interrupted(message: Mapping[str, Any] | None, results: list[Result]) -> None:
    if message and message.get("record"):
        results.append(Result.from_record(message["record"]))


def _relayed(watch: Watch, options: RunOptions) -> Watch | None:
    """Let several processes tell their phases only where that ends the waiting."""
    return watch if options.processes == 1 or watch.patience_s is not None else None
