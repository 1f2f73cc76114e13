"""Storing a result in every target, and in a rescue file where one fails."""

from __future__ import annotations

import re
import tempfile
from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import Final

from ttbench_core.errors import TargetError
from ttbench_core.record.result import Result
from ttbench_core.record.run_errors import ResultNotStoredError, RunInterrupted
from ttbench_core.sinks.json import JsonSink
from ttbench_core.sinks.redaction import HIDDEN
from ttbench_core.sinks.target_checks import error_reason
from ttbench_core.sinks.targets import Target

__all__ = ["store_result", "store_results"]

_DEFAULT_SUFFIX: Final = ".json"
_RESCUE_PREFIX: Final = "post_error_"
#: Rescue files that are tried, in case one is taken by another file.
_MAX_RESCUE_FILES: Final = 9
#: Characters.
_MAX_NAME: Final = 100


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
        raise RunInterrupted(result, rescued=_rescue(result, target)) from None
    except (Exception, SystemExit) as error:  # noqa: BLE001 - the result must not be lost
        stored = _rescue(result, target)
        reason = target.hide_secrets(error_reason(error))
        lost = ResultNotStoredError(str(target), reason, stored, result)
        lost.__cause__ = error
        return lost
    return None


def _rescue(result: Result, target: Target) -> Path | None:
    for folder in _rescue_folders(target):
        for path in _rescue_paths(folder, _file_name(target)):
            try:
                with JsonSink(path) as sink:
                    sink.write(result)
            except TargetError:
                continue
            except OSError:
                break
            return path
    return None


def _rescue_folders(target: Target) -> Iterable[Path]:
    place = target.place
    # a folder that is part of the secret would be shown with the name of the rescue file
    is_beside = isinstance(place, Path) and place.parent == Path(str(target)).parent
    beside = [place.parent] if isinstance(place, Path) and is_beside else []
    return dict.fromkeys([*beside, Path.cwd(), Path(tempfile.gettempdir())])


def _file_name(target: Target) -> str:
    """Return the name of the rescue file without its prefix: `perf.json`, `perf.db.json`."""
    shown = str(target)
    if isinstance(target.place, Path) and shown == str(target.place):
        name = target.place.name
    else:
        name = _name_of_url(shown)[-_MAX_NAME:].lstrip(".") or "results"
    return name if name.endswith(_DEFAULT_SUFFIX) else f"{name}{_DEFAULT_SUFFIX}"


def _name_of_url(shown: str) -> str:
    """Return the last part of a URL without parameters, or its scheme if that part is hidden."""
    parts = re.split("[/:]", shown.partition("?")[0].rstrip("/:"))
    part = next((one for one in (parts[-1], parts[0]) if HIDDEN not in one), "")
    return re.sub(r"[^A-Za-z0-9_.-]+", "_", part)


def _rescue_paths(folder: Path, name: str) -> Iterator[Path]:
    yield folder / f"{_RESCUE_PREFIX}{name}"
    for number in range(2, _MAX_RESCUE_FILES + 1):
        yield folder / f"{_RESCUE_PREFIX}{number}_{name}"
