"""`ttbench show`: stored results, as a table, a plot, or another tool's format."""

from __future__ import annotations

import csv
import io
import json

import pytest

from ttbench_core.testing import example_result


def result(name, rate, **changes):
    values = {
        "args": {"model": name, "config": "small", "microbatch": 4, "dataformat": "Fp16_b"},
        "model": {"name": name, "config": "small", "task": "arithmetic"},
        "samples_per_sec": rate,
        "run_id": f"{name}{rate:g}".encode().hex(),
    }
    return example_result(**{**values, **changes})


@pytest.fixture
def perf(tmp_path):
    path = tmp_path / "perf.json"
    failed = result("broken", 0, samples_per_sec=None, status="failed", error="build: no")
    found = [result("bert", 20.0), result("resnet", 30.5), result("bert", 10.0), failed]
    path.write_text(json.dumps([one.to_record() for one in found]))
    return path


def models(text):
    return [line.split()[1] for line in text.splitlines()[2:]]


def test_a_table_has_a_row_a_result_in_the_order_of_the_file(ttbench, perf):
    outcome = ttbench("show", perf)
    assert outcome.code == 0, outcome.err
    assert models(outcome.out) == ["bert", "resnet", "bert", "broken"]
    assert "build: no" in outcome.out


def test_rows_are_filtered_sorted_and_counted(ttbench, perf):
    outcome = ttbench("show", perf, "--filter", "status=ok", "--sort", "samples_per_sec")
    assert models(outcome.out) == ["bert", "bert", "resnet"]
    outcome = ttbench("show", perf, "--sort", "samples_per_sec", "--reverse", "--limit", 2)
    assert models(outcome.out) == ["resnet", "bert"]
    outcome = ttbench("show", perf, "--filter", "model=bert", "--filter", "samples_per_sec>15")
    assert models(outcome.out) == ["bert"]


def test_empty_cells_come_last_whichever_way_rows_are_sorted(ttbench, perf):
    for words in ([], ["--reverse"]):
        outcome = ttbench("show", perf, "--sort", "samples_per_sec", *words)
        assert models(outcome.out)[-1] == "broken"


def test_columns_are_those_that_were_asked_for(ttbench, perf):
    outcome = ttbench("show", perf, "--columns", "model, samples_per_sec,layers")
    assert outcome.out.splitlines()[0].split() == ["model", "samples_per_sec", "layers"]


def test_one_record_can_be_chosen(ttbench, perf):
    assert models(ttbench("show", f"{perf}@1").out) == ["resnet"]
    assert models(ttbench("show", f"{perf}@{b'resnet30.5'.hex()}").out) == ["resnet"]


def test_several_targets_are_shown_one_after_the_other(ttbench, perf):
    assert len(models(ttbench("show", perf, perf).out)) == 8


def test_csv_has_full_values_of_every_column(ttbench, perf):
    outcome = ttbench("show", perf, "--format", "csv")
    rows = list(csv.DictReader(io.StringIO(outcome.out)))
    assert [row["samples_per_sec"] for row in rows] == ["20.0", "30.5", "10.0", ""]


def test_json_has_whole_records_or_the_columns_that_were_asked_for(ttbench, perf):
    whole = json.loads(ttbench("show", perf, "--format", "json").out)
    assert whole == json.loads(perf.read_text())
    cells = json.loads(ttbench("show", perf, "--format", "json", "--columns", "model").out)
    assert cells[0] == {"model": "bert"}
    none = ttbench("show", perf, "--format", "json", "--filter", "model=no").out
    assert json.loads(none) == []


def test_markdown_is_a_table_for_a_pull_request(ttbench, perf):
    lines = ttbench("show", perf, "--format", "markdown").out.splitlines()
    assert lines[1].startswith("| --- | ---")
    assert len(lines) == 6


def test_tt_forge_has_the_keys_that_its_tools_read(ttbench, perf):
    record = json.loads(ttbench("show", f"{perf}@1", "--format", "tt-forge").out)
    assert record["model"] == "resnet small"
    assert record["model_rawname"] == "resnet"
    assert record["model_type"] == "arithmetic"
    assert (record["precision"], record["batch_size"]) == ("bfloat16", 4)
    assert [(one["measurement_name"], one["value"]) for one in record["measurements"]] == [
        ("total_samples", 40),
        ("total_time", 0.5),
    ]
    assert {one["step_name"] for one in record["measurements"]} == {"resnet small"}
    assert record["device_info"]["device_name"] == "example-host"
    several = json.loads(ttbench("show", perf, "--format", "tt-forge", "--filter", "status=ok").out)
    assert len(several) == 3


