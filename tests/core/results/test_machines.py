"""Results of several machines: a column, prices, and a report of models by machines."""

from __future__ import annotations

import json
import re

import pytest
from sweeps import failed, swept

from ttbench_core.errors import OptionError
from ttbench_core.record.machines import machine_of, machine_text
from ttbench_core.record.tables.columns import column, record_of, row_of
from ttbench_core.results.answer import AnswerOptions, Gatherer, answer_of, headline_text
from ttbench_core.results.answer.by_machine import by_machine
from ttbench_core.results.answer.cost import eur_per_million
from ttbench_core.results.report import report_text
from ttbench_core.results.report.machine_table import machine_table
from ttbench_core.testing import example_result

EPYC = {"cpu": "AMD EPYC 9B45", "logical_cores": 2, "usable_cores": 2, "cpu_quota_cores": None}
XEON = {"cpu": "Intel Xeon", "logical_cores": 64, "usable_cores": 8}
H100 = [{"kind": "cuda", "index": 0, "name": "NVIDIA H100"}]


def on(host, name=None, backend="torch", form="Fp32", rate=100.0, **changes):
    """Give a run on a machine that its sweep calls so."""
    settings = {"settings": {"machine": name}} if name else None
    return swept(backend, form, rate, host=host, sweep=settings, **changes)


def answered(results, **options):
    gatherer = Gatherer()
    for number, result in enumerate(results, 1):
        gatherer.add(number, result)
    return answer_of(gatherer.gathering(), AnswerOptions(**options))


def the_text(results, **options):
    answer = answered(results, **options)
    (headline,) = answer.headlines
    return headline_text(answer, headline)


def text_of(**changes):
    return machine_text(vars(example_result(**changes)))


TWO = [
    *(on(EPYC, "epyc"), on(EPYC, "epyc", "openvino", rate=300.0)),
    *(on(XEON, "xeon", rate=250.0), on(XEON, "xeon", "openvino", rate=200.0)),
]


def test_the_machine_is_what_its_sweep_calls_it():
    assert text_of(host=EPYC, sweep={"settings": {"machine": "epyc"}}) == "epyc"
    assert text_of(host=EPYC, devices=H100, sweep={"settings": {"machine": "gpu"}}) == "gpu"


def test_a_machine_without_a_name_is_described_with_its_accelerators_first():
    assert text_of(host=EPYC) == "AMD EPYC 9B45, 2 cores"
    assert text_of(host=XEON) == "Intel Xeon, 8 of 64 cores"
    assert text_of(host={**EPYC, "cpu_quota_cores": 0.5}) == "AMD EPYC 9B45, 0.5 of 2 cores"
    assert text_of(host={**EPYC, "usable_cores": 1, "logical_cores": 1}) == "AMD EPYC 9B45, 1 core"
    assert text_of(host=EPYC, devices=[*H100, *H100]) == "NVIDIA H100, AMD EPYC 9B45, 2 cores"
    assert text_of(host=EPYC, devices=[{"kind": "cpu", "name": "x"}]) == "AMD EPYC 9B45, 2 cores"


def test_a_record_without_a_processor_has_the_name_of_its_host():
    assert text_of() == "example-host"
    assert text_of(devices=H100) == "NVIDIA H100, example-host"
    assert machine_text({}) is None


@pytest.mark.parametrize(
    "odd",
    [
        {"host": {"cpu": 5, "usable_cores": "x"}},
        {"host": {"cpu": "a", "usable_cores": True, "logical_cores": -1}},
        {"host": {"cpu": "a", "usable_cores": 10**400, "cpu_quota_cores": float("nan")}},
        {"sweep": {"settings": 1}},
        {"sweep": {"settings": {"machine": ["a"]}}},
        {"devices": [{"name": None}, {"name": ["x"], "kind": 3}]},
        {"host": {"cpu": "a"}, "machine_name": None},
    ],
)
def test_records_of_odd_things_have_a_machine(odd):
    assert text_of(**odd)
    assert answered([swept(), swept("other", **odd), swept("third", **odd)])


def test_a_name_that_only_describes_is_none():
    described = {"settings": {"machine": "NVIDIA H100, AMD EPYC 9B45, 2 cores"}}
    found = machine_of(vars(example_result(host=EPYC, devices=H100, sweep=described)))
    assert found.name is None


def test_the_column_is_kept_in_a_table_of_columns_alone():
    record = example_result(host=XEON, devices=H100).to_record()
    again = record_of(row_of(record))
    assert column("machine").read(again) == "NVIDIA H100, Intel Xeon, 8 of 64 cores"


def test_results_are_shown_by_machine(ttbench, tmp_path):
    path = tmp_path / "perf.jsonl"
    path.write_text("".join(one.to_json() + "\n" for one in TWO))
    shown = ttbench("show", path, "--pivot", "backend,machine", "--format", "json")
    assert shown.code == 0, shown.err
    rows = json.loads(shown.out)
    assert "epyc" in shown.out
    assert "xeon" in shown.out
    assert rows
    one = ttbench("show", path, "--filter", "machine=xeon", "--columns", "machine,backend")
    assert one.out.count("xeon") == 2
    assert "epyc" not in one.out


