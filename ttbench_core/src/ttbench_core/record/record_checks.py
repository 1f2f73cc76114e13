"""Making a Result of an untrusted record, or refusing it with its place and the fault."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any, Final

from ttbench_core.errors import ResultsFileError
from ttbench_core.record.foreign_formats import TT_FORGE, is_tt_forge
from ttbench_core.record.result import Result

__all__ = ["has_time_of_median", "result_of"]

_OBJECTS: Final = (
    *(
        "args",
        "confidence",
        "cost",
        "device_readings",
        "effective",
        "energy",
        "environment",
        "failure",
    ),
    *("generation", "git", "host", "host_during", "image", "latency", "littles_law", "memory"),
    *("model", "output_interval", "overhead", "partial_pass", "phases_ns", "requested"),
    *("roofline", "steady", "stopping", "sweep", "trace", "verdict", "verification", "versions"),
    *("warmup", "foreign"),
)
_LISTS: Final = ("devices", "passes", "processes")
_TEXTS: Final = ("error", "machine_name", "run_id", "status")
_KINDS: Final = (
    *((name, Mapping, "object") for name in _OBJECTS),
    *((name, list, "list") for name in _LISTS),
    *((name, str, "text") for name in _TEXTS),
)
_NUMBERS: Final = ("samples_per_sec", "total_samples", "total_time")
#: Limits of plausible numbers other than 0, in any unit; far within the range of a float.
_MIN_NUMBER: Final = 1e-9
_MAX_NUMBER: Final = 1e15
_MAX_PROCESSES: Final = 2**31
#: Up to this version of records, the rate is of the median pass and the interval of the mean.
_LAST_OF_MEDIANS: Final = 3


def result_of(where: str, record: Any) -> Result:
    """Return the result of a record.

    Args:
        where: the place of the record, for messages.
        record: any JSON value.

    Raises `ResultsFileError` if it is no result.
    """
    if not isinstance(record, Mapping):
        raise ResultsFileError(f"{where} is no result: it is no JSON object")
    if is_tt_forge(record):
        raise ResultsFileError(
            f"{where} is a result of {TT_FORGE}, not of ttbench: it can be shown and compared"
        )
    # null means "not recorded", as a missing key does, except in the keys of the original script
    without_nulls = {
        name: value
        for name, value in record.items()
        if value is not None or name not in (*_OBJECTS, *_LISTS, "run_id", "status")
    }
    if fault := next(_faults(without_nulls), None):
        raise ResultsFileError(f"{where} is no result: {fault}")
    try:
        return Result.from_record(_with_rate_of_interval(without_nulls))
    except KeyError as error:
        raise ResultsFileError(f"{where} is no result: it has no {error.args[0]}") from error


def has_time_of_median(version: object) -> bool:
    """Return whether records of a schema version have the time of the median pass."""
    return isinstance(version, int) and version <= _LAST_OF_MEDIANS


def _with_rate_of_interval(record: Mapping[str, Any]) -> Mapping[str, Any]:
    """Give a record whose rate is the estimate of its interval: up to version 3 it was another."""
    estimate: Any = (record.get("confidence") or {}).get("estimate")
    samples = record.get("total_samples") or 0
    is_old = has_time_of_median(record.get("schema_version", 1))
    if not is_old or samples == 0 or not _is_number(estimate) or estimate <= 0:
        return record
    return {**record, "samples_per_sec": estimate, "total_time": samples / estimate}


def _faults(record: Mapping[str, Any]) -> Iterator[str]:
    """Yield what in a record has the wrong type or range for its readers."""
    for name, kind, kind_name in _KINDS:
        if not isinstance(record.get(name), (kind, type(None))):
            yield f"{name} is no {kind_name}"
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
    return isinstance(value, int) and 0 <= value < _MAX_PROCESSES


def _is_number(value: Any) -> bool:
    if isinstance(value, bool) or not isinstance(value, (int, float)):
        return False
    return value == 0 or _MIN_NUMBER <= value <= _MAX_NUMBER
