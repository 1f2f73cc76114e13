"""Two measurements in whole processes one after the other, where one device serves one process.

Pairs go A B, B A: what the machine does over minutes reaches both sides alike.
Passes cannot take turns here, so a pair of processes gives one ratio.
"""

from __future__ import annotations

from ttbench_core.record.result import Result
from ttbench_core.record.run_errors import BenchmarkError
from ttbench_core.running.processes.child import Watch
from ttbench_core.running.processes.repeated import measure_next, whole_of
from ttbench_core.running.processes.turns import Variant, interrupted_pair

__all__ = ["measure_alternately"]


def measure_alternately(
    sides: tuple[Variant, Variant], pairs: int, watches: tuple[Watch, Watch]
) -> tuple[Result, Result]:
    """Measure two variants in so many pairs of processes, as two records.

    Raises what `measure_in_turns` raises.
    """
    found: tuple[list[Result], list[Result]] = ([], [])
    try:
        for pair in range(pairs):
            for side in (0, 1) if pair % 2 == 0 else (1, 0):
                watch = watches[side]
                watch.observer.phase(f"pair {pair + 1} of {pairs}, {'AB'[side]}")
                _measure(sides, found, side, watch)
            watches[0].observer.passes(pair + 1, pairs)
        return _whole(sides[0], found[0]), _whole(sides[1], found[1])
    except KeyboardInterrupt:
        raise interrupted_pair(sides, found) from None


def _measure(
    sides: tuple[Variant, Variant],
    found: tuple[list[Result], list[Result]],
    side: int,
    watch: Watch,
) -> None:
    variant = sides[side]
    try:
        found[side].append(measure_next(variant.options, variant.source, found[side], watch))
    except BenchmarkError as error:
        other = found[1 - side]
        error.others = (_whole(sides[1 - side], other),) if other else ()
        raise


def _whole(variant: Variant, results: list[Result]) -> Result:
    return whole_of(variant.options, results)
