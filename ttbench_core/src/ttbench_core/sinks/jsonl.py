"""A JSON lines file: one result a line."""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any, Final

from ttbench_core.errors import TargetError
from ttbench_core.record.result import Result
from ttbench_core.sinks.files import exclusive, replace_file
from ttbench_core.sinks.json import is_record
from ttbench_core.sinks.json_text import opened, parsed
from ttbench_core.sinks.protocol import Sink

__all__ = ["JsonLinesSink"]


class JsonLinesSink(Sink):
    """Appends results to a JSON lines file; a file that is none is left untouched.

    Only the last line is read before appending. The file is still replaced as
    a whole: a line written in place can be cut in half by a crash.

    Args:
        path: the file; made at the first write.
    """

    def __init__(self, path: Path) -> None:
        self._path: Final = Path(path)

    def write(self, result: Result) -> None:
        """Append one result; see `Sink`."""
        line = result.to_json().encode() + b"\n"
        with exclusive(self._path) as path:
            content = path.read_bytes() if path.exists() else b""
            _refuse_foreign(content)
            gap = b"\n" if content and not content.endswith(b"\n") else b""
            replace_file(path, content, gap, line)

    @staticmethod
    def records(path: Path) -> Iterator[tuple[str, Any]]:
        """Read the file back; see `Readable`."""
        path = Path(path)
        with opened(path) as file:
            # by the byte: a text may hold letters that end a line elsewhere
            for number, line in enumerate(file, start=1):
                if line.strip():
                    where = f"{path}, line {number}"
                    yield where, parsed(where, line.decode("utf-8-sig" if number == 1 else "utf-8"))


def _refuse_foreign(content: bytes) -> None:
    if not content:
        return
    last = content.rstrip().rpartition(b"\n")[2]
    try:
        record = json.loads(last.decode("utf-8"))
    except (ValueError, RecursionError) as error:
        raise TargetError(f"its last line is no JSON ({error})") from error
    if not is_record(record):
        raise TargetError("its last line is JSON but no result")
