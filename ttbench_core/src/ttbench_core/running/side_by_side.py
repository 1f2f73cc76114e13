"""`run_ab()`: two variants of one run, measured side by side; `ttbench --vs` from Python."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any, Final

from ttbench_core.backends.engine_options import saves_image
from ttbench_core.backends.loading import compiles_only
from ttbench_core.errors import OptionError
from ttbench_core.record.result import Result
from ttbench_core.record.run_errors import BenchmarkError, RunInterrupted
from ttbench_core.request.keywords import shows_run_keywords
from ttbench_core.results.comparison.paired import SideBySide, compare_pairs
from ttbench_core.running.placing import placed
from ttbench_core.running.processes.alternating import measure_alternately
from ttbench_core.running.processes.pairs import measure_pairs
from ttbench_core.running.processes.supervision import Supervision
from ttbench_core.running.processes.turns import measure_in_turns
from ttbench_core.running.progress import Observer, show_progress
from ttbench_core.running.request import RunRequest, request_of
from ttbench_core.running.runner import supervision_of
from ttbench_core.sinks.storing import interrupted_with, store_results
from ttbench_core.sinks.targets import Target, check_targets

__all__ = ["COMMON_OPTIONS", "DEFAULT_PAIRS", "run_ab", "run_requests_side_by_side"]

#: Pairs of processes when none were asked for: with fewer, t makes the interval wide.
DEFAULT_PAIRS: Final = 5
#: Options of a variant that are added by name to those of both.
_BY_NAME: Final = ("engine_options", "model_options")
#: Options that belong to the measurement as a whole: the same for both variants.
COMMON_OPTIONS: Final = ("processes", "passes", "max_time", "warmup", "seed")


@shows_run_keywords
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
            `{"dataformat": "Fp16_b"}`; `model` may be one. Its `engine_options` and
            `model_options` are added to those of both, by name.
        processes: pairs of fresh processes.
        output: file or URL that both results are appended to, or several of them.
        progress: as for `run`.
        options: further keywords of `run`, for both.

    Returns:
        Both results (`a`, `b`), the `ratio` of B's throughput by A's, its `interval` and the
        `verdict`.

    Raises what `run` raises; `OptionError` for keywords that no run has, and for those
    that both variants share. Where a result could not be stored, A is in the error's `result`
    and B in its `others`.
    """
    _refuse_common(variant)
    shared: dict[str, Any] = {**options, "processes": processes}
    changed = {**shared, **variant}
    for name in _BY_NAME:
        if isinstance(variant.get(name), Mapping) and isinstance(shared.get(name), Mapping):
            changed[name] = {**shared[name], **variant[name]}
    targets = check_targets(output)
    requests = (
        request_of(model, shared, caller="run_ab"),
        request_of(changed.pop("model", model), changed, caller="run_ab"),
    )
    return run_requests_side_by_side(requests, targets, progress=progress)


def run_requests_side_by_side(
    requests: tuple[RunRequest, RunRequest],
    targets: Sequence[Target],
    *,
    progress: bool | None = None,
) -> SideBySide:
    """Measure two requests side by side and store both results; raises what `run_ab` raises.

    Args:
        requests: A and B, alike in `COMMON_OPTIONS`.
        targets: checked targets that both results are appended to.
        progress: as for `run`.
    """
    for one in requests:
        if (flag := saves_image(one.options.engine_options)) is not None:
            raise OptionError(f"a run side by side measures, and {flag} does not: leave it out")
        if compiles_only(one.options.backend):
            raise OptionError(
                f"a run side by side measures, and backend {one.options.backend!r} compiles only"
            )
    unstored: Sequence[Result | None] = ()
    try:
        with show_progress(f"{requests[0].options.model} side by side", progress) as observer:
            try:
                a, b = unstored = _paired(*_measure(requests, observer))
            except (BenchmarkError, RunInterrupted) as ended:
                unstored = (ended.result, *ended.others)
                ended.storage_error = store_results(unstored, targets)
                unstored = ()
                raise
        lost = store_results([a, b], targets)
    except KeyboardInterrupt as ended:
        results = [one for one in unstored if one is not None]
        if not results or isinstance(ended, RunInterrupted):
            raise
        raise interrupted_with(results, targets) from None
    if lost is not None:
        lost.result, lost.others = a, (b,)
        raise lost
    return compare_pairs(a, b)


def _paired(a: Result, b: Result) -> tuple[Result, Result]:
    return replace(a, paired_with=b.run_id), replace(b, paired_with=a.run_id)


def _measure(requests: tuple[RunRequest, RunRequest], observer: Observer) -> tuple[Result, Result]:
    """Let passes take turns, or whole processes where a device serves one or engines differ.

    A backend of another interpreter is another engine. Threads of one may spin for a while after
    its pass, in the pass of the other.
    """
    with placed(requests[0], observer) as a, placed(requests[1], observer) as b:
        first, second = (supervision_of(one, observer) for one in (a, b))
        engines = {(one.options.backend, one.interpreter) for one in (a, b)}
        if first is None and second is None and len(engines) == 1:
            return measure_pairs((a, b), measure_in_turns, observer)
        supervisions = (first or Supervision(observer), second or Supervision(observer))
        return measure_pairs((a, b), measure_alternately(supervisions), observer)


def _refuse_common(variant: Mapping[str, Any]) -> None:
    if not isinstance(variant, Mapping) or not variant:
        raise OptionError(
            'run_ab takes what differs as a dictionary: {"dataformat": "Fp16_b"},'
            f" not {variant!r}"
        )
    for name in (*COMMON_OPTIONS, "output", "progress"):
        if name in variant:
            raise OptionError(f"{name} is of both variants: give it to run_ab itself")
