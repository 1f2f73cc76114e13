"""The page of a report in a browser: drawn, usable by mouse and keyboard, silent, and safe."""

from __future__ import annotations

from itertools import pairwise

import pytest

from ttbench_core.record.result import Result
from ttbench_core.results.report import write_report
from ttbench_core.testing import example_result

EVIL = "<script>window.evil = 1</script><img src=x onerror='window.evil = 1'>\\\" + evil + \\\""
ROOF = {"flops_per_s": 1e9, "peak_flops_per_s": 2e12, "peak_bytes_per_s": 2e10, "share": 0.0005}
STATUS = "#summary-table-1 tbody tr:visible td:nth-child(6)"


def run_of(number, ms=100.0, args=None, **changes):
    passes = []
    for step in (0, 1, -1, 2, -2, 1, 0):
        e2e_ns = round(ms * 1e6 * (1 + step / 500))
        ends = [round(e2e_ns * share / 5) for share in range(6)]
        passes.append({"e2e_ns": e2e_ns, "process": 0, "push_ns": ends[:-1], "pop_ns": ends[1:]})
    rate = 40 / ms * 1e3
    values = {
        "args": {
            "model": "bert",
            "config": "base",
            "loop_count": 5,
            "microbatch": 8,
            "dataformat": "Fp32",
            **(args or {}),
        },
        "samples_per_sec": rate,
        "total_time": ms / 1e3,
        "passes": passes,
        "run_id": f"{number:032x}",
        "started_at": f"2026-01-{1 + number:02}T12:00:00+00:00",
        "versions": {"torch": "2.5"},
        "confidence": {
            "estimate": rate,
            "low": rate * 0.99,
            "high": rate * 1.01,
            "over": "passes",
            "replicates": 7,
        },
        "verdict": {
            "verdict": "stable",
            "findings": [
                {"rule": "fill", "level": "hint", "message": "said", "remedy": "do"},
            ],
        },
        "roofline": ROOF,
        **changes,
    }
    return example_result(**values)


def runs():
    """Give runs that differ in everything that a page shows."""
    made = [
        run_of(number, ms, {"model": model, "microbatch": size, "dataformat": form})
        for number, (model, size, form, ms) in enumerate(
            [
                ("bert", 1, "Fp32", 50),
                ("bert", 8, "Fp32", 100),
                ("bert", 8, "Fp16_b", 60),
                ("resnet", 8, "Fp32", 400),
                ("bert", 8, "Fp32", 90),
                ("resnet", 8, "Fp32", 390),
            ]
        )
    ]
    failure = run_of(
        6, status="failed", error="compile: out of memory", samples_per_sec=None, passes=()
    )
    return [*made, failure]


@pytest.fixture(scope="module")
def report(tmp_path_factory):
    for name in ("altair", "vl_convert", "jinja2"):
        pytest.importorskip(name)
    file = tmp_path_factory.mktemp("report") / "report.html"
    return write_report(runs(), file, baseline=runs()[:4], title="Nightly")


@pytest.fixture(scope="module")
def evil_report(tmp_path_factory):
    for name in ("altair", "vl_convert", "jinja2"):
        pytest.importorskip(name)
    evil = [
        run_of(
            number,
            ms,
            {"model": EVIL, "config": EVIL, "dataformat": f"{EVIL}{number // 2}"},
            machine_name=EVIL,
            arch=EVIL,
            backend=EVIL,
            hash=EVIL,
            date=EVIL,
            environment={EVIL: EVIL},
            versions={EVIL: EVIL},
            host={"cpu": EVIL},
            devices=[{"kind": EVIL, "name": EVIL}],
            model={"unit": EVIL},
            notes=[EVIL],
            verdict={
                "verdict": EVIL,
                "findings": [{"rule": EVIL, "level": EVIL, "message": EVIL, "remedy": EVIL}],
            },
        )
        for number, ms in enumerate((100, 90, 80, 70))
    ]
    failed = [run_of(7, status=EVIL, error=EVIL, samples_per_sec=None, passes=(), started_at=EVIL)]
    file = tmp_path_factory.mktemp("evil") / "report.html"
    return write_report([*evil, *failed], file, baseline=evil, title=EVIL)


