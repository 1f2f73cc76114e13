"""A Parquet file: one result per row, as the columns of `docs/results.md` and as a whole record."""

from __future__ import annotations

import io
import json
from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final

from ttbench_core.errors import ResultsFileError, one_line
from ttbench_core.record.result import Result
from ttbench_core.record.tables.columns import COLUMNS, row_of
from ttbench_core.sinks.content_checks import count_results
from ttbench_core.sinks.files import replace_file
from ttbench_core.sinks.json_reading import open_results_file, parse_json
from ttbench_core.sinks.locking import exclusive_lock
from ttbench_core.sinks.optional_libraries import import_library
from ttbench_core.sinks.protocol import Sink

if TYPE_CHECKING:
    import pyarrow as pa

__all__ = ["ParquetSink"]

#: The column with the record as JSON.
_RECORD: Final = "record"
_BATCH_ROWS: Final = 1000
#: Columns of another type that hold the same, such as int32, get the wider type.
_PROMOTION: Final = "permissive"


class ParquetSink(Sink):
    """Appends results to a Parquet file; any file that `records` refuses is left untouched.

    The format cannot be appended to: the whole file is written again with each result.

    Args:
        path: the file; created at the first write.
    """

    def __init__(self, path: Path) -> None:
        self._path: Final = Path(path)

    @staticmethod
    def check(_path: Path) -> None:
        """Check that pyarrow is installed; see `SinkFactory`."""
        _import_pyarrow()

    def write(self, result: Result) -> None:
        """Append one row; see `Sink`."""
        pa, pq = _import_pyarrow()
        record = result.to_record()
        cells = {**row_of(record), _RECORD: json.dumps(record, allow_nan=False)}
        table = pa.Table.from_pylist([cells], schema=_schema(pa))
        with exclusive_lock(self._path) as path:
            if path.exists():
                count_results(self.records(path))
                before = pq.read_table(io.BytesIO(path.read_bytes()))
                table = pa.concat_tables([before, table], promote_options=_PROMOTION)
            content = io.BytesIO()
            pq.write_table(table, content, compression="zstd")
            replace_file(path, content.getvalue())

    @staticmethod
    def records(path: Path) -> Iterator[tuple[str, Any]]:
        """Read whole records back; see `Readable`."""
        path = Path(path)
        with open_results_file(path) as file:
            pa, pq = _import_pyarrow()
            try:
                table = pq.ParquetFile(file)
                _require_columns(path, table.schema_arrow, pa)
                number = 0
                for batch in table.iter_batches(_BATCH_ROWS):
                    for text in batch.column(_RECORD).to_pylist():
                        where = f"{path}@{number}"
                        yield where, parse_json(where, str(text))
                        number += 1
            except pa.ArrowException as error:
                raise ResultsFileError(f"{path} is no Parquet: {one_line(error)}") from error


def _import_pyarrow() -> tuple[Any, Any]:
    pa = import_library("pyarrow", extra="parquet")
    return pa, import_library("pyarrow.parquet", extra="parquet")


def _schema(pa: Any) -> pa.Schema:
    types = {str: pa.string(), int: pa.int64(), float: pa.float64(), bool: pa.bool_()}
    fields = [pa.field(one.name, types[one.kind]) for one in COLUMNS]
    return pa.schema([*fields, pa.field(_RECORD, pa.string(), nullable=False)])


def _require_columns(path: Path, schema: pa.Schema, pa: Any) -> None:
    """Raise `ResultsFileError` for a table to which no result can be appended as a row."""
    if _RECORD not in schema.names:
        raise ResultsFileError(f"{path} is no table of results: it has no {_RECORD}")
    try:
        pa.unify_schemas([schema, _schema(pa)], promote_options=_PROMOTION)
    except pa.ArrowException as error:
        fault = f"{path} is no table of results: {one_line(error)}"
        raise ResultsFileError(fault) from error
