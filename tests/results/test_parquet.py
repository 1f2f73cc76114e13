"""A Parquet file of results, and results as a data frame."""

from __future__ import annotations

import sys

import pytest

from ttbench_core.errors import ResultsFileError, TargetError
from ttbench_core.record.run_errors import ResultNotStoredError
from ttbench_core.record.tables.columns import COLUMNS
from ttbench_core.results.reading import load
from ttbench_core.results.results import Results
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
    with pytest.raises(ResultNotStoredError, match="no table of results"):
        save(path)
    assert path.read_bytes() == before
    with pytest.raises(ResultsFileError, match="no table of results"):
        load(path)


def test_a_file_that_is_no_parquet_is_refused(tmp_path):
    pytest.importorskip("pyarrow")
    path = tmp_path / "perf.parquet"
    path.write_text("text")
    with pytest.raises(ResultNotStoredError, match="no Parquet"):
        save(path)
    with pytest.raises(ResultsFileError, match="no Parquet"):
        load(path)


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
