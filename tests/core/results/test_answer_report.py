"""`ttbench report` leads with the answer: as Markdown, and what its options take."""

from __future__ import annotations

import json

import pytest
from sweeps import failed, sweep, swept

from ttbench_core.results.report import report_text
from ttbench_core.results.report.answer_tables import cells_table, matrix_table
from ttbench_core.results.report.collecting import collect


@pytest.fixture
def report(ttbench, tmp_path):
    def reported(results, *words):
        path = tmp_path / "sweep.jsonl"
        path.write_text("".join(one.to_json() + "\n" for one in results))
        return ttbench("report", path, "--format", "markdown", *words)

    return reported


RUNS = [
    *(swept() for _ in range(3)),
    *(swept("openvino", "Fp16_b", 490.0) for _ in range(3)),
    failed("bad", error="compile: boom | <b>"),
]


def test_markdown_leads_with_headlines_and_the_matrix():
    text = report_text(RUNS, format="markdown")
    lines = text.splitlines()
    assert lines[2] == "## Answer"
    assert lines[4].startswith("* **bert base**: openvino Fp16\\_b: 4.9 times torch Fp32, 4.8 to")
    assert "| Model | torch Fp32 | openvino Fp16\\_b | bad Fp32 |" in lines
    (row,) = [line for line in lines if line.startswith("| bert base | 1.00")]
    broken = r"failed (compile: boom \| \<b\>)"
    assert row == f"| bert base | 1.00 (baseline) | 4.90 (best) | {broken} |"
    assert text.index("## Answer") < text.index("## Runs")


def test_what_is_left_out_is_counted_by_question_and_cell(monkeypatch):
    monkeypatch.setattr("ttbench_core.results.answer.kept_runs._MAX_RUNS", 5)
    note = "kept: 1 question (model, configuration and scenario) with 6 cells."
    text = report_text(sweep(models=1, engines=3, sizes=1, records=1), format="markdown")
    assert note in text
    assert "| Model |" not in text


def test_records_of_one_engine_are_reported_as_before():
    assert "## Answer" not in report_text([swept(), swept()], format="markdown")


def test_markdown_of_a_large_sweep_fits_a_comment():
    assert len(report_text(sweep(records=1), format="markdown")) < 65_536


def test_the_matrix_has_a_row_for_each_microbatch_and_a_column_for_each_variant():
    answer = collect(sweep(models=2, engines=2, sizes=3, records=1)).answer
    table = matrix_table(answer)
    assert [column.title for column in table.columns] == [
        *("Model", "torch Fp32", "torch Fp16_b", "engine1 Fp32", "engine1 Fp16_b"),
    ]
    assert [row[0].text for row in table.rows][:3] == [
        *("model0 base mb 1", "model0 base mb 2", "model0 base mb 4"),
    ]
    assert {row[4].tone for row in table.rows} == {"up-2"}
    assert all("samples/s" in cell.hint for row in table.rows for cell in row[1:])


def test_what_may_not_win_says_so_in_its_cell_and_in_the_table():
    answer = collect([*RUNS, swept("sly", rate=9.5, right=False)]).answer
    (row,) = matrix_table(answer).rows
    (cell,) = [one for one in row if one.remark == "wrong outputs"]
    assert cell.text.startswith("0.09")
    assert cell.tone == "down-3"
    reasons = {row[-1].text for row in cells_table(answer).rows}
    assert reasons == {"", "wrong outputs", "failed: compile: boom | <b>"}


def test_a_cell_whose_last_run_failed_says_so_beside_its_ratio():
    answer = collect([*RUNS, failed("openvino", "Fp16_b", error="compile: gone")]).answer
    (row,) = matrix_table(answer).rows
    (cell,) = [one for one in row if one.text == "4.90"]
    assert cell.remark == "its last run failed: compile: gone"
    assert "its last run failed: compile: gone" in {
        one[-1].text for one in cells_table(answer).rows
    }


def test_a_baseline_of_conditions_is_what_ratios_are_relative_to(report):
    outcome = report(RUNS, "--baseline", "backend=openvino dataformat=Fp16_b")
    assert outcome.code == 0, outcome.err
    assert "which is the baseline" in outcome.out
    assert "Against the baseline" not in outcome.out


def test_a_baseline_of_results_is_compared_as_before(report, tmp_path):
    old = tmp_path / "old.json"
    old.write_text(json.dumps([one.to_record() for one in RUNS]))
    outcome = report(RUNS, "--baseline", old)
    assert "## Against the baseline" in outcome.out
    assert outcome.out.index("## Answer") < outcome.out.index("## Against the baseline")


def test_a_price_is_in_the_headline_and_among_the_notes(report):
    outcome = report(RUNS, "--price", "EXAMPLE-HOST=3.6")
    assert "EUR a million samples" in outcome.out
    assert "EXAMPLE-HOST 3.6 EUR an hour" in outcome.out


def test_a_price_needs_no_second_engine(report):
    assert "EUR a million samples" in report([swept()], "--price", "example=1").out


@pytest.mark.parametrize(
    ("words", "complaint"),
    [
        (["--price", "h100=2.5"], "--price h100: no device or host has that in its name"),
        (["--price", "h100"], "--price is NAME=EUR_PER_HOUR"),
        (["--baseline", "bakend=torch"], "did you mean 'backend'"),
        (["--baseline", "backend=nothing"], "no record that has a number matches backend=nothing"),
    ],
)
def test_a_wrong_request_is_one_line(report, words, complaint):
    outcome = report(RUNS, *words)
    assert outcome.code == 2
    assert complaint in outcome.complaint


def test_the_sweep_is_in_the_title():
    run = swept("other", model="bert")
    object.__setattr__(run, "model", {**run.model, "inputs": [{"shape": [8], "dtype": "x"}]})
    object.__setattr__(run, "sweep", {"name": "nightly"})
    text = report_text([*RUNS, run], format="markdown")
    assert text.startswith("# Benchmark report: nightly\n")
