"""`ttbench show --pivot`: results as a matrix, in a terminal and for programs."""

from __future__ import annotations

import csv
import io
import json

import pytest

from ttbench_core.testing import example_result

numbers = iter(range(10**6))


def run(model="bert", backend="torch", rate=100.0, microbatch=8, **changes):
    values = {
        "args": {"model": model, "config": "small", "microbatch": microbatch},
        "backend": backend,
        "samples_per_sec": rate,
        "run_id": f"{next(numbers):032x}",
    }
    return example_result(**{**values, **changes})


@pytest.fixture
def show(ttbench, tmp_path):
    def shown(results, *words):
        path = tmp_path / "perf.json"
        path.write_text(json.dumps([one.to_record() for one in results]))
        return ttbench("show", path, *words)

    return shown


RUNS = (
    run("resnet", "torch", 50.0),
    run("bert", "torch", 100.0),
    run("bert", "torch", 400.0),
    run("bert", "openvino", 300.0),
    run("resnet", "openvino", None, status="failed", error="compile: boom"),
)


def lines(outcome):
    assert outcome.code == 0, outcome.err
    return [line.split() for line in outcome.out.splitlines() if line.strip("─ ")]


def test_rows_and_columns_are_in_order_and_cells_are_geometric_means(show):
    assert lines(show(RUNS, "--pivot", "model,backend")) == [
        ["model", "openvino", "torch"],
        ["bert", "300.0", "200.0"],
        ["resnet", "failed", "50.00"],
    ]


def test_what_was_interrupted_is_no_number(show):
    runs = [*RUNS, run("bert", "torch", 9000.0, status="interrupted")]
    assert lines(show(runs, "--pivot", "model,backend"))[1] == ["bert", "300.0", "200.0"]


def test_all_names_but_the_last_make_the_rows(show):
    runs = [run(microbatch=16, rate=8.0), run(microbatch=2, rate=4.0)]
    assert lines(show(runs, "--pivot", "model,microbatch,backend")) == [
        ["model", "microbatch", "torch"],
        ["bert", "2", "4.000"],
        ["bert", "16", "8.000"],
    ]


def test_any_column_can_be_the_value(show):
    runs = [
        run(verdict={"verdict": "stable"}, memory={"host_peak_bytes": 2**30}),
        run(verdict={"verdict": "noisy"}, memory={"host_peak_bytes": 2**32}),
    ]
    pivoted = lines(show(runs, "--pivot", "model,backend", "--value", "verdict"))
    assert pivoted[1] == ["bert", "stable,", "noisy"]
    pivoted = lines(show(runs, "--pivot", "model,backend", "--value", "host_peak_bytes"))
    assert pivoted[1] == ["bert", "2", "GiB"]


def test_filters_apply_before(show):
    assert lines(show(RUNS, "--pivot", "model,backend", "--filter", "model=resnet"))[1:] == [
        ["resnet", "failed", "50.00"]
    ]


def test_csv_and_json_have_all_digits_and_nothing_for_what_failed(show):
    outcome = show([*RUNS, run(rate=1 / 3, backend="=evil")], "--pivot", "model,backend",
                   "--format", "csv")  # fmt: skip
    rows = list(csv.reader(io.StringIO(outcome.out)))
    assert rows[0] == ["model", "'=evil", "openvino", "torch"]
    assert rows[1][1] == repr(1 / 3)
    assert rows[2] == ["resnet", "", "", "50.0"]
    found = json.loads(show(RUNS, "--pivot", "model,backend", "--format", "json").out)
    assert found[1] == {
        "model": "resnet",
        "value": "samples_per_sec",
        "cells": {"openvino": None, "torch": 50.0},
    }


def test_markdown_is_escaped(show):
    text = show([run("a|b", "<script>")], "--pivot", "model,backend", "--format", "markdown").out
    assert text.splitlines()[0] == r"| model | \<script\> |"
    assert text.splitlines()[2].startswith(r"| a\|b |")


def test_control_characters_do_not_reach_the_terminal(show):
    assert "\x1b" not in show([run("\x1b[31m", "\x1b]0;")], "--pivot", "model,backend").out


@pytest.mark.parametrize(
    ("words", "complaint"),
    [
        (["--pivot", "modl,backend"], "there is no column 'modl' (did you mean 'model'"),
        (["--pivot", "model,backend", "--value", "verdct"], "(did you mean 'verdict'?)"),
        (["--pivot", "model"], "--pivot takes the columns of the rows"),
        (["--pivot", "model,model"], "names a column twice"),
        (["--value", "pcc"], "add --pivot model,backend"),
        (["--pivot", "model,backend", "--plot"], "leave out -o, --columns and --plot"),
        (["--pivot", "model,backend", "--format", "tt-forge"], "table, markdown, csv, json"),
    ],
)
def test_a_wrong_request_is_one_line(show, words, complaint):
    outcome = show(RUNS, *words)
    assert outcome.code == 2
    assert complaint in outcome.complaint


def test_no_results_are_said(show):
    words = ["--pivot", "model,backend", "--filter", "model=none"]
    assert "no results" in show(RUNS, *words).out
    assert json.loads(show(RUNS, *words, "--format", "json").out) == []