def test_tt_forge_has_the_first_token_of_a_generator_in_ms(ttbench, tmp_path):
    path = tmp_path / "perf.json"
    generation = {"ttft": {"mean_ns": 2_500_000}, "new_tokens": 8, "prompt_tokens": 16}
    path.write_text(result("gpt2", 5, generation=generation, arch="wormhole_b0").to_json())
    record = json.loads(ttbench("show", path, "--format", "tt-forge").out)
    assert record["measurements"][-1]["measurement_name"] == "ttft"
    assert record["measurements"][-1]["value"] == 2.5
    assert record["output_sequence_length"] == 8
    assert record["device_info"]["arch"] == "wormhole"


def test_what_tt_forge_cannot_say_is_left_out_with_a_word(ttbench, perf):
    outcome = ttbench("show", perf, "--format", "tt-forge")
    assert outcome.code == 0
    assert outcome.complaint == "ttbench: left out 1 that were not measured"
    assert len(json.loads(outcome.out)) == 3


@pytest.mark.parametrize(
    "odd",
    [
        {"passes": [{"e2e_ns": 1, "push_ns": 5, "pop_ns": ["a"]}]},
        {"passes": [{"e2e_ns": 1, "push_ns": ["a", None], "pop_ns": [[], 2]}]},
        {"warmup": {"inputs": "x"}, "generation": {"ttft": [1], "new_tokens": "x"}},
        {"generation": {"ttft": {"mean_ns": "x"}}, "args": {"chips": "x", "image_size": []}},
        {"model": {"inputs": [{"shape": None}, 3]}, "confidence": {"low": "x"}},
    ],
)
def test_a_record_of_odd_things_is_shown_in_every_way(ttbench, tmp_path, odd):
    path = tmp_path / "perf.json"
    path.write_text(example_result(**odd).to_json())
    for words in ([], ["--plot"], ["--format", "csv"], ["--format", "tt-forge"]):
        outcome = ttbench("show", path, *words)
        assert outcome.code == 0, outcome.err


def test_a_limit_beyond_all_numbers_is_all(ttbench, perf):
    assert len(models(ttbench("show", perf, "--limit", 10**30).out)) == 4


def test_a_plot_has_bars_and_histograms(ttbench, tmp_path):
    path = tmp_path / "perf.json"
    passes = [{"e2e_ns": 10, "push_ns": [0, 0], "pop_ns": [3_000_000, 9_000_000]}] * 3
    found = [result("bert", 20.0, passes=passes), result("resnet", 40.0)]
    path.write_text(json.dumps([one.to_record() for one in found]))
    out = ttbench("show", path, "--plot").out
    bars = [line.count("\u2588") for line in out.splitlines()[1:3]]
    assert bars == [20, 40]
    assert "latency of bert small, 6 inputs" in out
    assert "3 ms to 6 ms" in out


def test_a_plot_of_nothing_says_so(ttbench, perf):
    assert "no results" in ttbench("show", perf, "--filter", "status=failed", "--plot").out


def test_what_a_record_holds_moves_no_cursor(ttbench, tmp_path):
    path = tmp_path / "perf.json"
    path.write_text(result("\x1b[2Jgone\nline", 1).to_json())
    for words in ([], ["--plot"], ["--format", "markdown"]):
        assert "\x1b" not in ttbench("show", path, *words).out


@pytest.mark.parametrize(
    ("words", "complaint"),
    [
        ([], "show takes a TARGET"),
        (["nowhere.json"], "there is no file nowhere.json"),
        (["PERF", "--filter", "model"], "a filter is NAME=VALUE"),
        (["PERF", "--sort", "speed"], "there is no column 'speed'"),
        (["PERF", "--columns", "modle"], "did you mean 'model'"),
        (["PERF", "--columns", ","], "--columns names none"),
        (["PERF", "--limit", "0"], "must be 1 or more"),
        (["PERF", "--plot", "--format", "csv"], "--plot draws in the terminal"),
        (["PERF", "-o", "x.json", "--format", "csv"], "-o appends whole results"),
        (["mysql://host/db"], "no sink is registered for mysql://"),
    ],
)
def test_a_wrong_request_is_one_line(ttbench, perf, words, complaint):
    outcome = ttbench("show", *(str(perf) if word == "PERF" else word for word in words))
    assert outcome.code == 2
    assert complaint in outcome.complaint


def test_results_are_appended_to_another_place(ttbench, perf, tmp_path):
    target = tmp_path / "some.jsonl"
    outcome = ttbench("show", perf, "--filter", "model=bert", "-o", target)
    assert outcome.out == f"appended 2 results to {target}\n"
    assert len(target.read_text().splitlines()) == 2


@pytest.mark.usefixtures("broken_after_the_check")
def test_results_that_cannot_be_appended_are_rescued(ttbench, perf, tmp_path):
    (tmp_path / "foreign.json").write_text("{}")
    outcome = ttbench("show", f"{perf}@0", "-o", tmp_path / "foreign.json")
    assert outcome.code == 1
    assert (tmp_path / "post_error_foreign.json").exists()
