"""Runs that nothing compares, compiled only or on an emulated device: left out, and counted."""

from __future__ import annotations

import json

import pytest

from ttbench_core.record.result import Result
from ttbench_core.results.answer import Gatherer
from ttbench_core.results.comparison import NotComparableError, compare
from ttbench_core.results.comparison.paired import compare_pairs
from ttbench_core.results.engine_row import EngineCell, EngineRow
from ttbench_core.results.history import history
from ttbench_core.testing import example_result

EMULATED_TEXT = "1 run on an emulated device, left out"
COMPILED_TEXT = "1 run compiled only, left out"


def emulated(**changes):
    return example_result(
        **{"run_id": "e" * 32, "effective": {"emulated_device": True}, "backend": "tt_xla"}
        | changes
    )


def compiled_only():
    nothing = dict.fromkeys(("samples_per_sec", "total_time", "total_samples"))
    return example_result(status="compiled", run_id="c" * 32, passes=[], **nothing)


@pytest.mark.parametrize(
    ("backend", "effective", "is_comparable"),
    [
        ("tt_xla", {"emulated_device": True}, False),
        ("tt_xla", {"emulated_device": False}, True),
        ("torch", {"emulated": True}, True),  # a format that is emulated: the device is real
        ("pybuda", {"devtype": "golden"}, False),
        ("pybuda", {"devtype": "model"}, False),
        ("pybuda", {"devtype": "silicon"}, True),
        ("other", {"devtype": "golden"}, True),
        ("pybuda", {"devtype": ["golden"]}, True),
        ("tt_xla", "not a mapping", True),
    ],
)
def test_a_run_counts_unless_its_record_says_that_its_device_is_emulated(
    backend, effective, is_comparable
):
    record = {**example_result().to_record(), "backend": backend, "effective": effective}
    assert Result.from_record(record).is_comparable is is_comparable


def test_a_run_that_compiled_only_is_not_comparable():
    assert not compiled_only().is_comparable


@pytest.mark.parametrize(
    ("left_out", "text"), [(emulated, EMULATED_TEXT), (compiled_only, COMPILED_TEXT)]
)
def test_a_comparison_of_such_a_run_alone_says_why_nothing_is_compared(left_out, text):
    with pytest.raises(NotComparableError, match=f"nothing in OLD can be compared: {text}"):
        compare([left_out()], [example_result()])
    with pytest.raises(NotComparableError, match=f"nothing in NEW can be compared: {text}"):
        compare([example_result()], [left_out()], across=("backend",))


def test_a_comparison_of_nothing_says_that_it_is_empty():
    with pytest.raises(NotComparableError, match="nothing in OLD can be compared: it is empty"):
        compare([], [example_result()])


def test_a_comparison_counts_what_it_leaves_out(ttbench, tmp_path):
    old, new = tmp_path / "old.jsonl", tmp_path / "new.jsonl"
    sides = [[example_result(), compiled_only()], [example_result(run_id="1" * 32), emulated()]]
    for file, results in zip((old, new), sides, strict=True):
        file.write_text("".join(one.to_json() + "\n" for one in results))
    shown = ttbench("compare", old, new)
    assert shown.code == 0
    lines = [" ".join(line.split()) for line in shown.out.splitlines()]
    assert f"not in OLD {COMPILED_TEXT}" in lines
    assert f"not in NEW {EMULATED_TEXT}" in lines
    record = json.loads(ttbench("compare", old, new, "--json").out)
    assert record["left_out"] == {"OLD": {"compiled only": 1}, "NEW": {"on an emulated device": 1}}


def test_an_emulated_run_never_wins_across_backends():
    compared = compare(
        [example_result()],
        [example_result(run_id="1" * 32), emulated(samples_per_sec=1e9)],
        across=("backend",),
    )
    assert [pair.effect.ratio for pair in compared.pairs] == [pytest.approx(1.0)]


def test_a_history_counts_what_it_leaves_out(ttbench, tmp_path):
    results = [example_result(), emulated(), compiled_only()]
    found = history(results)
    assert [len(one.points) + one.ignored for one in found.series] == [1]
    assert found.failed == 0
    assert found.to_record()["left_out"] == {"on an emulated device": 1, "compiled only": 1}
    file = tmp_path / "runs.jsonl"
    file.write_text("".join(one.to_json() + "\n" for one in results))
    shown = ttbench("history", file).out
    assert EMULATED_TEXT in shown
    assert COMPILED_TEXT in shown


def test_an_answer_has_no_cell_of_an_emulated_device():
    gatherer = Gatherer()
    for number, one in enumerate([example_result(), emulated()], 1):
        gatherer.add(number, one)
    assert len(gatherer.gathering().cells) == 1


def test_a_report_leaves_them_out_and_counts_them():
    pytest.importorskip("altair", reason="needs ttbench-core[report]")
    from ttbench_core.results.report.collecting import collect
    from ttbench_core.results.report.markdown import as_markdown
    from ttbench_core.results.report.sections import sections_of

    data = collect(
        [example_result(), emulated(), compiled_only()],
        baseline=[example_result(run_id="1" * 32), emulated()],
    )
    assert (data.total, data.failures, len(data.configurations)) == (1, 0, 1)
    told = (EMULATED_TEXT, COMPILED_TEXT, f"baseline: {EMULATED_TEXT}")
    assert data.remarks == told
    notes = next(one.notes for one in sections_of(data) if one.name == "summary")
    markdown = as_markdown(data, "Report")
    for text in told:
        assert f"{text}." in notes
        assert f"{text}." in markdown


def test_a_table_of_engines_has_no_winner_on_an_emulated_device():
    cell = EngineCell("tt_xla", "Fp32")
    real = emulated(effective={"dtype": "float32"})
    unreal = emulated(effective={"dtype": "float32", "emulated_device": True})
    assert EngineRow(cell, "ok", None, real).can_win
    assert not EngineRow(cell, "ok", None, unreal).can_win


def test_a_run_side_by_side_with_an_emulated_device_has_no_verdict():
    found = compare_pairs(example_result(), emulated())
    assert found.verdict == "inconclusive"
    assert found.reason == "B ran on an emulated device"