def test_variants_are_told_apart_by_machine():
    answer = answered(TWO)
    assert set(answer.variants.values()) == {
        *("torch Fp32 on epyc", "openvino Fp32 on epyc"),
        *("torch Fp32 on xeon", "openvino Fp32 on xeon"),
    }
    assert set(answered([on(EPYC), on(XEON)]).variants.values()) == {
        "torch Fp32 on AMD EPYC 9B45, 2 cores",
        "torch Fp32 on Intel Xeon, 8 of 64 cores",
    }


def test_two_kinds_of_machine_that_two_sweeps_call_alike_are_told_apart():
    answer = answered([on(EPYC, "gpu"), on(XEON, "gpu")])
    assert set(answer.variants.values()) == {
        "torch Fp32 on gpu (AMD EPYC 9B45, 2 cores)",
        "torch Fp32 on gpu (Intel Xeon, 8 of 64 cores)",
    }
    assert len(by_machine(answer).machines) == 2


def test_hosts_of_one_kind_are_one_machine():
    runs = [
        on(EPYC, machine_name="node1"),
        on(EPYC, backend="openvino", rate=300.0, machine_name="node2"),
    ]
    answer = answered(runs)
    assert set(answer.variants.values()) == {"torch Fp32", "openvino Fp32"}
    assert by_machine(answer) is None
    assert the_text(runs).endswith("The baseline was measured on another host of the same kind.")


def test_a_comparison_between_machines_says_so():
    text = the_text(TWO)
    assert re.match(r"openvino Fp32 on epyc: [23]\.\d times torch Fp32 on epyc, ", text)
    assert text.endswith("The next was measured on another machine.")
    answer = answered([on(EPYC), on(XEON, rate=900.0)])
    (headline,) = answer.headlines
    assert "The baseline was measured on another machine." in headline_text(answer, headline)
    differing = {one.what for one in headline.pair.surroundings}
    assert {"cpu", "usable cores"} <= differing
    assert "another" not in the_text([on(EPYC), on(EPYC, backend="openvino")])


def test_the_best_of_each_machine_is_a_table():
    table = machine_table(answered([*TWO, swept(model="resnet", host=EPYC)]))
    assert [one.title for one in table.columns] == [
        *("Model", "epyc", "xeon", "AMD EPYC 9B45, 2 cores"),
    ]
    bert, resnet = table.rows
    assert bert[0].text == "bert base"
    assert [one.order for one in bert[1:3]] == pytest.approx([300, 250], rel=0.03)
    assert all(one.text.endswith(" samples/s") for one in bert[1:3])
    assert bert[3].text == ""
    assert [one.remark for one in bert[1:3]] == ["openvino Fp32", "torch Fp32"]
    assert [one.text for one in resnet][1:3] == ["", ""]


def test_records_of_one_machine_have_no_such_table():
    assert machine_table(answered([on(EPYC, "a"), on(EPYC, "a", "openvino")])) is None


def test_what_may_not_win_on_a_machine_is_not_its_best():
    table = machine_table(answered([on(EPYC), on(XEON, right=False), failed(host=XEON)]))
    (row,) = table.rows
    assert row[2].text == "none"
    assert row[2].hint.startswith("none may win: its last run failed")


def test_markdown_has_the_table_of_machines():
    text = report_text(TWO, format="markdown")
    assert "The best of each model on each machine:" in text
    (row,) = [one for one in text.splitlines() if one.count(" samples/s (") == 2]
    assert row.startswith("| bert base | ")
    assert " samples/s (openvino Fp32) | " in row


@pytest.mark.parametrize(
    "prices",
    [
        {"epyc": 3.6, "xeon": 7.2},
        {"EPYC*": 3.6, "*eon-2": 7.2},
        {"*": 3.6, "xeon-2": 7.2},
        {"example": 3.6, "intel xeon, 8*": 7.2},
    ],
)
def test_a_price_is_by_the_name_of_a_machine_or_by_a_pattern(prices):
    name = None if "example" in prices else "xeon-2"
    runs = [on(EPYC, "epyc"), on(XEON, name, rate=400.0)]
    slow, fast = sorted(answered(runs, prices=prices).cells, key=lambda one: one.rate)
    assert eur_per_million(slow, prices) == pytest.approx(3.6 / 3600 / slow.rate * 1e6)
    assert eur_per_million(fast, prices) == pytest.approx(7.2 / 3600 / fast.rate * 1e6)


def test_a_price_of_a_processor_is_none_of_an_accelerator_beside_it():
    runs = [on(EPYC), on(EPYC, rate=900.0, devices=H100)]
    prices = {"example cpu": 1.0, "NVIDIA H100, AMD EPYC 9B45, 2 cores": 9.0}
    slow, fast = sorted(answered(runs, prices=prices).cells, key=lambda one: one.rate)
    assert eur_per_million(slow, prices) == pytest.approx(1 / 3600 / slow.rate * 1e6)
    assert eur_per_million(fast, prices) == pytest.approx(9 / 3600 / fast.rate * 1e6)
    with pytest.raises(OptionError, match="--price 9b45: "):
        answered(runs, prices={"9b45": 1.0})


def test_the_table_of_machines_has_what_a_million_samples_cost():
    table = machine_table(answered(TWO, prices={"epyc": 3.6}))
    (row,) = table.rows
    assert re.fullmatch(r"openvino Fp32, 3.[34]\d EUR a million samples", row[1].remark)
    assert "EUR" not in row[2].remark
