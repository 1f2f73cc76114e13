"""A JSON lines file: one result per line."""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any, Final

from ttbench_core.errors import TargetError
from ttbench_core.record.result import Result
from ttbench_core.sinks.files import replace_file
from ttbench_core.sinks.json import is_record
from ttbench_core.sinks.json_reading import open_results_file, parse_json
from ttbench_core.sinks.locking import exclusive_lock
from ttbench_core.sinks.protocol import Sink

__all__ = ["JsonLinesSink"]


class JsonLinesSink(Sink):
    """Appends results to a JSON lines file; any other file is left untouched.

    Only the last line is read before appending. The file is still replaced as
    a whole: a crash could cut a line that is written in place.

    Args:
        path: the file; created at the first write.
    """

    def __init__(self, path: Path) -> None:
        self._path: Final = Path(path)

    def write(self, result: Result) -> None:
        """Append one result; see `Sink`."""
        line = result.to_json().encode() + b"\n"
        with exclusive_lock(self._path) as path:
            content = path.read_bytes() if path.exists() else b""
            _require_results(content)
            gap = b"\n" if content and not content.endswith(b"\n") else b""
            replace_file(path, content, gap, line)

    @staticmethod
    def records(path: Path) -> Iterator[tuple[str, Any]]:
        """Read the file back; see `Readable`."""
        path = Path(path)
        with open_results_file(path) as file:
            # as bytes: a text may hold characters that end a line in `str.splitlines`
            for number, line in enumerate(file, start=1):
                if line.strip():
                    where = f"{path}, line {number}"
                    yield (
                        where,
                        parse_json(where, line.decode("utf-8-sig" if number == 1 else "utf-8")),
                    )


def _require_results(content: bytes) -> None:
    if not content:
        return
    last = content.rstrip().rpartition(b"\n")[2]
    try:
        record = json.loads(last.decode("utf-8"))
    except (ValueError, RecursionError) as error:
        raise TargetError(f"its last line is no JSON ({error})") from error
    if not is_record(record):
        raise TargetError("its last line is JSON but no result")
