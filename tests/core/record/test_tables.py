"""Results as rows: every cell is read from the path of its column, and comes back unchanged."""

from __future__ import annotations

import csv
import io

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from ttbench_core.errors import OptionError
from ttbench_core.record.tables.columns import COLUMNS, DEFAULT_COLUMNS, column, record_of, row_of
from ttbench_core.record.tables.conditions import parse_cell, parse_condition
from ttbench_core.record.tables.writing import (
    as_csv,
    as_markdown,
    cell_text,
    escape_formula,
    escape_markdown,
    table_texts,
    unescape_formula,
)
from ttbench_core.testing import example_result

CELLS = {
    str: st.text(min_size=1),
    int: st.integers(-(2**63) + 1, 2**63 - 1),
    float: st.floats(allow_nan=False, allow_infinity=False),
    bool: st.booleans(),
}
ROWS = st.fixed_dictionaries({one.name: st.none() | CELLS[one.kind] for one in COLUMNS})


def test_names_of_columns_are_identifiers_and_unique():
    names = [one.name for one in COLUMNS]
    assert len(set(names)) == len(names)
    assert all(name.isidentifier() and name == name.lower() for name in names)
    assert set(DEFAULT_COLUMNS) <= set(names)


@given(ROWS)
@example({**dict.fromkeys(one.name for one in COLUMNS), "machine": "\r"})
def test_a_row_becomes_a_record_and_the_same_row_again(row):
    counted = {one.name for one in COLUMNS if one.is_count}
    again = row_of(record_of(row))
    for name, cell in row.items():
        if name not in counted and cell is not None:
            expected = cell
            if isinstance(cell, str):
                expected = cell.encode("utf-8", "backslashreplace").decode().replace("\0", "\\x00")
            assert again[name] == expected


@pytest.mark.parametrize(
    "record",
    [
        {},
        {"model": None, "args": [], "devices": {}, "confidence": "wide"},
        {"model": {"name": ["a"]}, "devices": [], "total_samples": 1.5, "passes": 3},
        {"samples_per_sec": True, "total_time": 10**400, "args": {"microbatch": 2**70}},
    ],
)
def test_a_malformed_record_has_a_row(record):
    row = row_of(record)
    assert set(row) == {one.name for one in COLUMNS}
    assert row["samples_per_sec"] is None
    assert row["microbatch"] is None


def test_invalid_characters_of_a_text_are_escaped():
    assert row_of({"machine_name": "a\0b\udcff"})["machine_name"] == "a\\x00b\\udcff"


def test_an_unknown_column_is_reported_with_suggestions():
    with pytest.raises(OptionError, match=r"'modle' \(did you mean 'model'.*--columns all shows"):
        column("modle")


@pytest.mark.parametrize(
    ("text", "holds"),
    [
        ("model=example", True),
        ("model = example", True),
        ("model==example", True),
        ("model!=example", False),
        ("samples_per_sec>0", True),
        ("samples_per_sec>=1e9", False),
        ("training=no", True),
        ("training=yes", False),
        ("error=", True),
        ("error!=", False),
        ("layers<5", False),
        ("layers>5", False),
    ],
)
def test_a_condition_matches_or_not(text, holds):
    record = vars(example_result(model={"name": "example"}, args={"training": False}))
    assert parse_condition(text).matches(record) is holds


@pytest.mark.parametrize(
    ("text", "complaint"),
    [
        ("model", "a filter is NAME=VALUE"),
        ("=bert", "a filter is NAME=VALUE"),
        ("colour=red", "there is no column 'colour'"),
        ("microbatch=many", "microbatch is a whole number, not 'many'"),
        ("training=perhaps", "training is yes or no, not 'perhaps'"),
        ("samples_per_sec>fast", "samples_per_sec is a number, not 'fast'"),
    ],
)
def test_a_malformed_condition_is_reported_with_the_reason(text, complaint):
    with pytest.raises(OptionError, match=complaint):
        parse_condition(text)


@given(st.text())
def test_formulas_are_escaped_and_unescaped(text):
    assert unescape_formula(escape_formula(text)) == text
    assert escape_formula(text)[:1] not in ("=", "+", "-", "@", "\t", "\r")


@given(st.lists(ROWS, max_size=3))
def test_a_csv_table_has_every_cell(rows):
    names = [one.name for one in COLUMNS]
    rows = [row_of(record_of(row)) for row in rows]
    found = list(csv.DictReader(io.StringIO(as_csv(rows, names), newline="")))
    for row, line in zip(rows, found, strict=True):
        assert {
            name: parse_cell(column(name), unescape_formula(text)) for name, text in line.items()
        } == row


@given(st.text())
def test_a_text_in_markdown_stays_in_its_cell_and_is_no_markup(text):
    table = as_markdown(["a"], [[text]])
    assert len(table.splitlines()) == 3 or not text.isprintable()
    assert "<" not in escape_markdown(text).replace("\\<", "")


@pytest.mark.parametrize(
    ("name", "cell", "text"),
    [
        ("samples_per_sec", 1234.5678, "1,235"),
        ("latency_p50_ns", 1_500_000, "1.5 ms"),
        ("host_peak_bytes", 2**30, "1 GiB"),
        ("flops_per_input", 2_500_000_000, "2.5 G"),
        ("half_width", 0.0123, "1.2%"),
        ("training", True, "yes"),
        ("microbatch", 8, "8"),
        ("error", None, ""),
    ],
)
def test_a_cell_is_shown_with_the_unit_of_its_column(name, cell, text):
    assert cell_text(name, cell) == text


def test_a_table_leaves_out_empty_columns_unless_they_are_requested():
    rows = [{"model": "a", "error": None, "training": False}]
    assert table_texts(rows, ["model", "error", "training"])[0] == ["model"]
    assert table_texts(rows, ["model", "error"], include_empty=True)[0] == ["model", "error"]
