"""Two variants of one run, measured in turns: `ttbench --vs` from Python."""

from __future__ import annotations

import dataclasses
import html
import math
import statistics
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any, Final

from ttbench_core.errors import (
    BenchmarkError,
    OptionError,
    RunInterrupted,
    suggestion,
)
from ttbench_core.measure.intervals import Interval, geometric_mean_interval
from ttbench_core.record.deriving import passes_by_process
from ttbench_core.record.result import Result
from ttbench_core.request.options import RunOptions
from ttbench_core.results.comparison import DEFAULT_BAND
from ttbench_core.results.comparison.effect import verdict_of
from ttbench_core.running.processes import Watch
from ttbench_core.running.processes.alternating import measure_alternately
from ttbench_core.running.processes.turns import Variant, measure_in_turns
from ttbench_core.running.progress import Observer, watching
from ttbench_core.running.runner import exclusive_watch, find_source, name_of
from ttbench_core.sinks.keeping import keep_all
from ttbench_core.sinks.targets import check_targets

__all__ = ["DEFAULT_PAIRS", "SideBySide", "run_ab"]

#: Pairs of processes when none were asked for: with fewer, t makes the interval wide.
DEFAULT_PAIRS: Final = 5
#: What belongs to the measurement as a whole.
_COMMON: Final = ("processes", "passes", "max_time", "warmup", "seed", "output", "progress")
_NS_PER_S: Final = 1e9


@dataclass(frozen=True)
class SideBySide:
    """Two variants that took turns, and the throughput of the second by that of the first."""

    a: Result
    b: Result
    #: Throughput of B by A's: the geometric mean over the replicates. Above 1 B is faster.
    ratio: float
    #: 95 % interval of the ratio; None for two pairs, and for fewer than three turns.
    interval: Interval | None
    #: `faster` or `slower` (B than A), `same`, `inconclusive`.
    verdict: str
    #: What the interval is over, in words.
    scope: str

    def to_record(self) -> dict[str, Any]:
        """Give both records and the ratio as plain JSON values."""
        interval = self.interval
        return {
            "a": self.a.to_record(),
            "b": self.b.to_record(),
            "ratio": self.ratio,
            "low": interval.low if interval else None,
            "high": interval.high if interval else None,
            "verdict": self.verdict,
            "scope": self.scope,
        }

    def summary(self) -> list[tuple[str, str]]:
        """Give the ratio as (label, text) pairs for people."""
        width = f" ({self.interval.low:.4g} to {self.interval.high:.4g})" if self.interval else ""
        return [
            ("ratio", f"{self.ratio:.4g}{width}, throughput of B by A's; {self.scope}"),
            ("B is", self.verdict),
        ]

    def __repr__(self) -> str:
        return f"<SideBySide {self.a.label}: B is {self.verdict}, {self.summary()[0][1]}>"

    def _repr_html_(self) -> str:
        rows = "".join(
            f"<tr><th>{html.escape(label)}</th><td>{html.escape(text)}</td></tr>"
            for label, text in self.summary()
        )
        return f"<table>{rows}</table>"


def run_ab(
    model: str | Callable[..., Any],
    variant: Mapping[str, Any],
    *,
    processes: int = DEFAULT_PAIRS,
    output: str | Path | Sequence[str | Path] | None = None,
    progress: bool | None = None,
    **options: Any,
) -> SideBySide:
    """Measure two variants of one run side by side, in A B B A order.

    Args:
        model: as for `run`.
        variant: the keywords of `run` in which B differs, such as
            `{"dataformat": "Fp16_b"}`; `model` may be one.
        processes: pairs of fresh processes.
        output: file or URL that both results are appended to, or several of them.
        progress: as for `run`.
        options: further keywords of `run`, for both.

    Raises what `run` raises; `OptionError` for keywords that no run has, and for those
    that both variants share. Where a result could not be kept, both and their ratio are
    in the error's `side_by_side`.
    """
    _refuse_common(variant)
    shared = {**options, "processes": processes}
    sides = (
        _variant(model, shared),
        _variant(variant.get("model", model), {**shared, **variant}),
    )
    targets = check_targets(output)
    with watching(f"{sides[0].options.model} side by side", progress) as observer:
        try:
            pair, in_turns = _measured(sides, observer)
        except (BenchmarkError, RunInterrupted) as ended:
            ended.storage_error = keep_all([ended.result, *ended.others], targets)
            raise
    a = replace(pair[0], paired_with=pair[1].run_id)
    b = replace(pair[1], paired_with=pair[0].run_id)
    found = side_by_side(a, b, in_turns=in_turns)
    if (lost := keep_all([a, b], targets)) is not None:
        lost.side_by_side = found
        raise lost
    return found


