"""Two variants whose passes take turns, each variant in a process of its own.

Whatever the machine does lasts longer than a pass: in A B B A order both variants get the
same of it, and a steady drift cancels out. Each variant has its own process, so that settings,
memory and engines of one do not touch the other.
"""

from __future__ import annotations

import contextlib
from collections.abc import Sequence

from ttbench_core.measure.stopping import stopping_rule_of_turns
from ttbench_core.request.options import RunOptions
from ttbench_core.running.processes.child import Child
from ttbench_core.running.processes.pairs import Pair
from ttbench_core.running.processes.series import Series

__all__ = ["measure_in_turns"]


def measure_in_turns(pair: Pair, _number: int) -> None:
    """Measure one pair of processes whose passes take turns; see `measure_pairs`."""
    children: list[Child] = []
    with contextlib.ExitStack() as processes:
        try:
            for series in pair:
                child = processes.enter_context(series.start_child(turns=True))
                children.append(child)
                # one builds and warms up after the other, undisturbed
                _wait_for_turn(child, series)
            _take_turns(children, pair, pair[0].request.options)
            # both end their passes before either is analyzed: their counters cover the same time
            for child in children:
                child.send("stop")
            for child, series in zip(children, pair, strict=True):
                child.send("analyze")
                series.add(series.receive(child))
        except KeyboardInterrupt:
            for child, series in zip(children, pair, strict=False):
                series.interrupt(child)
            raise


def _take_turns(children: Sequence[Child], pair: Pair, options: RunOptions) -> None:
    times_ns: tuple[list[int], list[int]] = ([], [])
    rule = stopping_rule_of_turns(options.passes, options.max_time)
    while rule.decide(times_ns) is None:
        order = (0, 1) if len(times_ns[0]) % 2 == 0 else (1, 0)
        for side in order:
            children[side].send("pass")
            times_ns[side].append(_wait_for_turn(children[side], pair[side]))


def _wait_for_turn(child: Child, series: Series) -> int:
    """Wait until a child is ready for its next pass; gives ns of its last one, 0 before any."""
    return int(series.receive(child)["passed_ns"] or 0)
