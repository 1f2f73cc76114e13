"""Results as bars and histograms in the terminal."""

from __future__ import annotations

import math
from collections.abc import Iterator, Sequence
from typing import Final

from ttbench_core.cli.terminal import print_bars, print_line
from ttbench_core.record.formatting import format_duration, format_number
from ttbench_core.record.result import Result
from ttbench_core.results.comparison.key import key_of, unique_labels
from ttbench_core.results.report.extracting import latencies_ns

__all__ = ["plot"]

#: More bars are not readable.
_MAX_BARS: Final = 40
_MAX_HISTOGRAMS: Final = 8
_BINS: Final = 12


def plot(results: Sequence[Result]) -> None:
    """Draw throughput bars of all, and a latency histogram of each of the first ones."""
    labels = _labels(results)
    shown = list(zip(labels, results, strict=True))
    measured = [(label, one) for label, one in shown if one.samples_per_sec is not None]
    if not measured:
        print_line("no results with a throughput")
        return
    _plot_throughput(measured[:_MAX_BARS])
    with_latency = [(label, list(latencies_ns(one.passes))) for label, one in measured]
    drawn = [(label, times) for label, times in with_latency if len(times) > 1]
    for label, times_ns in drawn[:_MAX_HISTOGRAMS]:
        print_line()
        print_bars(f"latency of {label}, {len(times_ns)} inputs", list(_histogram(times_ns)))
    _print_left_out(len(measured), len(drawn))


def _labels(results: Sequence[Result]) -> list[str]:
    keys = [key_of(one) for one in results]
    labels = unique_labels({key: key.title for key in keys})
    return [labels[key] for key in keys]


def _plot_throughput(measured: Sequence[tuple[str, Result]]) -> None:
    bars = []
    for label, one in measured:
        rate = float(one.samples_per_sec or 0)
        unit = str(one.model.get("unit") or "sample")
        bars.append((label, rate, f"{format_number(rate)} {unit}s/s"))
    print_bars("throughput", bars)


def _histogram(times_ns: Sequence[float]) -> Iterator[tuple[str, float, str]]:
    """Count the times in bins of equal width."""
    lowest, highest = min(times_ns), max(times_ns)
    bins = min(_BINS, max(2, math.isqrt(len(times_ns))))
    width = (highest - lowest) / bins or 1
    counts = [0] * bins
    for one in times_ns:
        counts[min(int((one - lowest) / width), bins - 1)] += 1
    for number, count in enumerate(counts):
        low, high = lowest + number * width, lowest + (number + 1) * width
        yield f"{format_duration(low)} to {format_duration(high)}", float(count), str(count)


def _print_left_out(bars: int, histograms: int) -> None:
    if bars > _MAX_BARS:
        print_line()
        print_line(f"and {bars - _MAX_BARS} more results: --filter or --limit chooses")
    if histograms > _MAX_HISTOGRAMS:
        print_line()
        print_line(
            f"and {histograms - _MAX_HISTOGRAMS} more latencies: --filter or --limit chooses"
        )
