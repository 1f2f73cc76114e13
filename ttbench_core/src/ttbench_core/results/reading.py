"""Reading results back from where a sink stored them.

Reads what ttbench, the original script and tt-forge's benchmarks wrote. The content of a place is
never executed; an invalid record is refused with its location and the fault.
"""

from __future__ import annotations

import os
import re
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path
from typing import Final, TypeAlias

from ttbench_core.errors import RequestError, ResultsFileError
from ttbench_core.record.foreign_formats import is_tt_forge
from ttbench_core.record.record_checks import result_of
from ttbench_core.record.result import Result
from ttbench_core.results.results import Results
from ttbench_core.results.tt_forge.importing import from_tt_forge
from ttbench_core.sinks.target_checks import error_reason
from ttbench_core.sinks.targets import Target, find_reader

__all__ = ["SelectionError", "load", "select", "stream", "stream_selected"]

#: Finds what reads a target back.
Finder: TypeAlias = Callable[[str | Path], Target]

#: `@-1`, `@0`, `@12`; `@007` is no position, but may be the start of a run id.
_POSITION: Final = re.compile(r"-?(0|[1-9][0-9]{0,8})")
_RUN_ID_START: Final = re.compile(r"[0-9a-fA-F]{4,}")


#: `scheme:user:password`, of a URL without its slashes.
_USER: Final = re.compile(r"[A-Za-z][\w+-]+:/?[^/:]+:[^/]+")


class SelectionError(RequestError):
    """`FILE@...` names no record, or several."""


def select(target: str) -> Results:
    """Read the results that an argument of the command line names.

    Args:
        target: `FILE` for every result of a file; `FILE@N` for one by its
            position from 0, or from the end if negative; `FILE@ID` for one by
            the first characters of its run id, four at least. A file
            whose own name has an `@` is read as that file.
    """
    return Results(stream_selected(target))


def stream_selected(target: str, find: Finder = find_reader) -> Iterator[Result]:
    """Yield the results of `select` one by one, without holding a whole target in memory.

    Args:
        target: as for `select`.
        find: finds what reads a target back; a `ReaderFinder` where there are many targets.
    """
    file, mark, wanted = _split(target)
    if not mark or not file or os.path.lexists(target):
        return stream(target, find)
    if _POSITION.fullmatch(wanted) or _RUN_ID_START.fullmatch(wanted):
        return iter([_choose(Results(stream(file, find)), str(find(file)), wanted)])
    if os.path.lexists(file):
        raise SelectionError(
            f"{target}: after @ stands a position, such as 0 or -1, or the first four or more"
            " characters of a run_id"
        )
    return stream(target, find)


def load(target: str | Path) -> Results:
    """Read every result of a target, in the order they were stored.

    Args:
        target: what `-o` takes: a file by its suffix (any other name is a JSON
            list, or one record alone), or a URL; `FILE@N` and `FILE@ID` as for `select`.

    Reads the files of the original script and of tt-forge's benchmarks too. Raises
    `ResultsFileError`, naming the place, if it holds something else or an invalid record.
    """
    return Results(stream_selected(target) if isinstance(target, str) else stream(target))


def stream(target: str | Path, find: Finder = find_reader) -> Iterator[Result]:
    """Yield the results of a target one by one, without holding them in memory.

    Raises `ResultsFileError`, which names the target, for whatever its sink raises.
    """
    found = find(target)
    try:
        for where, record in found.records():
            read = from_tt_forge if is_tt_forge(record) else result_of
            yield read(found.hide_secrets(where), record)
    except (Exception, SystemExit) as error:
        shown, reason = str(found), found.hide_secrets(error_reason(error))
        if isinstance(error, ResultsFileError) and (shown in reason or repr(shown) in reason):
            raise ResultsFileError(reason) from error
        raise ResultsFileError(f"cannot read {shown}: {reason}") from error


def _split(target: str) -> tuple[str, str, str]:
    """Split a target at the last @, unless the host of a URL follows it."""
    place, mark, wanted = target.rpartition("@")
    _, slashes, rest = place.partition("://")
    if (slashes and "/" not in rest) or (not slashes and _USER.fullmatch(place)):
        return target, "", ""
    return place, mark, wanted


def _choose(results: Sequence[Result], file: str, wanted: str) -> Result:
    matches = _at_position(results, wanted) or _with_run_id(results, wanted)
    if not matches:
        raise SelectionError(f"{file} has no record @{wanted}: {_available_positions(results)}")
    if len(matches) > 1:
        raise SelectionError(
            f"{file}@{wanted} is the start of {len(matches)} run identities: write more of the one"
        )
    return matches[0]


def _at_position(results: Sequence[Result], wanted: str) -> list[Result]:
    if not _POSITION.fullmatch(wanted) or not -len(results) <= int(wanted) < len(results):
        return []
    return [results[int(wanted)]]


def _with_run_id(results: Sequence[Result], wanted: str) -> list[Result]:
    """Return the last record of each run whose id has this prefix."""
    if not _RUN_ID_START.fullmatch(wanted):
        return []
    prefix = wanted.lower()
    found = {one.run_id: one for one in results if one.run_id.lower().startswith(prefix)}
    return list(found.values())


def _available_positions(results: Sequence[Result]) -> str:
    if not results:
        return "it is empty"
    return f"it holds @0 to @{len(results) - 1}, from the end @-1 to @-{len(results)}"
