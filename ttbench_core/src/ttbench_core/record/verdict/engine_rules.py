"""Rules about what the engine did during the passes."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Final

from ttbench_core.measure.statistics import mean_in_flight, rate_times_latency
from ttbench_core.record.verdict.evidence import Evidence, Finding, Rule

__all__ = ["RULES"]

_BOOKKEEPING_TOLERANCE: Final = 0.01


def compiling(evidence: Evidence) -> Iterator[Finding]:
    """A pass in which the engine compiles takes longer than any other of the same inputs."""
    if evidence.compilations:
        yield Finding(
            "compiling",
            "unstable",
            f"the engine compiled {evidence.compilations} times within the passes",
            "warm up longer (--warmup); if it stays, the model makes another graph for each input",
        )


def bookkeeping(evidence: Evidence) -> Iterator[Finding]:
    """Little's law holds for any queue: where it does not, times were attributed wrongly."""
    for passes in evidence.processes:
        for one in passes:
            counted, computed = mean_in_flight(one), rate_times_latency(one)
            in_order = list(one.pop_ns) == sorted(one.pop_ns)
            if in_order and abs(counted - computed) <= _BOOKKEEPING_TOLERANCE * computed:
                continue
            yield Finding(
                "bookkeeping",
                "unstable",
                f"{counted:.3g} inputs in flight were counted where rate x latency is"
                f" {computed:.3g}",
                "report this: the engine mixes up its inputs, or the clock went back",
            )
            return


RULES: Final[tuple[Rule, ...]] = (compiling, bookkeeping)
