"""The answer of a sweep in a browser: it leads, it can be used by all, and the rest is folded."""

from __future__ import annotations

import pytest
from sweeps import failed, sweep, swept

from ttbench_core.results.answer import AnswerOptions
from ttbench_core.results.report import write_report

EVIL = "<script>window.evil = 1</script><img src=x onerror='window.evil = 1'>\\\" + evil + \\\""
MATRIX = "#answer-table-1"
BOOM = "compile: no kernel for this device"


def written(runs, folder, **options):
    for name in ("altair", "vl_convert", "jinja2"):
        pytest.importorskip(name)
    return write_report(runs, folder / "answer.html", **options)


@pytest.fixture(scope="module")
def answer(tmp_path_factory):
    runs = [
        *sweep(models=2, engines=3, sizes=2),
        failed("bad", error=BOOM, model="model0", microbatch=1),
        swept("sly", rate=900.0, model="model1", microbatch=2, right=False),
    ]
    prices = AnswerOptions(prices={"example": 2.5})
    return written(runs, tmp_path_factory.mktemp("answer"), asked=prices)


@pytest.fixture(scope="module")
def large(tmp_path_factory):
    return written(sweep(), tmp_path_factory.mktemp("large"))


def test_the_answer_leads_and_the_rest_is_folded(open_page, answer):
    page = open_page(answer, unfold=False).page
    assert page.locator("h2").first.inner_text() == "Answer"
    line = page.locator(".headlines li").first.inner_text()
    assert "engine2 Fp16_b at microbatch 2: 4.2 times torch Fp32" in line
    assert page.locator("#summary").is_hidden()
    page.focus("details.rest > summary")
    page.keyboard.press("Enter")
    page.locator("#summary-table-1").wait_for()
    page.wait_for_function("document.querySelector('#chart-throughput-0').dataset.drawn")
    assert page.locator("#chart-throughput-0 svg").bounding_box()["width"] > 300


def test_a_link_to_a_folded_section_opens_it(open_page, answer):
    page = open_page(answer, unfold=False).page
    page.click("nav a[href='#environments']")
    page.locator("#environments").wait_for()


def test_a_cell_of_the_matrix_has_its_ratio_as_text_and_the_rest_for_all(open_page, answer):
    page = open_page(answer, unfold=False).page
    best = page.locator(f"{MATRIX} td:has(small:text-is('best'))").first
    assert best.inner_text().split()[0] == "4.18"
    assert "samples/s" in best.get_attribute("title")
    assert "samples/s" in best.locator(".unseen").text_content()
    broken = page.locator(f"{MATRIX} td.failed")
    assert broken.locator("small").inner_text() == BOOM
    assert BOOM in broken.get_attribute("title")
    wrong = page.locator(f"{MATRIX} td:has-text('wrong outputs')")
    assert float(wrong.inner_text().split()[0]) > 1


def test_colours_follow_the_ratio_in_light_and_dark(open_page, answer):
    for scheme in ("light", "dark"):
        page = open_page(answer, scheme=scheme, unfold=False).page
        colours = page.eval_on_selector_all(
            f"{MATRIX} tbody tr:first-child td",
            "cells => cells.map(one => getComputedStyle(one).backgroundColor)",
        )
        assert len(set(colours)) >= 3


def test_the_matrix_is_sorted_by_keyboard(open_page, answer):
    page = open_page(answer, unfold=False).page
    page.focus(f"{MATRIX} th:has-text('torch Fp16_b') button")
    page.keyboard.press("Enter")
    head = page.locator(f"{MATRIX} th:has-text('torch Fp16_b')")
    assert head.get_attribute("aria-sort") == "ascending"


def test_the_charts_of_an_answer_are_drawn_and_described(open_page, answer):
    page = open_page(answer, unfold=False).page
    for name in ("latency", "accuracy"):
        charts = page.query_selector_all(f".chart[id^=chart-answer-{name}]")
        assert len(charts) == 2
        for chart in charts:
            assert chart.query_selector_all("svg .mark-symbol path")
            assert chart.get_attribute("aria-label")
    assert page.query_selector_all("#chart-answer-latency-0 svg .mark-line path")


def test_costs_are_in_the_table_of_every_engine(open_page, answer):
    page = open_page(answer, unfold=False).page
    page.click("#answer details > summary")
    assert "EUR a million" in page.inner_text("#answer-table-2")
    assert "kWh a million" not in page.inner_text("#answer-table-2")


def test_a_phone_scrolls_no_answer_sideways(open_page, answer):
    page = open_page(answer, width=390).page
    assert page.evaluate("document.documentElement.scrollWidth") <= 390


def test_a_sweep_of_five_hundred_cells_opens_in_silence_and_is_small(open_page, large, artifacts):
    assert large.stat().st_size < 5_000_000
    opened = open_page(large, unfold=False)
    assert opened.page.locator(f"{MATRIX} tbody tr").count() == 50
    assert opened.page.locator(f"{MATRIX} tbody tr >> nth=0").locator("td").count() == 10
    assert opened.page.locator(".headlines li").count() == 10
    opened.page.screenshot(path=artifacts / "answer-light.png")
    assert opened.messages == []
    assert len(opened.requests) == 1


def test_a_script_in_every_field_of_an_answer_is_text(open_page, tmp_path):
    evil = {
        "model": EVIL,
        "verdict": EVIL,
        "machine_name": EVIL,
        "devices": [{"kind": EVIL, "name": EVIL}],
    }
    runs = [
        swept(f"{EVIL}{at}", f"{EVIL}{at}", 100.0 + at, dtype=EVIL, microbatch=size, **evil)
        for at in range(2)
        for size in (1, 2)
    ]
    runs += [swept("sly", EVIL, 900.0, model=EVIL, dtype=EVIL, right=False)]
    runs += [failed(EVIL, EVIL, error=EVIL, model=EVIL, args={"backend_opt_level": EVIL})]
    for run in runs:
        object.__setattr__(run, "sweep", {"name": EVIL})
    opened = open_page(written(runs, tmp_path))
    opened.page.hover("#chart-answer-latency-0 svg .mark-symbol path")
    opened.page.wait_for_selector("#vg-tooltip-element.visible")
    assert opened.page.evaluate("window.evil") is None
    assert opened.page.locator("img").count() == 0
    assert "<script>window.evil" in opened.page.inner_text("#answer")
    assert opened.messages == []
