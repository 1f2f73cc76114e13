"""Two variants of one run, measured in turns: `ttbench --vs` from Python."""

from __future__ import annotations

import dataclasses
from collections.abc import Callable, Mapping, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any, Final

from ttbench_core.errors import OptionError, suggestion
from ttbench_core.models.source import find_source, name_of
from ttbench_core.record.result import Result
from ttbench_core.record.run_errors import BenchmarkError, RunInterrupted
from ttbench_core.request.options import RunOptions
from ttbench_core.results.comparison.paired import SideBySide, compare_pairs
from ttbench_core.running.processes import Watch
from ttbench_core.running.processes.alternating import measure_alternately
from ttbench_core.running.processes.turns import Variant, measure_in_turns
from ttbench_core.running.progress import Observer, watching
from ttbench_core.running.runner import exclusive_watch
from ttbench_core.sinks.storing import store_results
from ttbench_core.sinks.targets import check_targets

__all__ = ["DEFAULT_PAIRS", "run_ab"]

#: Pairs of processes when none were asked for: with fewer, t makes the interval wide.
DEFAULT_PAIRS: Final = 5
#: What belongs to the measurement as a whole.
_COMMON: Final = ("processes", "passes", "max_time", "warmup", "seed", "output", "progress")


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
    that both variants share. Where a result could not be stored, A is in the error's `result`
    and B in its `others`.
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
            pair = _measured(sides, observer)
        except (BenchmarkError, RunInterrupted) as ended:
            ended.storage_error = store_results([ended.result, *ended.others], targets)
            raise
    a = replace(pair[0], paired_with=pair[1].run_id)
    b = replace(pair[1], paired_with=pair[0].run_id)
    if (lost := store_results([a, b], targets)) is not None:
        lost.result, lost.others = a, (b,)
        raise lost
    return compare_pairs(a, b)


def _measured(sides: tuple[Variant, Variant], observer: Observer) -> tuple[Result, Result]:
    """Let passes take turns, or whole processes where a device serves one."""
    pairs = sides[0].options.processes
    first, second = (exclusive_watch(side.options, observer) for side in sides)
    if first is None and second is None:
        return measure_in_turns(sides, pairs, observer)
    watches = (first or Watch(observer), second or Watch(observer))
    return measure_alternately(sides, pairs, watches)


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
    known = {field.name for field in dataclasses.fields(RunOptions)}
    for keyword in named:
        if keyword not in known:
            raise OptionError(f"no run has a keyword {keyword!r}{suggestion(keyword, known)}")
    if named.get("save_tti"):
        raise OptionError("a run side by side measures, and --save_tti does not: leave it out")
    options = RunOptions(model=name_of(model), **named)
    return Variant(options, find_source(model))
