"""The record is strict JSON, reads back unchanged, and escapes what it shows."""

from __future__ import annotations

import json

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ttbench_core import Result
from ttbench_core.testing import example_result

ORIGINAL_KEYS = {
    "total_time",
    "total_samples",
    "samples_per_sec",
    "args",
    "arch",
    "machine_name",
    "hash",
    "date",
}


def no_constants(name):
    raise AssertionError(f"{name} in JSON")


def test_the_keys_of_the_original_script_are_at_the_top_level():
    record = example_result().to_record()
    assert set(record) >= ORIGINAL_KEYS
    assert "error" not in record


def test_a_failed_run_has_an_error_and_null_numbers():
    failed = example_result(
        status="failed", error="x: y", total_time=None, total_samples=None, samples_per_sec=None
    )
    record = failed.to_record()
    assert record["error"] == "x: y"
    assert record["samples_per_sec"] is None


def test_a_record_reads_back_unchanged():
    result = example_result(notes=["n"], phases_ns={"build": 5})
    again = Result.from_record(json.loads(result.to_json()))
    assert again.to_record() == result.to_record()


def test_records_of_the_original_script_read_back():
    original = {
        "total_time": 2.0,
        "total_samples": 10,
        "samples_per_sec": 5.0,
        "args": {"model": "bert", "config": "tiny"},
        "arch": "wormhole_b0",
        "machine_name": "host",
        "hash": "abc",
        "date": "24-01-31",
    }
    assert Result.from_record(original).ok
    failed = Result.from_record({**original, "error": "Error: hang"})
    assert failed.status == "failed"
    assert failed.error == "Error: hang"


def test_keys_of_a_later_version_are_left_out():
    record = {**example_result().to_record(), "invented_later": 1}
    assert not hasattr(Result.from_record(record), "invented_later")


def test_a_missing_key_of_the_original_script_is_an_error():
    record = example_result().to_record()
    del record["machine_name"]
    with pytest.raises(KeyError, match="machine_name"):
        Result.from_record(record)


@pytest.mark.parametrize("number", [float("nan"), float("inf"), float("-inf")])
def test_nan_and_infinity_become_null(number):
    line = example_result(total_time=number, effective={"x": [number]}).to_json()
    record = json.loads(line, parse_constant=no_constants)
    assert record["total_time"] is None
    assert record["effective"] == {"x": [None]}


def test_values_that_json_does_not_have_become_text():
    record = json.loads(example_result(effective={"dtype": int, 3: {1}}).to_json())
    assert record["effective"] == {"dtype": "<class 'int'>", "3": "{1}"}


@given(st.text(st.characters()))
def test_any_text_survives_json(text):
    line = example_result(error=text, machine_name=text).to_json()
    assert "\n" not in line
    record = json.loads(line.encode("ascii"), parse_constant=no_constants)
    assert record["machine_name"] == text


def test_html_is_escaped():
    hostile = "<script>alert(1)</script>"
    result = example_result(
        args={"model": hostile, "config": hostile}, error=hostile, notes=[hostile], backend=hostile
    )
    assert "<script>" not in result._repr_html_()
    assert "&lt;script&gt;" in result._repr_html_()


def test_the_repr_has_model_rate_and_conditions():
    text = repr(example_result(backend="torch", devices=[{"kind": "cpu"}]))
    assert text == (
        "<Result example small: ok, 80.00 samples/s (1 pass; no interval),"
        " inference, default format, torch on cpu>"
    )


def test_the_repr_of_a_failed_run_has_the_error():
    failed = example_result(status="failed", error="compile: no", samples_per_sec=None)
    assert "failed, compile: no" in repr(failed)


def test_the_summary_shows_how_the_number_was_measured():
    rows = dict(example_result(passes=[{"e2e_ns": ns} for ns in (4e8, 5e8, 6e8)]).summary())
    assert rows["throughput"] == "80.00 samples/s (geometric mean of 3 passes; no interval)"
    assert rows["pass time"] == "500 ms for 5 inputs of 8; 3 passes from 400 ms to 600 ms"


def test_a_record_of_version_1_has_a_summary():
    old = example_result(
        schema_version=1,
        latency={"inputs": 5, "min_ns": 1, "median_ns": 2e6, "mean_ns": 2, "max_ns": 3e6},
    )
    assert dict(old.summary())["latency"] == "median 2 ms, max 3 ms"