def column(page, at):
    return page.eval_on_selector_all(
        f"#summary-table-1 tbody tr > :nth-child({at})",
        "cells => cells.map(one => one.textContent)",
    )


def test_every_chart_is_drawn_and_described(open_page, report):
    page = open_page(report).page
    charts = page.query_selector_all(".chart")
    assert len(charts) >= 10
    for chart in charts:
        assert chart.query_selector_all("svg .mark-symbol path, svg .mark-line path")
        assert chart.get_attribute("role") == "graphics-document"
        assert chart.get_attribute("aria-label")


def test_the_page_makes_no_request_and_logs_no_error(open_page, report):
    opened = open_page(report)
    opened.page.hover("#chart-throughput-0 svg .mark-symbol path")
    opened.page.wait_for_selector("#vg-tooltip-element.visible")
    assert [one for one in opened.requests if not one.startswith("file://")] == []
    assert len(opened.requests) == 1
    assert opened.messages == []


def test_the_policy_refuses_the_network_and_every_other_script(open_page, report):
    page = open_page(report).page
    refused = """action => new Promise(resolve => {
        document.addEventListener("securitypolicyviolation", one => resolve(one.effectiveDirective))
        if (action === "fetch") fetch("https://example.com/").catch(() => null)
        else document.head.append(
            Object.assign(document.createElement("script"), {textContent: "window.ran = 1"}))
    })"""
    assert page.evaluate(refused, "fetch") == "connect-src"
    assert page.evaluate(refused, "script") == "script-src-elem"
    assert page.evaluate("window.ran") is None


def test_rows_are_sorted_by_mouse(open_page, report):
    page = open_page(report).page
    page.click("#summary-table-1 th:has-text('Throughput') button")
    rates = [float(one.split()[0].replace(",", "")) for one in column(page, 4) if one]
    assert rates == sorted(rates)
    assert column(page, 4)[-1] == ""
    page.click("#summary-table-1 th:has-text('Throughput') button")
    rates = [float(one.split()[0].replace(",", "")) for one in column(page, 4) if one]
    assert rates == sorted(rates, reverse=True)


def test_rows_are_sorted_by_keyboard_and_the_order_is_announced(open_page, report):
    page = open_page(report).page
    page.focus("#summary-table-1 th:has-text('Run') button")
    page.keyboard.press("Enter")
    assert column(page, 1) == ["1", "2", "3", "4", "5", "6", "7"]
    head = page.query_selector("#summary-table-1 th:has-text('Run')")
    assert head.get_attribute("aria-sort") == "ascending"
    page.keyboard.press("Tab")
    page.keyboard.press("Space")
    assert head.get_attribute("aria-sort") is None
    second = page.query_selector("#summary-table-1 thead th:nth-child(2)")
    assert second.get_attribute("aria-sort") == "ascending"


def test_rows_are_filtered_by_their_text(open_page, report):
    page = open_page(report).page
    page.get_by_label("Filter rows by text").first.wait_for()
    box = page.locator("#summary input[type=search]")
    box.focus()
    page.keyboard.type("resnet")
    assert page.locator("#summary-table-1 tbody tr:visible").count() == 2
    assert page.inner_text("#summary output") == "2 of 7 rows"
    box.fill("failed memory")
    assert page.locator(STATUS).all_inner_texts() == ["failed"]
    box.fill("")
    assert page.locator("#summary-table-1 tbody tr:visible").count() == 7


def test_an_environment_is_reached_from_its_run(open_page, report):
    page = open_page(report).page
    page.click("#summary-table-1 a[href^='#environment-']")
    assert page.locator("details.environment:target").get_attribute("open") is not None


def test_headings_and_landmarks_are_in_order(open_page, report):
    page = open_page(report).page
    levels = page.eval_on_selector_all(
        "h1, h2, h3", "heads => heads.map(one => Number(one.tagName[1]))"
    )
    assert levels[0] == 1
    assert levels.count(1) == 1
    assert all(after - before <= 1 for before, after in pairwise(levels))
    for landmark in ("banner", "navigation", "main", "contentinfo"):
        assert page.get_by_role(landmark).count() == 1
    assert page.locator("table:not(:has(caption))").count() == 0