def _measured(
    sides: tuple[Variant, Variant], observer: Observer
) -> tuple[tuple[Result, Result], bool]:
    """Let passes take turns, or whole processes where a device serves one; say which it was."""
    pairs = sides[0].options.processes
    first, second = (exclusive_watch(side.options, observer) for side in sides)
    if first is None and second is None:
        return measure_in_turns(sides, pairs, observer), True
    watches = (first or Watch(observer), second or Watch(observer))
    return measure_alternately(sides, pairs, watches), False


def side_by_side(a: Result, b: Result, *, in_turns: bool = True) -> SideBySide:
    """Compare two results of alternating processes.

    Args:
        a: the first variant.
        b: the second.
        in_turns: whether the passes of each pair of processes took turns, and are compared one
            by one; else the median passes are.
    """
    rates = list(zip(_rates(a), _rates(b), strict=True))
    if in_turns:
        ratios = [_block_ratios(*pair) for pair in rates]
    else:
        ratios = [[statistics.median(of_b) / statistics.median(of_a)] for of_a, of_b in rates]
    replicates = ratios[0] if len(ratios) == 1 else [statistics.median(one) for one in ratios]
    interval = geometric_mean_interval(replicates)
    scope = _scope(ratios)
    return SideBySide(
        a=a,
        b=b,
        ratio=interval.estimate if interval else statistics.median(replicates),
        interval=interval,
        verdict=verdict_of(interval, DEFAULT_BAND),
        scope=f"95 % interval {scope}" if interval else f"{scope}, too few for an interval",
    )


def _scope(ratios: Sequence[Sequence[float]]) -> str:
    if len(ratios) > 1:
        return f"over {len(ratios)} pairs of processes"
    if len(ratios[0]) == 1:
        return "of one pair of processes; another pair may differ"
    return (
        f"over {len(ratios[0])} rounds (A B B A) of one pair of processes; another pair may"
        " differ by more"
    )


def _refuse_common(variant: Mapping[str, Any]) -> None:
    if not isinstance(variant, Mapping) or not variant:
        raise OptionError(
            'run_ab takes what differs as a dictionary: {"dataformat": "Fp16_b"},'
            f" not {variant!r}"
        )
    for name in _COMMON:
        if name in variant:
            raise OptionError(f"{name} is of both variants: give it to run_ab itself")


def _variant(model: str | Callable[..., Any], keywords: Mapping[str, Any]) -> Variant:
    named = {name: value for name, value in keywords.items() if name != "model"}
    name = model if isinstance(model, str) else name_of(model)
    known = {field.name for field in dataclasses.fields(RunOptions)}
    for keyword in named:
        if keyword not in known:
            raise OptionError(f"no run has a keyword {keyword!r}{suggestion(keyword, known)}")
    if named.get("save_tti"):
        raise OptionError("a run side by side measures, and --save_tti does not: leave it out")
    options = RunOptions(model=name, **named)
    return Variant(options, find_source(model))


def _rates(result: Result) -> list[list[float]]:
    """Give samples per second of every pass, process by process."""
    samples = result.samples_per_input
    return [
        [len(one.pop_ns) * samples * _NS_PER_S / one.e2e_ns for one in passes]
        for passes in passes_by_process(result)
    ]


def _block_ratios(of_a: Sequence[float], of_b: Sequence[float]) -> list[float]:
    """Give B by A for each round of two turns, A B and B A.

    Who follows the other in a turn may be at a disadvantage; over a round both are. A turn
    without its counterpart counts only where there is no other.
    """
    turns = [b / a for a, b in zip(of_a, of_b, strict=True)]
    rounds = [math.sqrt(ab * ba) for ab, ba in zip(turns[::2], turns[1::2], strict=False)]
    return rounds or turns
