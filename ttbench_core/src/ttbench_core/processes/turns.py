"""Two measurements that take turns, pass by pass, each in a process of its own.

Whatever the machine does lasts longer than a pass: in A B B A order both
sides get the same of it, and a steady drift cancels out. Each side has its own
process, so that settings, memory and engines of one do not touch the other.
"""

from __future__ import annotations

import contextlib
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Final

from ttbench_core.errors import BenchmarkError, RunInterrupted, SessionError
from ttbench_core.job import Source
from ttbench_core.measure.intervals import paired_ratio_interval
from ttbench_core.options import RunOptions
from ttbench_core.processes.child import Child
from ttbench_core.processes.combining import combined
from ttbench_core.processes.repeated import nothing_measured, options_of_process
from ttbench_core.progress import Observer
from ttbench_core.result import Result

__all__ = ["Variant", "measure_in_turns"]

#: Turns of each side in one pair of processes: the processes scatter more than the turns of one
#: pair, so that more turns would not make the ratio surer.
_LEAST_TURNS: Final = 6
_MOST_TURNS: Final = 30
_LEAST_NS: Final = 500_000_000
_TARGET: Final = 0.02
_MAX_TIME_S: Final = 20.0
_NS_PER_S: Final = 1e9


@dataclass(frozen=True)
class Variant:
    """One side: what it is asked to measure, and of what."""

    options: RunOptions
    source: Source


def measure_in_turns(
    sides: tuple[Variant, Variant], pairs: int, observer: Observer
) -> tuple[Result, Result]:
    """Measure two variants in so many pairs of fresh processes, as two records.

    Raises `RequestError`, `BenchmarkError` and `RunInterrupted` as `run` does; a
    failure's record is that of the variant that failed.
    """
    found: tuple[list[Result], list[Result]] = ([], [])
    for pair in range(pairs):
        observer.phase(f"pair {pair + 1} of {pairs}")
        observer.passes(pair, pairs)
        with contextlib.ExitStack() as processes:
            _measure_pair(sides, found, processes)
    return _whole(sides[0], found[0]), _whole(sides[1], found[1])


def _measure_pair(
    sides: tuple[Variant, Variant],
    found: tuple[list[Result], list[Result]],
    processes: contextlib.ExitStack,
) -> None:
    children: list[Child] = []
    try:
        for side, (variant, earlier) in enumerate(zip(sides, found, strict=True)):
            options = options_of_process(variant.options, earlier)
            children.append(processes.enter_context(Child(options, variant.source, turns=True)))
            # one builds and warms up after the other, undisturbed
            _turn_over(children[side], variant, earlier)
        _take_turns(children, sides, found)
        for side, child in enumerate(children):
            child.say("stop")
            found[side].append(Result.from_record(_hear(child, sides[side], found[side])["record"]))
    except KeyboardInterrupt:
        for side, child in enumerate(children):
            message = child.interrupt()
            if message and message.get("record"):
                found[side].append(Result.from_record(message["record"]))
        raise _interruption(sides, found) from None


def _take_turns(
    children: Sequence[Child],
    sides: tuple[Variant, Variant],
    found: tuple[list[Result], list[Result]],
) -> None:
    times_ns: tuple[list[int], list[int]] = ([], [])
    while not _enough(times_ns, sides[0].options):
        order = (0, 1) if len(times_ns[0]) % 2 == 0 else (1, 0)
        for side in order:
            children[side].say("pass")
            times_ns[side].append(_turn_over(children[side], sides[side], found[side]))


def _enough(times_ns: tuple[Sequence[int], Sequence[int]], options: RunOptions) -> bool:
    turns = len(times_ns[0])
    if options.passes is not None:
        return turns >= options.passes
    shortest_ns = min(map(sum, times_ns))
    limit_s = _MAX_TIME_S if options.max_time is None else options.max_time
    if turns >= _MOST_TURNS or (turns and max(map(sum, times_ns)) >= limit_s * _NS_PER_S):
        return True
    ratio = paired_ratio_interval(*times_ns)
    sure = ratio is not None and ratio.half_width <= _TARGET
    return turns >= _LEAST_TURNS and shortest_ns >= _LEAST_NS and sure


def _turn_over(child: Child, variant: Variant, earlier: Sequence[Result]) -> int:
    """Wait until a side has had its turn; gives ns of the pass, 0 when ready for the first."""
    return int(_hear(child, variant, earlier)["passed_ns"] or 0)


def _hear(child: Child, variant: Variant, earlier: Sequence[Result]) -> Mapping[str, Any]:
    try:
        message = child.hear()
    except SessionError as crash:
        lost = nothing_measured(variant.options, str(crash))
        whole = combined(variant.options, [*earlier, lost])
        raise BenchmarkError("process", str(crash), whole) from crash
    if (failure := message.get("failure")) is not None:
        whole = combined(variant.options, [*earlier, Result.from_record(message["record"])])
        raise BenchmarkError(failure["phase"], failure["reason"], whole)
    return message


def _whole(variant: Variant, results: Sequence[Result]) -> Result:
    return results[0] if len(results) == 1 else combined(variant.options, results)


def _interruption(
    sides: tuple[Variant, Variant], found: tuple[list[Result], list[Result]]
) -> RunInterrupted:
    wholes = [
        combined(variant.options, results, "interrupted")
        for variant, results in zip(sides, found, strict=True)
        if any(result.passes for result in results)
    ]
    interruption = RunInterrupted(wholes[0] if wholes else None)
    interruption.others = tuple(wholes[1:])
    return interruption
