"""Storing a result in every target, and in a rescue file where one fails."""

from __future__ import annotations

from collections.abc import Iterable, Sequence

from ttbench_core.record.result import Result
from ttbench_core.record.run_errors import ResultNotStoredError, RunInterrupted
from ttbench_core.sinks.rescuing import rescue
from ttbench_core.sinks.target_checks import error_reason
from ttbench_core.sinks.targets import Target

__all__ = ["interrupted_with", "store_result", "store_results"]


def store_result(result: Result, *targets: Target) -> None:
    """Append a result to every target, even if another target fails.

    If one fails, its file is left unchanged, and the result goes to the rescue
    file `post_error_<name>` beside it, or else in the working folder or the
    folder for temporary files. `ResultNotStoredError` names the rescue file.
    If Ctrl-C ends it, the same happens, and `RunInterrupted` is raised.
    """
    lost, interrupt = [], None
    for target in targets:
        try:
            if (error := _store_in(target, result)) is not None:
                lost.append(error)
        except RunInterrupted as ended:  # store it in the other targets first
            interrupt = ended
        except KeyboardInterrupt:  # while it was rescued
            interrupt = RunInterrupted(result, rescued=rescue(result, target))
    _raise_combined(lost, interrupt)


def store_results(
    results: Iterable[Result | None], targets: Iterable[Target]
) -> ResultNotStoredError | None:
    """Store every result that is not None, even if another cannot be stored; return the errors."""
    lost, interrupt = [], None
    all_targets = tuple(targets)
    for result in results:
        if result is not None:
            try:
                store_result(result, *all_targets)
            except ResultNotStoredError as error:
                lost.append(error)
            except RunInterrupted as ended:  # store the other results first
                interrupt = ended
    if interrupt is not None:
        _raise_combined(lost, interrupt)
    return ResultNotStoredError.combine(lost) if lost else None


def interrupted_with(results: Sequence[Result], targets: Iterable[Target]) -> RunInterrupted:
    """Store results after whose measurement Ctrl-C came; return the error to raise.

    That of a run which saves a compiled model holds nothing to store.

    Args:
        results: at least one.
        targets: as for `store_results`.
    """
    interrupted = RunInterrupted(results[0])
    interrupted.others = tuple(results[1:])
    measured = [one for one in results if one.image is None]
    interrupted.storage_error = store_results(measured, targets)
    return interrupted


def _raise_combined(lost: list[ResultNotStoredError], interrupt: RunInterrupted | None) -> None:
    error = ResultNotStoredError.combine(lost) if lost else None
    if interrupt is not None:
        interrupt.storage_error = interrupt.storage_error or error
        raise interrupt
    if error is not None:
        raise error


def _store_in(target: Target, result: Result) -> ResultNotStoredError | None:
    try:
        with target.open(target.place) as sink:
            sink.write(result)
    except KeyboardInterrupt:
        raise RunInterrupted(result, rescued=rescue(result, target)) from None
    except (Exception, SystemExit) as error:  # noqa: BLE001 - the result must not be lost
        stored = rescue(result, target)
        reason = target.hide_secrets(error_reason(error))
        lost = ResultNotStoredError(str(target), reason, stored, result)
        lost.__cause__ = error
        return lost
    return None
