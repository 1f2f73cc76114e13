"""A CSV file: one result per row, in the columns of `docs/results.md`."""

from __future__ import annotations

import codecs
import csv
import io
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any, Final

from ttbench_core.errors import OptionError, ResultsFileError
from ttbench_core.record.result import Result
from ttbench_core.record.tables.columns import COLUMNS, column, record_of, row_of
from ttbench_core.record.tables.conditions import parse_cell
from ttbench_core.record.tables.writing import as_csv, unescape_formula
from ttbench_core.sinks.content_checks import count_results
from ttbench_core.sinks.files import replace_file
from ttbench_core.sinks.json_reading import open_results_file
from ttbench_core.sinks.locking import exclusive_lock
from ttbench_core.sinks.protocol import Sink

__all__ = ["CsvSink"]

_NAMES: Final = tuple(one.name for one in COLUMNS)
#: The default limit of the csv module is below the length of texts that it writes.
_MAX_CELL_CHARACTERS: Final = 2**31 - 1
#: Columns that every table of results has.
_REQUIRED_COLUMNS: Final = frozenset({"run_id", "samples_per_sec"})


class CsvSink(Sink):
    """Appends results to a CSV file as rows; any file that `records` refuses is left untouched.

    Columns that this version does not know stay, and missing ones are added.
    Text that a spreadsheet would evaluate gets an apostrophe in front, which
    is removed when the file is read back.

    Args:
        path: the file; created at the first write.
    """

    def __init__(self, path: Path) -> None:
        self._path: Final = Path(path)

    def write(self, result: Result) -> None:
        """Append one row; see `Sink`."""
        row = row_of(result.to_record())
        with exclusive_lock(self._path) as path:
            content = b""
            if path.exists():
                count_results(self.records(path))
                content = path.read_bytes()
            names = _header(content) or list(_NAMES)
            missing = [name for name in _NAMES if name not in names]
            if not _text(content):
                content = as_csv([], names).encode()
            elif missing:
                content = _with_columns(content, missing)
            gap = b"" if content.endswith(b"\n") else b"\n"
            line = as_csv([row], [*names, *missing], header=False).encode()
            replace_file(path, content, gap, line)

    @staticmethod
    def records(path: Path) -> Iterator[tuple[str, Any]]:
        """Read the file back: what has a column, so without passes; see `Readable`."""
        path = Path(path)
        csv.field_size_limit(_MAX_CELL_CHARACTERS)
        with (
            open_results_file(path) as file,
            io.TextIOWrapper(file, "utf-8-sig", newline="") as text,
        ):
            reader = csv.DictReader(text, strict=True)
            try:
                if reader.fieldnames is None:
                    return  # an empty file, to which rows can be appended
                if not _REQUIRED_COLUMNS.issubset(reader.fieldnames):
                    raise ResultsFileError(f"{path} is no table of results: it lacks their columns")
                for row in reader:
                    where = f"{path}, line {reader.line_num}"
                    yield where, _record(where, row)
            except csv.Error as error:
                fault = f"{path}, line {reader.line_num} is no CSV: {error}"
                raise ResultsFileError(fault) from error


def _text(content: bytes) -> str:
    return content.decode("utf-8-sig")


def _rows(content: bytes) -> Iterator[list[str]]:
    return csv.reader(io.StringIO(_text(content), newline=""), strict=True)


def _header(content: bytes) -> list[str]:
    return next(_rows(content), [])


def _with_columns(content: bytes, names: list[str]) -> bytes:
    """Add empty columns to a table."""
    header, *rows = _rows(content)
    text = io.StringIO()
    writer = csv.writer(text, lineterminator="\r\n")
    writer.writerow([*header, *names])
    # an empty line is no row
    writer.writerows([*row, *[""] * len(names)] if row else [] for row in rows)
    mark = codecs.BOM_UTF8 if content.startswith(codecs.BOM_UTF8) else b""
    return mark + text.getvalue().encode()


def _record(where: str, row: Mapping[str | Any, Any]) -> dict[str, Any]:
    if None in row or None in row.values():
        raise ResultsFileError(f"{where} has not as many cells as there are columns")
    try:
        known = {name: unescape_formula(text) for name, text in row.items() if name in _NAMES}
        return record_of({name: parse_cell(column(name), text) for name, text in known.items()})
    except OptionError as error:
        raise ResultsFileError(f"{where} is no result: {error}") from error
