"""The process of one cell: an ordinary run, measured in a process of its own, and stored.

The first line on stdin is the order, as JSON; the outcome goes to a descriptor of its own, as
one JSON line. The process ends with the one that started it: then stdin ends.
"""

from __future__ import annotations

import json
import os
import signal
import sys
from collections.abc import Mapping, Sequence
from typing import Any

from ttbench_core.errors import RequestError, TtbenchError, one_line
from ttbench_core.record.result import Result
from ttbench_core.record.run_errors import BenchmarkError, ResultNotStoredError, RunInterrupted
from ttbench_core.request.options import RunOptions
from ttbench_core.request.settings_file import Interpreter
from ttbench_core.running.request import RunRequest
from ttbench_core.running.runner import run_request
from ttbench_core.sinks.storing import store_result
from ttbench_core.sinks.targets import Target, checked_before
from ttbench_core.sweeps.cells.driver_watch import ENDING_SIGNALS, DriverWatch
from ttbench_core.sweeps.cells.time_limit import TimeLimit
from ttbench_core.sweeps.cells.unmeasured import refused_record, timed_out_record

__all__ = ["main", "order_of", "request_of_order"]


def order_of(
    request: RunRequest, targets: Sequence[Target] | None, timeout_s: float | None
) -> dict[str, Any]:
    """Give what the process is asked, as JSON values.

    Args:
        request: what is measured, with the place of its cell in the sweep.
        targets: checked targets; None to get the record back instead, as `record`.
        timeout_s: seconds that it may take; None is no limit.
    """
    other = request.interpreter
    return {
        "options": request.options.as_requested(),
        "interpreter": None if other is None else other.to_record(),
        "sweep": dict(request.sweep or {}),
        "targets": None if targets is None else [str(one.as_named) for one in targets],
        "timeout_s": timeout_s,
    }


def main(channel_fd: int) -> None:
    """Measure what stdin asks for, store it, and send what came of it."""
    for number in ENDING_SIGNALS:
        signal.signal(number, signal.default_int_handler)
    os.set_inheritable(channel_fd, False)
    order = json.loads(sys.stdin.buffer.readline())
    driver = DriverWatch()
    driver.start()
    outcome = _outcome(order, driver)
    driver.end_if_ended()
    with os.fdopen(channel_fd, "w", encoding="ascii") as channel:
        channel.write(json.dumps(outcome) + "\n")


def _outcome(order: Mapping[str, Any], driver: DriverWatch) -> dict[str, Any]:
    request = request_of_order(order)
    result: Result | None = None
    targets: list[Target] = []
    interrupted = False
    try:
        targets = [checked_before(one) for one in order["targets"] or ()]
        result = _measured(request, order["timeout_s"])
    except RunInterrupted as ended:
        result, interrupted = ended.result, True
    except KeyboardInterrupt:
        interrupted = True
    except TtbenchError as error:
        return {"status": "failed", "reason": one_line(error), "not_stored": one_line(error)}
    driver.end_if_ended()
    facts = {"status": "interrupted"} if interrupted else _facts(result)
    if order["targets"] is None:
        return {**facts, "record": None if result is None else result.to_record()}
    return {**facts, "not_stored": _stored(result, targets)}


def _stored(result: Result | None, targets: Sequence[Target]) -> str | None:
    """Store a record, if there is one; give why it is not in every target.

    There is nothing left to interrupt, and a record must not be stored in part: Slurm sends its
    signal to all processes of a job, and the driver sends another one.
    """
    for number in ENDING_SIGNALS:
        signal.signal(number, signal.SIG_IGN)
    try:
        if result is not None:
            store_result(result, *targets)
    except ResultNotStoredError as lost:
        return str(lost)
    except TtbenchError as error:
        return one_line(error)
    return None


def request_of_order(order: Mapping[str, Any]) -> RunRequest:
    """Give what an order asks to measure."""
    other = order["interpreter"]
    return RunRequest(
        RunOptions(**order["options"]),
        interpreter=None if other is None else Interpreter.of_record(other),
        sweep=order["sweep"],
    )


def _measured(request: RunRequest, timeout_s: float | None) -> Result:
    """Give the record of a run, also of one that failed, was refused or took too long.

    Raises `RunInterrupted` for one that was interrupted from outside.
    """
    limit = TimeLimit(timeout_s)
    try:
        with limit:
            return run_request(request, (), progress=False, own_process=True)
    except RequestError as refusal:
        return refused_record(request, refusal)
    except BenchmarkError as failed:
        return failed.result
    except KeyboardInterrupt as ended:
        if limit.is_over:
            return timed_out_record(request, getattr(ended, "result", None), timeout_s)
        raise


def _facts(result: Result | None) -> dict[str, Any]:
    """Give what the driver shows of a record."""
    if result is None:
        return {"status": "failed"}
    return {
        "status": result.status,
        "run_id": result.run_id,
        "reason": result.error,
        "rate_per_s": result.samples_per_sec,
        "unit": result.model.get("unit"),
        "half_width": (result.confidence or {}).get("half_width"),
        "verdict": (result.verdict or {}).get("verdict"),
        "outputs_are_right": result.outputs_are_right,
    }
