"""A JSON file with a list of results, one per line."""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any, Final

from ttbench_core.errors import TargetError
from ttbench_core.record.result import Result
from ttbench_core.sinks.files import replace_file
from ttbench_core.sinks.json_reading import read_json_list
from ttbench_core.sinks.locking import exclusive_lock
from ttbench_core.sinks.protocol import Sink

__all__ = ["JsonSink", "append_record", "is_record", "new_list"]

#: The key that every result has, also those of the original script.
_REQUIRED_KEY: Final = "samples_per_sec"


class JsonSink(Sink):
    """Appends results to a JSON list; any other file is left untouched.

    Existing content stays unchanged, byte for byte.

    Args:
        path: the file; created at the first write.
    """

    def __init__(self, path: Path) -> None:
        self._path: Final = Path(path)

    def write(self, result: Result) -> None:
        """Append one result; see `Sink`."""
        record = result.to_json().encode()
        with exclusive_lock(self._path) as path:
            if path.exists():
                append_record(path, record)
            else:
                replace_file(path, new_list(record))

    @staticmethod
    def records(path: Path) -> Iterator[tuple[str, Any]]:
        """Read the file back, also one with a single record; see `Readable`."""
        return read_json_list(Path(path))


def new_list(record: bytes) -> bytes:
    """Return the content of a file with one record."""
    return b"[\n" + record + b"\n]\n"


def append_record(path: Path, record: bytes) -> None:
    """Append a record to a file that holds a list; call it inside `exclusive_lock`."""
    content = path.read_bytes()
    count = _count_records(content)
    body = content.rstrip()[:-1].rstrip()
    replace_file(path, body, b",\n" if count else b"\n", record, b"\n]\n")


def is_record(value: Any) -> bool:
    """Return whether a JSON value looks like a result."""
    return isinstance(value, Mapping) and _REQUIRED_KEY in value


def _count_records(content: bytes) -> int:
    if not content.strip():
        raise TargetError("the file is empty, which is no list of results")
    try:
        # only UTF-8: appending UTF-8 to a file of another encoding would corrupt it
        records = json.loads(content.decode("utf-8"))
    except (ValueError, RecursionError) as error:
        raise TargetError(f"the file is no JSON ({error})") from error
    if not isinstance(records, list) or not all(map(is_record, records)):
        raise TargetError("the file is JSON but no list of results")
    return len(records)
