"""A JSON file with a list of results, one per line."""

from __future__ import annotations

import codecs
from collections.abc import Iterator
from pathlib import Path
from typing import Any, Final

from ttbench_core.record.result import Result
from ttbench_core.sinks.content_checks import count_results
from ttbench_core.sinks.files import replace_file
from ttbench_core.sinks.json_reading import read_json_list
from ttbench_core.sinks.locking import exclusive_lock
from ttbench_core.sinks.protocol import Sink

__all__ = ["JsonSink", "append_record", "new_list"]


class JsonSink(Sink):
    """Appends results to a JSON list; any file that `records` refuses is left untouched.

    Existing results stay unchanged, byte for byte.

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
    """Append a record to a file; call it inside `exclusive_lock`.

    A file with a single record becomes a list. Raises `TargetError` if the file holds something
    else.
    """
    count = count_results(JsonSink.records(path))
    content = path.read_bytes()
    mark = codecs.BOM_UTF8 if content.startswith(codecs.BOM_UTF8) else b""
    body = content[len(mark) :].strip()
    is_list = body.startswith(b"[")
    start, items = (b"", body[:-1].rstrip()) if is_list else (b"[\n", body)
    replace_file(path, mark, start, items, b",\n" if count else b"\n", record, b"\n]\n")
