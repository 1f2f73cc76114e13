"""Results, read back from wherever a sink keeps them.

Reads what ttbench, its seed and the original script wrote. Nothing that a place
holds is ever run; what is no record is refused with the place and the fault.
"""

from __future__ import annotations

import os
import re
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any, Final

from ttbench_core.errors import RequestError, ResultsFileError, TargetError
from ttbench_core.record.result import Result
from ttbench_core.results.results import Results
from ttbench_core.sinks.target_checks import hide_password
from ttbench_core.sinks.targets import find_reader

__all__ = ["SelectionError", "load", "select", "selected", "stream"]

_OBJECTS: Final = (
    *("args", "confidence", "cost", "effective", "energy", "environment", "failure"),
    *("generation", "git", "host", "host_during", "image", "latency", "littles_law", "memory"),
    *("model", "output_interval", "overhead", "partial_pass", "phases_ns", "requested"),
    *("roofline", "steady", "stopping", "trace", "verdict", "verification", "versions"),
    "warmup",
)
_LISTS: Final = ("devices", "passes", "processes")
_TEXTS: Final = ("error", "machine_name", "run_id", "status")
_KINDS: Final = (
    *((name, Mapping, "object") for name in _OBJECTS),
    *((name, list, "list") for name in _LISTS),
    *((name, str, "text") for name in _TEXTS),
)
_NUMBERS: Final = ("samples_per_sec", "total_samples", "total_time")
#: In every unit less and more than was ever measured, but for 0; far from where arithmetic ends.
_LEAST: Final = 1e-9
_MOST: Final = 1e15
_MOST_PROCESSES: Final = 2**31
#: `@-1`, `@0`, `@12`; `@007` is no position, and may be the start of a run's identity.
_POSITION: Final = re.compile(r"-?(0|[1-9][0-9]{0,8})")
_RUN_ID_START: Final = re.compile(r"[0-9a-fA-F]{4,}")


class SelectionError(RequestError):
    """`FILE@...` names no record, or several."""


def select(target: str) -> Results:
    """Read what a word of the command line names.

    Args:
        target: `FILE` for every result of a file; `FILE@N` for one by its
            position from 0, or from the end if negative; `FILE@ID` for one by
            the first characters of its run identity, four at least. A file
            whose own name has an `@` is read as that file.
    """
    return Results(selected(target))


def selected(target: str) -> Iterator[Result]:
    """Give what `select` gives, one after the other: a whole target is never in memory at once."""
    file, mark, wanted = _split(target)
    if not mark or not file or os.path.lexists(target):
        return stream(target)
    if _POSITION.fullmatch(wanted) or _RUN_ID_START.fullmatch(wanted):
        return iter([_chosen(Results(stream(file)), file, wanted)])
    if os.path.lexists(file):
        raise SelectionError(
            f"{target}: after @ stands a position, such as 0 or -1, or the first four or more"
            " characters of a run_id"
        )
    return stream(target)


def load(target: str | Path) -> Results:
    """Read every result of a target, in the order they were kept.

    Args:
        target: what `-o` takes: a file by its suffix (any other name is a JSON
            list, or one record alone), or a URL; `FILE@N` and `FILE@ID` as for `select`.

    Reads the files of the original script too. Raises `ResultsFileError` where
    the place holds something else or a record is none, naming the place.
    """
    return Results(selected(target) if isinstance(target, str) else stream(target))


def stream(target: str | Path) -> Iterator[Result]:
    """Read the results of a target one after the other, for those that do not fit in memory."""
    try:
        place, source = find_reader(target)
        for where, record in source.records(place):
            yield _result(where, record)
    except TargetError as error:  # a library that is not installed
        raise ResultsFileError(f"cannot read {hide_password(target)}: {error}") from error


def _split(target: str) -> tuple[str, str, str]:
    """Take off what stands behind the last @, unless it is the host of a URL."""
    place, mark, wanted = target.rpartition("@")
    _, slashes, behind = place.partition("://")
    if slashes and "/" not in behind:
        return target, "", ""
    return place, mark, wanted


def _chosen(results: Sequence[Result], file: str, wanted: str) -> Result:
    chosen = _at_position(results, wanted) or _with_run_id(results, wanted)
    if not chosen:
        raise SelectionError(f"{file} has no record @{wanted}: {_what_there_is(results)}")
    if len(chosen) > 1:
        raise SelectionError(
            f"{file}@{wanted} is the start of {len(chosen)} run identities: write more of the one"
        )
    return chosen[0]


def _at_position(results: Sequence[Result], wanted: str) -> list[Result]:
    if not _POSITION.fullmatch(wanted) or not -len(results) <= int(wanted) < len(results):
        return []
    return [results[int(wanted)]]


def _with_run_id(results: Sequence[Result], wanted: str) -> list[Result]:
    """Give the last record of each run whose identity begins so."""
    if not _RUN_ID_START.fullmatch(wanted):
        return []
    start = wanted.lower()
    found = {one.run_id: one for one in results if one.run_id.lower().startswith(start)}
    return list(found.values())


def _what_there_is(results: Sequence[Result]) -> str:
    if not results:
        return "it is empty"
    return f"it holds @0 to @{len(results) - 1}, from the end @-1 to @-{len(results)}"


def _result(where: str, record: Any) -> Result:
    if not isinstance(record, Mapping):
        raise ResultsFileError(f"{where} is no result: it is no JSON object")
    # null stands for "not recorded" as a missing key does, but not in the seed's own keys
    filled = {
        name: value
        for name, value in record.items()
        if value is not None or name not in (*_OBJECTS, *_LISTS, "run_id", "status")
    }
    if fault := next(_faults(filled), None):
        raise ResultsFileError(f"{where} is no result: {fault}")
    try:
        return Result.from_record(filled)
    except KeyError as error:
        raise ResultsFileError(f"{where} is no result: it has no {error.args[0]}") from error


def _faults(record: Mapping[str, Any]) -> Iterator[str]:
    """Say what in a record is not of the kind that its readers rely on."""
    for name, kind, said in _KINDS:
        if not isinstance(record.get(name), (kind, type(None))):
            yield f"{name} is no {said}"
            return
    for name in _NUMBERS:
        if record.get(name) is not None and not _is_number(record[name]):
            yield f"{name} is no number that was measured"
    for name in _LISTS:
        for number, one in enumerate(record.get(name) or []):
            yield from _entry_faults(f"entry {number} of {name}", one, is_pass=name == "passes")


def _entry_faults(where: str, entry: Any, *, is_pass: bool) -> Iterator[str]:
    if not isinstance(entry, Mapping):
        yield f"{where} is no object"
    elif is_pass and not (_is_number(entry.get("e2e_ns")) and entry["e2e_ns"] >= 1):
        yield f"{where} has no e2e_ns of 1 or more"
    elif is_pass and not _is_process(entry.get("process", 0)):
        yield f"{where} has a process that is no number"


def _is_process(value: Any) -> bool:
    return isinstance(value, int) and 0 <= value < _MOST_PROCESSES


def _is_number(value: Any) -> bool:
    if isinstance(value, bool) or not isinstance(value, (int, float)):
        return False
    return value == 0 or _LEAST <= value <= _MOST
