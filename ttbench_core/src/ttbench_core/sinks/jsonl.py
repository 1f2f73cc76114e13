"""A JSON lines file: one result per line."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any, Final

from ttbench_core.record.result import Result
from ttbench_core.sinks.content_checks import count_results
from ttbench_core.sinks.files import replace_file
from ttbench_core.sinks.json_reading import open_results_file, parse_json
from ttbench_core.sinks.locking import exclusive_lock
from ttbench_core.sinks.protocol import Sink

__all__ = ["JsonLinesSink"]


class JsonLinesSink(Sink):
    """Appends results to a JSON lines file; any file that `records` refuses is left untouched.

    The file is replaced as a whole: a crash could cut a line that is written in place.

    Args:
        path: the file; created at the first write.
    """

    def __init__(self, path: Path) -> None:
        self._path: Final = Path(path)

    def write(self, result: Result) -> None:
        """Append one result; see `Sink`."""
        line = result.to_json().encode() + b"\n"
        with exclusive_lock(self._path) as path:
            content = b""
            if path.exists():
                count_results(self.records(path))
                content = path.read_bytes()
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