def test_a_script_in_every_field_is_shown_and_never_run(open_page, evil_report):
    opened = open_page(evil_report)
    opened.page.hover("#chart-throughput-0 svg .mark-symbol path")
    opened.page.wait_for_selector("#vg-tooltip-element.visible")
    assert opened.page.evaluate("window.evil") is None
    assert opened.page.locator("img").count() == 0
    assert "<script>window.evil = 1</script>" in opened.page.inner_text("#summary-table-1")
    assert "<script>window.evil" in opened.page.inner_text("#vg-tooltip-element")
    assert opened.messages == []
    assert len(opened.requests) == 1
    assert opened.page.locator(".chart:not(:has(svg))").count() == 0


def test_a_change_point_shows_what_differs_there_and_runs_none_of_it(open_page, tmp_path):
    made = [
        run_of(
            at, (100 if at < 16 else 150) + at * 7 % 5, versions={"torch": EVIL if at > 15 else "2"}
        )
        for at in range(24)
    ]
    opened = open_page(write_report(made, tmp_path / "report.html"))
    # a vertical line has no width, so that it does not count as visible
    line = opened.page.locator("#chart-history-0 svg .mark-rule line[stroke-width='3']")
    line.dispatch_event("pointerover")
    line.dispatch_event("pointermove")
    opened.page.wait_for_selector("#vg-tooltip-element.visible")
    tooltip = opened.page.inner_text("#vg-tooltip-element")
    assert "slower" in tooltip
    assert "<script>" in tooltip
    assert opened.page.evaluate("window.evil") is None
    assert "torch 2 against <script>" in opened.page.inner_text("#history")


def test_records_of_the_original_script_are_drawn_without_an_error(open_page, tmp_path):
    for name in ("altair", "vl_convert", "jinja2"):
        pytest.importorskip(name)
    bare = [
        Result.from_record(
            {
                "total_time": 0.5,
                "total_samples": 40,
                "samples_per_sec": rate,
                "args": {"model": "bert", "microbatch": size, "dataformat": form},
                "arch": "grayskull",
                "machine_name": "tt-1",
                "hash": commit,
                "date": "23-01-31",
            }
        )
        for rate, size, form, commit in (
            (80.0, 8, "Fp32", "a"),
            (90.0, 8, "Fp32", "b"),
            (9.0, 1, "Fp32", "b"),
            (99.0, 8, "Fp16_b", "b"),
        )
    ]
    opened = open_page(write_report(bare, tmp_path / "report.html", baseline=bare[:1]))
    assert opened.messages == []
    assert opened.page.locator(".chart svg").count() >= 5


def test_the_page_and_its_charts_are_dark_where_that_is_wanted(open_page, report, artifacts):
    page = open_page(report, scheme="dark").page
    assert brightness(page) < 60
    dark = axis_colour(page)
    page.screenshot(path=artifacts / "report-dark.png", full_page=True)
    page.emulate_media(color_scheme="light")
    page.wait_for_selector("html[data-drawn=light]")
    assert brightness(page) > 200
    assert axis_colour(page) != dark


def brightness(page):
    colour = page.evaluate("getComputedStyle(document.body).backgroundColor")
    return sum(int(one) for one in colour.strip("rgb()").split(",")) / 3


def axis_colour(page):
    return page.get_attribute("#chart-throughput-0 svg .role-axis-label text", "fill")


def test_a_phone_scrolls_no_page_sideways(open_page, report, artifacts):
    page = open_page(report, width=390).page
    assert page.evaluate("document.documentElement.scrollWidth") <= 390
    assert page.evaluate("Math.max(...[...document.querySelectorAll('.chart svg')]"
                         ".map(one => one.getBoundingClientRect().right))") <= 390  # fmt: skip
    page.screenshot(path=artifacts / "report-phone.png", full_page=True)


def test_a_picture_of_the_page_is_kept(open_page, report, artifacts):
    page = open_page(report).page
    page.screenshot(path=artifacts / "report-light.png", full_page=True)
    assert (artifacts / "report-light.png").stat().st_size > 10_000
