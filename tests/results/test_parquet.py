"""A Parquet file of results, and results as a data frame."""

from __future__ import annotations

import sys

import pytest

from ttbench_core.errors import ResultsFileError, TargetError
from ttbench_core.record.tables.columns import COLUMNS
from ttbench_core.results.reading import load
from ttbench_core.results.results import Results
from ttbench_core.sinks.parquet import ParquetSink
from ttbench_core.sinks.storing import store_result
from ttbench_core.sinks.targets import check_target
from ttbench_core.testing import example_result


def save(path, **changes):
    store_result(example_result(**changes), check_target(path))


def test_whole_records_come_back_in_order(tmp_path):
    pytest.importorskip("pyarrow")
    path = tmp_path / "perf.parquet"
    for run_id in "abc":
        save(path, run_id=run_id)
    found = load(path)
    assert [one.run_id for one in found] == ["a", "b", "c"]
    assert found[0].to_record() == example_result(run_id="a").to_record()


def test_its_columns_are_those_of_the_docs_with_their_types(tmp_path):
    parquet = pytest.importorskip("pyarrow.parquet")
    save(tmp_path / "perf.parquet")
    schema = parquet.read_schema(tmp_path / "perf.parquet")
    assert schema.names == [*(one.name for one in COLUMNS), "record"]
    assert str(schema.field("latency_p50_ns").type) == "int64"
    assert str(schema.field("samples_per_sec").type) == "double"


def test_another_parquet_file_is_untouched(tmp_path):
    pa = pytest.importorskip("pyarrow")
    parquet = pytest.importorskip("pyarrow.parquet")
    path = tmp_path / "perf.parquet"
    parquet.write_table(pa.table({"x": [1]}), path)
    before = path.read_bytes()
    with pytest.raises(TargetError, match="no table of results"):
        save(path)
    with pytest.raises(TargetError, match="no table of results"):
        ParquetSink(path).write(example_result())
    assert path.read_bytes() == before
    with pytest.raises(ResultsFileError, match="no table of results"):
        load(path)


def test_a_file_that_is_no_parquet_is_refused(tmp_path):
    pytest.importorskip("pyarrow")
    path = tmp_path / "perf.parquet"
    path.write_text("text")
    with pytest.raises(TargetError, match="no Parquet"):
        save(path)
    with pytest.raises(TargetError, match="no Parquet"):
        ParquetSink(path).write(example_result())
    with pytest.raises(ResultsFileError, match="no Parquet"):
        load(path)


@pytest.mark.parametrize(
    ("change", "can_be_used"),
    [
        ({"microbatch": "int32"}, True),
        ({"run_id": "large_string", "record": "large_string"}, True),
        ({"run_id": "int64"}, False),
        ({"record": "int64"}, False),
    ],
)
def test_a_table_with_columns_of_other_types_is_both_read_and_appended_to_or_neither(
    tmp_path, change, can_be_used
):
    pa = pytest.importorskip("pyarrow")
    parquet = pytest.importorskip("pyarrow.parquet")
    path = tmp_path / "perf.parquet"
    save(path, run_id="17")
    table = parquet.read_table(path)
    for name, kind in change.items():
        cells = [17] if kind == "int64" else table[name].to_pylist()
        column = pa.array(cells, pa.type_for_alias(kind))
        table = table.set_column(table.schema.get_field_index(name), name, column)
    parquet.write_table(table, path)
    before = path.read_bytes()
    if can_be_used:
        save(path, run_id="new")
        assert [one.run_id for one in load(path)] == ["17", "new"]
        return
    with pytest.raises(ResultsFileError, match="no table of results"):
        load(path)
    with pytest.raises(TargetError, match="no table of results"):
        save(path)
    assert path.read_bytes() == before


@pytest.mark.parametrize("record", [None, "{", "[]", '{"samples_per_sec": 1}'])
def test_a_table_with_a_row_that_is_no_result_is_neither_read_nor_appended_to(tmp_path, record):
    pa = pytest.importorskip("pyarrow")
    parquet = pytest.importorskip("pyarrow.parquet")
    path = tmp_path / "perf.parquet"
    parquet.write_table(pa.table({"record": pa.array([record], pa.string())}), path)
    with pytest.raises(ResultsFileError):
        load(path)
    with pytest.raises(TargetError, match="cannot append results"):
        check_target(path)


@pytest.mark.parametrize("share", [0, 0.5, 0.99])
def test_a_truncated_table_is_neither_read_nor_appended_to(tmp_path, share):
    pytest.importorskip("pyarrow")
    path = tmp_path / "perf.parquet"
    save(path)
    content = path.read_bytes()
    path.write_bytes(content[: int(len(content) * share)])
    with pytest.raises(ResultsFileError, match="no Parquet"):
        load(path)
    with pytest.raises(TargetError, match="no Parquet"):
        save(path)


def test_a_missing_library_is_reported_before_anything_runs(tmp_path, monkeypatch):
    monkeypatch.setitem(sys.modules, "pyarrow", None)
    with pytest.raises(TargetError, match=r"pip install 'ttbench-core\[parquet\]'"):
        check_target(tmp_path / "perf.parquet")


def test_a_data_frame_has_a_row_a_result_and_typed_columns():
    pd = pytest.importorskip("pandas")
    results = Results(
        [example_result(samples_per_sec=10.0), example_result(samples_per_sec=None, started_at="")]
    )
    frame = results.to_pandas()
    assert list(frame.columns) == [one.name for one in COLUMNS]
    assert frame["samples_per_sec"].sum() == 10.0
    assert frame["microbatch"].tolist() == [8, 8]
    assert pd.isna(frame["started_at"][1])
    assert frame["started_at"].dt.year[0] == 2026
    assert len(Results().to_pandas()) == 0


@pytest.mark.parametrize("name", ["run_id", "samples_per_sec", "record"])
def test_a_file_with_a_damaged_column_is_refused_before_anything_runs(tmp_path, name):
    parquet = pytest.importorskip("pyarrow.parquet")
    path = tmp_path / "perf.parquet"
    save(path)
    chunks = parquet.read_metadata(path).row_group(0)
    chunk = chunks.column(parquet.read_schema(path).names.index(name))
    start = chunk.dictionary_page_offset or chunk.data_page_offset
    content = bytearray(path.read_bytes())
    content[start : start + chunk.total_compressed_size] = b"\xff" * chunk.total_compressed_size
    path.write_bytes(content)
    with pytest.raises(ResultsFileError, match="perf.parquet"):
        load(path)
    with pytest.raises(TargetError, match="perf.parquet"):
        check_target(path)
    assert path.read_bytes() == content
