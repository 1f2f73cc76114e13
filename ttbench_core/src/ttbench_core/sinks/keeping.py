"""Keeping a result: in every target, and what happens when one fails."""

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
from ttbench_core.sinks.places import reason_of
from ttbench_core.sinks.targets import Target

__all__ = ["keep", "keep_all"]

_DEFAULT_SUFFIX: Final = ".json"
_RESCUE_PREFIX: Final = "post_error_"
#: Files beside the target that are tried, in case a rescue file is foreign as well.
_RESCUE_TRIES: Final = 9
_LONGEST_NAME: Final = 100


def keep(result: Result, *targets: Target) -> None:
    """Append a result to its targets, each also where another fails.

    Where one fails, the result goes to `post_error_<name>` beside a file, or
    else into the working folder or the folder for temporary files, and
    `ResultNotStoredError` says where. The target is left as it was. If Ctrl-C
    ends it, the same happens, and `RunInterrupted` is raised.
    """
    lost, interrupt = [], None
    for target in targets:
        try:
            if (error := _kept_in(target, result)) is not None:
                lost.append(error)
        except RunInterrupted as ended:  # the other targets are no reason to lose it
            interrupt = ended
    _raise(lost, interrupt)


def keep_all(
    results: Iterable[Result | None], targets: Iterable[Target]
) -> ResultNotStoredError | None:
    """Keep those results that there are, each also where another cannot be; give the errors."""
    lost, interrupt = [], None
    kept_in = tuple(targets)
    for result in results:
        if result is not None:
            try:
                keep(result, *kept_in)
            except ResultNotStoredError as error:
                lost.append(error)
            except RunInterrupted as ended:  # neither are the other results
                interrupt = ended
    if interrupt is not None:
        _raise(lost, interrupt)
    return ResultNotStoredError.combine(lost) if lost else None


def _raise(lost: list[ResultNotStoredError], interrupt: RunInterrupted | None) -> None:
    error = ResultNotStoredError.combine(lost) if lost else None
    if interrupt is not None:
        interrupt.storage_error = interrupt.storage_error or error
        raise interrupt
    if error is not None:
        raise error


def _kept_in(target: Target, result: Result) -> ResultNotStoredError | None:
    try:
        with target.open(target.place) as sink:
            sink.write(result)
    except KeyboardInterrupt:
        raise RunInterrupted(result, rescued=_rescue(result, target)) from None
    except Exception as error:  # noqa: BLE001 - whatever a sink raises, the result must not be lost
        stored = _rescue(result, target)
        lost = ResultNotStoredError(str(target), reason_of(error), stored, result)
        lost.__cause__ = error
        return lost
    return None


def _rescue(result: Result, target: Target) -> Path | None:
    for folder in _folders(target):
        for refuge in _refuges(folder, _name_of(target)):
            try:
                with JsonSink(refuge) as sink:
                    sink.write(result)
            except TargetError:
                continue
            except OSError:
                break
            return refuge
    return None


def _folders(target: Target) -> Iterable[Path]:
    beside = [target.place.parent] if isinstance(target.place, Path) else []
    return dict.fromkeys([*beside, Path.cwd(), Path(tempfile.gettempdir())])


def _name_of(target: Target) -> str:
    """Give the name of a file for what a target holds: `perf.json`, `perf.db.json`."""
    if isinstance(target.place, Path):
        name = target.place.name
    else:
        # a URL's last part, without what may be a password or a parameter
        last = str(target).partition("?")[0].rstrip("/:").rpartition("/")[2].rpartition(":")[2]
        name = re.sub(r"[^A-Za-z0-9_.-]+", "_", last)[-_LONGEST_NAME:].lstrip(".") or "results"
    return name if name.endswith(_DEFAULT_SUFFIX) else f"{name}{_DEFAULT_SUFFIX}"


def _refuges(folder: Path, name: str) -> Iterator[Path]:
    yield folder / f"{_RESCUE_PREFIX}{name}"
    for number in range(2, _RESCUE_TRIES + 1):
        yield folder / f"{_RESCUE_PREFIX}{number}_{name}"
