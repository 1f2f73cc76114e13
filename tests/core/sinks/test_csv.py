"""A CSV file of results: rows that come back, next to whatever was there."""

from __future__ import annotations

import csv

import pytest

from ttbench_core.errors import ResultsFileError
from ttbench_core.record.run_errors import ResultNotStoredError
from ttbench_core.record.tables.columns import COLUMNS
from ttbench_core.results.reading import load
from ttbench_core.sinks.csv import CsvSink
from ttbench_core.sinks.storing import store_result
from ttbench_core.sinks.targets import Target, check_target
from ttbench_core.testing import example_result

NAMES = [one.name for one in COLUMNS]


def save(path, **changes):
    store_result(example_result(**changes), check_target(path))


def lines(path):
    with path.open(newline="") as file:
        return list(csv.DictReader(file))


def test_every_result_is_a_row_under_one_header(tmp_path):
    path = tmp_path / "perf.csv"
    for run_id in "abc":
        save(path, run_id=run_id)
    assert [line["run_id"] for line in lines(path)] == ["a", "b", "c"]
    assert list(lines(path)[0]) == NAMES


def test_rows_come_back_as_results_without_their_passes(tmp_path):
    save(tmp_path / "perf.csv", error=None)
    (result,) = load(tmp_path / "perf.csv")
    assert (result.label, result.samples_per_sec, result.ok) == ("example small", 80.0, True)
    assert result.args["microbatch"] == 8
    assert list(result.passes) == []
    assert "80" in repr(result)
    assert dict(result.summary())["model"] == "example small"


@pytest.mark.parametrize("text", ["=1+1", "+a", "-2", "@cmd", "'=x", 'a,b"c\nd', "\tz", "<script>"])
def test_text_that_a_spreadsheet_would_evaluate_stays_text(tmp_path, text):
    path = tmp_path / "perf.csv"
    save(path, machine_name=text)
    assert lines(path)[0]["machine_name"][0] not in "=+-@\t"
    assert load(path)[0].machine_name == text


def test_columns_of_another_version_stay_and_missing_ones_are_added(tmp_path):
    path = tmp_path / "perf.csv"
    path.write_text("run_id,samples_per_sec,added_later,model\nold,5.0,kept,bert\n")
    save(path, run_id="new")
    old, new = lines(path)
    assert (old["run_id"], old["added_later"], old["status"]) == ("old", "kept", "")
    assert (new["run_id"], new["added_later"], new["status"]) == ("new", "", "ok")
    assert [one.run_id for one in load(path)] == ["old", "new"]


def test_a_last_line_without_an_end_is_not_joined_with_the_next(tmp_path):
    path = tmp_path / "perf.csv"
    save(path, run_id="a")
    path.write_bytes(path.read_bytes().rstrip())
    save(path, run_id="b")
    assert [line["run_id"] for line in lines(path)] == ["a", "b"]


@pytest.mark.parametrize("content", ["name,price\nx,1\n", "\xff\xfe", "run_id\n1\n"])
def test_a_table_of_other_things_is_untouched(tmp_path, content):
    path = tmp_path / "perf.csv"
    path.write_bytes(content.encode("latin-1"))
    with pytest.raises(ResultNotStoredError, match=r"post_error_perf\.csv\.json"):
        store_result(example_result(), Target(path, CsvSink))
    assert path.read_bytes() == content.encode("latin-1")
    assert len(load(tmp_path / "post_error_perf.csv.json")) == 1


@pytest.mark.parametrize(
    ("content", "complaint"),
    [
        ("name\nx\n", "is no table of results"),
        ("\n", "is no table of results"),
        ("run_id,samples_per_sec\na\n", "line 2 has not as many cells as there are columns"),
        ("run_id,samples_per_sec\na,1,2\n", "line 2 has not as many cells as there are columns"),
        ("run_id,samples_per_sec\na,fast\n", "line 2 is no result: samples_per_sec is a number"),
        ('run_id,samples_per_sec\n"a', "is no CSV: unexpected end of data"),
    ],
)
def test_a_file_that_is_no_table_of_results_is_refused_with_the_place(tmp_path, content, complaint):
    path = tmp_path / "perf.csv"
    path.write_text(content)
    with pytest.raises(ResultsFileError, match=complaint):
        load(path)


def test_a_header_of_several_lines_stays_one_header(tmp_path):
    path = tmp_path / "perf.csv"
    path.write_text('run_id,samples_per_sec,"my\nnote"\nold,5.0,x\n')
    save(path, run_id="new")
    assert [one.run_id for one in load(path)] == ["old", "new"]


def test_a_cell_of_any_length_is_read_back(tmp_path):
    path = tmp_path / "perf.csv"
    save(path, error="x" * 200_000, status="failed")
    assert len(load(path)[0].error) == 200_000


def test_passes_that_a_table_does_not_hold_are_not_counted_as_none(tmp_path):
    path = tmp_path / "perf.csv"
    save(path)
    assert lines(path)[0]["passes"] == "1"
    assert load(path).rows()[0]["passes"] is None
