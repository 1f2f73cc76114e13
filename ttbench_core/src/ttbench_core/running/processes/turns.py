"""Two measurements that take turns, pass by pass, each in a process of its own.

Whatever the machine does lasts longer than a pass: in A B B A order both
sides get the same of it, and a steady drift cancels out. Each side has its own
process, so that settings, memory and engines of one do not touch the other.
"""

from __future__ import annotations

import contextlib
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from ttbench_core.errors import RequestError, SessionError, one_line
from ttbench_core.measure.stopping import stopping_rule_of_turns
from ttbench_core.models.source import Source
from ttbench_core.record.result import Result
from ttbench_core.record.run_errors import RunInterrupted
from ttbench_core.request.options import RunOptions
from ttbench_core.running.processes.child import Child
from ttbench_core.running.processes.combining import combined
from ttbench_core.running.processes.repeated import failed_run, interrupted_run, next_options
from ttbench_core.running.progress import Observer

__all__ = ["Variant", "interrupted_pair", "measure_in_turns"]


@dataclass(frozen=True)
class Variant:
    """One side: what it is asked to measure, and of what."""

    options: RunOptions
    source: Source


def measure_in_turns(
    sides: tuple[Variant, Variant], pairs: int, observer: Observer
) -> tuple[Result, Result]:
    """Measure two variants in so many pairs of fresh processes, as two records.

    Raises `RequestError`, `BenchmarkError` and `RunInterrupted` as `run` does, with
    the record of one variant as `result` and what there is of the other in `others`.
    """
    found: tuple[list[Result], list[Result]] = ([], [])
    try:
        for pair in range(pairs):
            observer.phase(f"pair {pair + 1} of {pairs}")
            observer.passes(pair, pairs)
            with contextlib.ExitStack() as processes:
                _measure_pair(sides, found, processes)
        return _whole(sides[0], found[0]), _whole(sides[1], found[1])
    except _SideFailedError as failed:
        error = failed_run(sides[failed.side].options, found[failed.side], failed.message)
        error.others = tuple(_wholes(sides, found, but=failed.side))
        raise error from error.__cause__
    except KeyboardInterrupt:
        raise interrupted_pair(sides, found) from None


def interrupted_pair(
    sides: tuple[Variant, Variant], found: tuple[Sequence[Result], Sequence[Result]]
) -> RunInterrupted:
    """Make the interruption of two variants, with the records of what was measured of each."""
    wholes = [
        whole
        for variant, results in zip(sides, found, strict=True)
        if (whole := interrupted_run(variant.options, results)) is not None
    ]
    interruption = RunInterrupted(wholes[0] if wholes else None)
    interruption.others = tuple(wholes[1:])
    return interruption


class _SideFailedError(Exception):
    """One of the two failed; `message` is its last word, or why it had none."""

    def __init__(self, side: int, message: Mapping[str, Any] | str) -> None:
        super().__init__(side)
        self.side = side
        self.message = message


def _measure_pair(
    sides: tuple[Variant, Variant],
    found: tuple[list[Result], list[Result]],
    processes: contextlib.ExitStack,
) -> None:
    children: list[Child] = []
    try:
        for side, variant in enumerate(sides):
            options = next_options(variant.options, found[side])
            children.append(processes.enter_context(Child(options, variant.source, turns=True)))
            # one builds and warms up after the other, undisturbed
            _turn_over(children, side, found)
        _take_turns(children, sides[0].options, found)
        # both end their passes before either is examined: what they saw is of the same time
        for child in children:
            child.say("stop")
        for side, child in enumerate(children):
            child.say("examine")
            record = Result.from_record(_hear(children, side, found)["record"])
            found[side].append(record)
    except KeyboardInterrupt:
        for side, child in enumerate(children):
            message = child.interrupt() if not child.has_ended else None
            if message and message.get("record"):
                found[side].append(Result.from_record(message["record"]))
        raise


def _take_turns(
    children: Sequence[Child], options: RunOptions, found: tuple[list[Result], list[Result]]
) -> None:
    times_ns: tuple[list[int], list[int]] = ([], [])
    rule = stopping_rule_of_turns(options.passes, options.max_time)
    while rule.decide(times_ns) is None:
        order = (0, 1) if len(times_ns[0]) % 2 == 0 else (1, 0)
        for side in order:
            children[side].say("pass")
            times_ns[side].append(_turn_over(children, side, found))


def _turn_over(
    children: Sequence[Child], side: int, found: tuple[list[Result], list[Result]]
) -> int:
    """Wait until a side has had its turn; gives ns of the pass, 0 when ready for the first."""
    return int(_hear(children, side, found)["passed_ns"] or 0)


def _hear(
    children: Sequence[Child], side: int, found: tuple[list[Result], list[Result]]
) -> Mapping[str, Any]:
    try:
        message = children[side].hear()
    except RequestError as refusal:
        if not found[side]:
            raise
        raise _SideFailedError(side, one_line(refusal)) from refusal
    except SessionError as crash:
        raise _SideFailedError(side, str(crash)) from crash
    if message.get("interrupted"):
        if message["record"]:
            found[side].append(Result.from_record(message["record"]))
        raise KeyboardInterrupt
    if message.get("failure") is not None:
        raise _SideFailedError(side, message)
    return message


def _wholes(
    sides: tuple[Variant, Variant], found: tuple[list[Result], list[Result]], *, but: int
) -> list[Result]:
    """Give what was measured of the other side."""
    other = 1 - but
    return [_whole(sides[other], found[other])] if found[other] else []


def _whole(variant: Variant, results: Sequence[Result]) -> Result:
    return results[0] if len(results) == 1 else combined(variant.options, results)
