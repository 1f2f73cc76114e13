"""What is computed from passes: throughput and latency, nothing rounded."""

from __future__ import annotations

import statistics
from collections.abc import Sequence
from dataclasses import dataclass

from ttbench_core.measure.passes import Pass

__all__ = ["Latency", "Throughput", "latency_of", "throughput_of"]

_NS_PER_S = 1e9


@dataclass(frozen=True)
class Throughput:
    """The headline: the median pass."""

    #: End-to-end seconds of the median pass.
    total_time_s: float
    #: Samples of one pass: inputs x microbatch.
    samples: int
    samples_per_s: float


@dataclass(frozen=True)
class Latency:
    """Latency of the inputs of all passes together, in ns.

    Percentiles beyond the median want more inputs than a short run has, and
    are left to a rule that knows how many.
    """

    inputs: int
    min_ns: int
    median_ns: int
    mean_ns: int
    max_ns: int


def throughput_of(passes: Sequence[Pass], microbatch: int) -> Throughput:
    """Compute the throughput of the median pass; of two middle ones, their mean."""
    samples = len(passes[0].pop_ns) * microbatch
    median_s = statistics.median(one.e2e_ns for one in passes) / _NS_PER_S
    return Throughput(median_s, samples, samples / median_s)


def latency_of(passes: Sequence[Pass]) -> Latency:
    """Summarise the latency of every input of the passes."""
    latencies = [latency for one in passes for latency in one.latency_ns]
    return Latency(
        inputs=len(latencies),
        min_ns=min(latencies),
        median_ns=round(statistics.median(latencies)),
        mean_ns=round(statistics.fmean(latencies)),
        max_ns=max(latencies),
    )
