"""A table of engines names the fastest that can be trusted, and nothing else."""

from __future__ import annotations

import json

import pytest

from ttbench_core.results.engine_row import EngineCell, EngineRow
from ttbench_core.results.engine_rows import HEADER, EngineRows
from ttbench_core.testing import example_result

PEAKS = {"float32": 400e9, "bfloat16": 800e9}


def row(
    backend="torch",
    data_format="Fp32",
    rate=100.0,
    dtype=None,
    flops=100e9,
    level=None,
    passed=True,
    stable=True,
):
    dtype = dtype or {"Fp32": "float32", "Fp16_b": "bfloat16"}.get(data_format, "int8")
    result = example_result(
        samples_per_sec=rate,
        confidence={"estimate": rate, "low": rate * 0.99, "high": rate * 1.01},
        effective={"dtype": dtype},
        verification={"pcc": 0.9999 if passed else 0.1, "passed": passed},
        roofline={
            "flops_per_s": flops,
            "peak_flops_per_s": PEAKS.get(dtype),
            "kernel": f"product {dtype}",
        },
        phases_ns={"compile": 2_500_000_000},
        verdict={"verdict": "stable" if stable else "unstable", "findings": []},
    )
    return EngineRow(EngineCell(backend, data_format, level), "ok", None, result)


def rows(*made):
    return EngineRows(made)


REFUSED = EngineRow(EngineCell("absent", "Fp32"), "refused", "it is not installed")


def test_ratios_are_to_the_first_row_and_the_fastest_is_named():
    found = rows(REFUSED, row(), row("openvino", rate=250.0, flops=240e9))
    assert [found.ratio(one) for one in found.rows] == [None, 1.0, 2.5]
    note, of_ratios = found.notes()
    assert of_ratios == "ratios are to torch Fp32, the first row that may win"
    assert note == (
        "fastest: openvino Fp32, 2.50 x torch Fp32, 60% of the 400 GFLOP/s that product float32"
        " reaches here"
    )


def test_where_the_first_row_may_not_win_it_is_said_what_ratios_are_to():
    found = rows(row(passed=False), row("openvino"))
    assert "ratios are to openvino Fp32, the first row that may win" in list(found.notes())
    assert found.to_record()["ratios_to"] == "openvino Fp32"


def test_a_row_with_wrong_outputs_is_not_the_peak():
    found = rows(row(), row("broken", rate=1e4, flops=2e12, passed=False))
    assert found.peak("float32") == (400e9, "product float32")


def test_a_row_beside_which_no_product_was_measured_has_no_share_and_is_no_peak():
    found = rows(row(), row("torch", "Int8_dyn", dtype="float32", flops=900e9))
    object.__setattr__(found.rows[1].result, "roofline", {"flops_per_s": 900e9})
    assert [found.share(one) for one in found.rows] == [0.25, None]


def test_what_was_compiled_twice_is_shown_with_its_first_cold_compilation():
    cold = row(level=2)
    cold.result.effective["compile_cold_s"] = 1.75
    cold.result.effective["compile_warm_s"] = 0.5
    assert rows(cold, row()).table()[0][HEADER.index("compile")] == "1.8 s"
    assert [one.compile_s for one in (cold, row())] == [1.75, 2.5]


def test_a_wrong_precision_does_not_win():
    found = rows(row(), row("sly", rate=500.0, dtype="bfloat16"))
    assert found.fastest.cell.backend == "torch"
    assert "sly Fp32 computed in bfloat16: it cannot be the fastest in Fp32" in list(found.notes())


def test_wrong_outputs_do_not_win():
    found = rows(row(), row("wrong", rate=500.0, passed=False))
    assert found.fastest.cell.backend == "torch"
    assert found.table()[1][-1] == "stable, wrong outputs"


def test_a_reduced_precision_that_is_slower_is_said():
    notes = list(rows(row(level=2), row(data_format="Fp16_b", rate=59.0, level=2)).notes())
    assert "torch -opt 2 Fp16_b is slower than torch -opt 2 Fp32 on this machine: 0.59 x" in notes


def test_there_is_one_peak_for_each_precision_and_no_share_above_it():
    best = row("openvino", rate=500.0, flops=500e9)
    found = rows(row(), best, row("openvino", "Fp16_b", rate=900.0, flops=400e9))
    assert found.peak("float32") == (500e9, "openvino Fp32 itself")
    assert found.share(best) == 1.0
    assert found.share(found.rows[0]) == pytest.approx(0.2)
    assert found.share(found.rows[2]) == pytest.approx(0.5)


def test_every_row_has_a_cell_for_each_title_and_a_reason_where_it_has_no_number():
    failed = EngineRow(EngineCell("bad", "Fp32"), "failed", "compile: boom")
    found = rows(row(), REFUSED, failed)
    table = found.table()
    assert {len(cells) for cells in table} == {len(HEADER)}
    assert table[0][3:] == (
        *("100.0", "±1.0%", "1.00", "25%", "float32", "0.99990", "2.5 s", "stable"),
    )
    assert [cells[-1] for cells in table[1:]] == ["refused", "failed"]
    refused, broken = found.reasons()
    assert refused.endswith("refused: it is not installed")
    assert broken == "bad Fp32 failed: compile: boom"


def test_unstable_rows_are_counted():
    assert any(
        note.startswith("1 of 2 rows are unstable")
        for note in rows(row(), row("openvino", stable=False)).notes()
    )


def test_without_a_number_there_is_no_fastest():
    found = rows(REFUSED)
    assert list(found.notes()) == []
    assert json.loads(json.dumps(found.to_record()))["fastest"] is None
