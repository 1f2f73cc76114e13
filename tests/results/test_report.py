"""A report shows any number of records safely, also records that lack values."""

from __future__ import annotations

import builtins
import json
import math
import os
import re
from itertools import count
from pathlib import Path

import pytest

from ttbench_core.record.result import Result
from ttbench_core.results.history import history
from ttbench_core.results.reading import load
from ttbench_core.results.report import ReportError, merge_by_time, report_text, write_report
from ttbench_core.results.report.collecting import MAX_CONFIGURATIONS, MAX_RUNS, collect
from ttbench_core.results.report.markdown import as_markdown
from ttbench_core.results.report.report_data import RateChanges
from ttbench_core.results.report.sections import sections_of
from ttbench_core.testing import example_result

ARGS = {"model": "bert", "config": "base", "loop_count": 5, "microbatch": 8, "dataformat": "Fp32"}
SEED = {
    "total_time": 0.5,
    "total_samples": 40,
    "samples_per_sec": 80.0,
    "args": {"model": "bert", "config": "base", "microbatch": 8},
    "arch": "grayskull",
    "machine_name": "tt-1",
    "hash": "abc123",
    "date": "23-01-31",
}
EVIL = '<script>window.evil = 1</script>|`{{ 7 * 7 }}\\"&'
numbers = count(1)


def run_of(ms=100.0, at=None, args=None, **changes):
    """Give a run of seven passes around so many ms."""
    number = next(numbers) if at is None else at
    passes = []
    for step in (0, 1, -1, 2, -2, 1, 0):
        e2e_ns = round(ms * 1e6 * (1 + step / 500))
        ends = [round(e2e_ns * share / 5) for share in range(6)]
        passes.append({"e2e_ns": e2e_ns, "process": 0, "push_ns": ends[:-1], "pop_ns": ends[1:]})
    rate = 40 / ms * 1e3
    values = {
        "args": {**ARGS, **(args or {})},
        "samples_per_sec": rate,
        "total_time": ms / 1e3,
        "passes": passes,
        "run_id": f"{number:032x}",
        "started_at": f"2026-01-{1 + number // 24 % 28:02}T{number % 24:02}:00:00+00:00",
        "versions": {"python": "3.11", "torch": "2.5"},
        "confidence": {"low": rate * 0.99, "high": rate * 1.01, "over": "passes", "replicates": 7},
        "verdict": {"verdict": "stable", "findings": []},
        **changes,
    }
    return example_result(**values)


def failed_run(**changes):
    return run_of(
        **{
            "status": "failed",
            "error": "compile: out of memory",
            "samples_per_sec": None,
            "passes": (),
            "confidence": None,
            "verdict": None,
            **changes,
        }
    )


def page_of(results, **options):
    for name in ("altair", "vl_convert", "jinja2"):
        pytest.importorskip(name)
    return report_text(results, **options)


def specs_in(page):
    (text,) = re.findall(
        r'<script type="application/json" id="specs">(.*?)</script>', page, re.DOTALL
    )
    return json.loads(text)


# collecting


def test_runs_with_the_same_key_are_one_configuration():
    data = collect([run_of(), run_of(), run_of(args={"microbatch": 4})])
    assert sorted(one.runs for one in data.configurations) == [1, 2]
    assert {one.label for one in data.configurations} == {"bert base mb 4", "bert base mb 8"}


def test_a_failed_run_counts_and_keeps_its_reason():
    data = collect([run_of(), failed_run()])
    assert (data.total, data.failures) == (2, 1)
    assert [run.error for run in data.failed_runs] == ["compile: out of memory"]


def test_a_run_that_compiled_only_is_left_out():
    compiled = failed_run(status="compiled", error=None)
    assert collect([compiled]).total == 0
    data = collect([run_of(), compiled], baseline=[run_of(), compiled])
    assert (data.total, data.failures, len(data.configurations)) == (1, 0, 1)
    assert data.comparison is not None
    assert data.comparison.failures == ()


def test_a_run_that_failed_before_its_sizes_were_known_counts_for_its_configuration():
    (one,) = collect([run_of(), failed_run(args={"microbatch": None})]).configurations
    assert (one.runs, one.failures) == (2, 1)


def test_runs_beyond_the_maximum_are_counted():
    data = collect(run_of() for _ in range(MAX_RUNS + 50))
    assert (data.total, len(data.runs)) == (MAX_RUNS + 50, MAX_RUNS)
    assert data.runs[0].number == MAX_RUNS + 50


def test_configurations_beyond_the_maximum_are_counted_as_left_out():
    runs = (run_of(args={"microbatch": 1 + number}) for number in range(MAX_CONFIGURATIONS + 3))
    data = collect(runs)
    assert (len(data.configurations), data.left_out) == (MAX_CONFIGURATIONS, 3)


def test_each_environment_is_listed_once():
    data = collect([run_of(), run_of(), run_of(versions={"torch": "2.6"})])
    assert list(data.environments) == [1, 2]
    assert [run.environment for run in data.runs] == [2, 1, 1]


def test_a_distribution_has_a_hundred_quantiles_at_most():
    passes = [{"e2e_ns": 10**9, "push_ns": [0] * 5000, "pop_ns": list(range(1, 5001))}]
    (one,) = collect([run_of(passes=passes)]).configurations
    (detail,) = one.details
    assert (len(detail.latency), detail.inputs) == (100, 5000)
    assert (detail.latency[0].ns, detail.latency[-1].ns) == (1, 5000)


def test_many_passes_are_reduced_and_keep_their_extremes():
    times = [10**8 + (number * 7919) % 1000 for number in range(5000)]
    passes = [{"e2e_ns": one, "push_ns": [], "pop_ns": []} for one in times]
    (one,) = collect([run_of(passes=passes)]).configurations
    (detail,) = one.details
    assert len(detail.passes) <= 120
    assert {min(times), max(times)} <= {each.e2e_ns for each in detail.passes}


def test_a_history_is_thinned_and_keeps_its_ends():
    runs = [run_of(at=number) for number in range(1000)]
    (one,) = collect(runs).configurations
    assert len(one.history) <= 151
    assert (one.history[0].run, one.history[-1].run, one.measured) == (1, 1000, 1000)


# history


def verdicts(runs):
    (one,) = collect(runs).configurations
    return [(change.since, change.pair.effect.verdict) for change in one.changes]


def test_a_change_since_the_first_runs_is_found():
    old = [run_of(100) for _ in range(5)]
    new = [run_of(80, versions={"torch": "2.6"}) for _ in range(5)]
    assert verdicts([*old, *new]) == [("the first runs", "faster")]


def test_a_change_against_the_previous_environment_is_listed_as_well():
    runs = [
        run_of(ms, versions={"torch": version})
        for ms, version in ((100, "2.5"), (50, "2.6"), (100, "2.7"))
        for _ in range(5)
    ]
    first, before = verdicts(runs)
    assert first[0] == "the first runs"
    assert before == ("the latest runs in the environment before", "slower")


def test_runs_of_one_environment_are_compared_without_a_run_on_both_sides():
    (one,) = collect([run_of(), run_of(), run_of()]).configurations
    (change,) = one.changes
    assert (change.old_runs, change.new_runs) == ((1,), (2, 3))


def test_one_run_has_no_history():
    assert verdicts([run_of()]) == []


def stepped(**changes):
    """Give runs of which the last eight are slower, and have these changes."""
    times = [100 + number * 37 % 11 / 10 for number in range(40)]
    return [
        *(run_of(ms, at=number) for number, ms in enumerate(times[:32])),
        *(run_of(ms * 1.1, at=number + 32, **changes) for number, ms in enumerate(times[32:])),
    ]


def test_a_change_point_has_its_run_its_ratio_and_what_differs():
    (one,) = collect(stepped(versions={"torch": "2.6"})).configurations
    (change,) = one.rate_changes.changes
    assert (change.after.first.number, change.direction) == (33, "slower")
    assert change.ratio == pytest.approx(1 / 1.1, rel=0.01)
    assert "torch" in {difference.what for difference in change.differences}


def test_noisy_runs_are_not_searched_for_change_points_and_that_is_said():
    data = collect(stepped(verdict={"verdict": "noisy", "findings": []}))
    assert data.configurations[0].rate_changes == RateChanges((), ignored=8)
    (section,) = [one for one in sections_of(data) if one.name == "history"]
    assert "8 runs noisy or unstable: not searched for change points." in section.notes


def test_change_points_are_those_that_ttbench_history_finds():
    runs = stepped()
    (of_report,) = collect(runs).configurations
    (of_history,) = history(runs).series
    assert of_report.rate_changes.changes == of_history.changes


def test_a_chart_marks_the_change_points_with_a_tooltip():
    spec = specs_in(page_of(stepped(versions={"torch": "2.6"})))["chart-history-0"]
    (mark,) = [layer for layer in spec["layer"] if layer["mark"].get("strokeWidth") == 3]
    (row,) = spec["datasets"][mark["data"]["name"]]
    assert (row["run"], row["direction"]) == (33, "slower")
    assert "torch 2.5 against 2.6" in row["differs"]
    assert {"ratio", "interval", "p", "differs"} <= {
        one["field"] for one in mark["encoding"]["tooltip"]
    }


def test_a_history_without_change_points_has_no_mark_and_no_table_of_them():
    page = page_of([run_of(at=number) for number in range(5)])
    assert "change point" not in json.dumps(specs_in(page))
    assert "<caption>Change points" not in page


def test_markdown_lists_the_change_points():
    text = report_text(stepped(versions={"torch": "2.6"}), format="markdown")
    (row,) = re.findall(r"^\| bert base \| 33 \|.*$", text, re.MULTILINE)
    assert "slower" in row
    assert "torch 2.5 against 2.6" in row
    assert "## Change points" not in report_text([run_of()], format="markdown")


# the page


def test_the_page_holds_every_part(tmp_path):
    runs = [
        run_of(ms, args={"microbatch": size, "dataformat": form}, roofline=ROOF)
        for size, form, ms in ((1, "Fp32", 100), (8, "Fp32", 300), (8, "Fp16_b", 150))
        for _ in range(2)
    ]
    page = page_of(runs, baseline=runs, title="Nightly")
    assert "<h1>Nightly</h1>" in page
    drawn = {name.split("-")[1] for name in specs_in(page)}
    assert drawn == {
        *("comparison", "throughput", "latency", "passes", "microbatch", "dataformat"),
        *("roofline", "history"),
    }
    assert all(spec["description"] for spec in specs_in(page).values())
    assert "no arithmetic intensity" in page


ROOF = {"flops_per_s": 1e9, "peak_flops_per_s": 2e12, "peak_bytes_per_s": 2e10, "share": 0.0005}


def test_every_chart_has_its_figures_as_a_table():
    page = page_of([run_of(), run_of()])
    assert page.count('<div class="chart"') == page.count("Figures as a table") > 0


def test_the_page_loads_nothing_and_its_policy_forbids_it():
    page = page_of([run_of()])
    markup = re.sub(r"<script>.*?</script>", "", page, flags=re.DOTALL)
    assert not re.search(r"""(src|srcset|action|data)=["']|url\(|@import|<link""", markup)
    (policy,) = re.findall(r'Content-Security-Policy" content="([^"]*)"', page)
    assert "default-src &#39;none&#39;" in policy
    assert "unsafe-eval" not in policy
    assert "http" not in policy


def test_a_script_in_every_field_is_text():
    page = page_of([run_of(**evil_fields())], title=EVIL)
    assert "<script>window.evil" not in page
    assert "&lt;script&gt;window.evil" in page
    assert all("script" not in json.dumps(_without_data(spec)) for spec in specs_in(page).values())


def test_a_unit_that_is_no_word_is_not_used_in_titles():
    # Vega-Lite makes expressions of titles
    page = page_of([run_of(model={"unit": '" + evil + "'})])
    assert "evil" not in json.dumps([_without_data(spec) for spec in specs_in(page).values()])


def evil_fields():
    return {
        "args": {**ARGS, "model": EVIL, "config": EVIL, "dataformat": EVIL},
        "machine_name": EVIL,
        "arch": EVIL,
        "backend": EVIL,
        "status": "ok",
        "started_at": EVIL,
        "versions": {EVIL: EVIL},
        "environment": {EVIL: EVIL},
        "host": {"cpu": EVIL},
        "devices": [{"kind": EVIL, "name": EVIL, EVIL: EVIL}],
        "notes": [EVIL],
        "verdict": {
            "verdict": EVIL,
            "findings": [{"rule": EVIL, "level": EVIL, "message": EVIL, "remedy": EVIL}],
        },
    }


def _without_data(spec):
    left_out = ("datasets", "description")
    return {name: value for name, value in spec.items() if name not in left_out}


def test_records_of_the_original_script_are_reported(tmp_path):
    records = [SEED, {**SEED, "samples_per_sec": 90.0}, {**SEED, "error": "out of memory"}]
    file = tmp_path / "seed.json"
    file.write_text(json.dumps(records))
    page = page_of(load(file))
    assert "90.00 samples/s" in page
    assert "out of memory" in page
    assert "No run has the times of its inputs." in page


@pytest.mark.parametrize("results", [[], [failed_run()]])
def test_a_page_without_results_says_so(results):
    assert "No run has a throughput." in page_of(results)


@pytest.mark.parametrize(
    "changes",
    [
        {"model": {"inputs": [{"shape": None}]}},
        {"verdict": {"findings": ["text", None, {}]}},
        {"notes": "one"},
        {"notes": None},
        {"confidence": {"low": "?", "high": None}},
        {"passes": [{"e2e_ns": 5, "push_ns": None, "pop_ns": ["x"]}]},
        {"started_at": "yesterday"},
        {"started_at": "0001-01-01T00:00:00+14:00"},
        {"roofline": {"flops_per_s": "fast", "peak_flops_per_s": -1}},
        {"samples_per_sec": 0.0},
        {"devices": [{}]},
        {"generation": {}},
        {"latency": {"p50_ns": None}},
        {"git": {}},
    ],
)
def test_a_record_with_wrong_values_is_reported_as_far_as_possible(changes):
    assert "bert" in page_of([run_of(**changes), run_of()])
    assert "bert" in report_text([run_of(**changes), run_of()], format="markdown")


def test_a_page_of_thousands_of_runs_stays_small():
    runs = (
        run_of(100 + number % 7, at=number, args={"microbatch": 1 + number % 30})
        for number in range(5000)
    )
    page = page_of(runs)
    assert len(page.encode()) < 3e6
    assert f"Showing the latest {MAX_RUNS} of 5,000 runs." in page


def test_long_texts_are_truncated():
    page = page_of([run_of(notes=["x" * 10**6], machine_name="y" * 10**6)])
    assert len(page.encode()) < 2e6


# the baseline


def test_a_baseline_is_compared():
    old, new = [run_of(100) for _ in range(5)], [run_of(80) for _ in range(5)]
    data = collect(new, old)
    (pair,) = data.comparison.pairs
    assert pair.effect.verdict == "faster"
    assert math.isclose(pair.effect.ratio, 1.25, rel_tol=0.001)
    text = report_text(new, baseline=old, format="markdown")
    assert text.index("Against the baseline") < text.index("## Runs")
    assert "| faster |" in text


def test_a_baseline_that_is_not_comparable_is_reported_and_no_error():
    old = [run_of(args={"model": "resnet"})]
    for form in ("markdown", "html"):
        if form == "html":
            pytest.importorskip("altair")
        text = report_text([run_of()], baseline=old, format=form)
        assert "share no model" in text


# Markdown


def test_markdown_needs_no_library(monkeypatch):
    without(monkeypatch, "altair", "jinja2", "vl_convert")
    assert "bert base" in report_text([run_of()], format="markdown")


def test_markdown_lists_failed_runs_and_folds_environments():
    text = report_text([run_of(), failed_run()], format="markdown")
    assert "## Failed runs" in text
    assert "out of memory" in text
    assert "<details><summary>Environment 1</summary>" in text


def test_markdown_of_any_text_stays_a_table():
    text = report_text([run_of(**evil_fields())], format="markdown", title=EVIL)
    assert "<script" not in text.replace("\\<script", "")
    rows = [line for line in text.splitlines() if line.startswith("| 1 |")]
    assert len(rows) == 1


def test_markdown_fits_a_comment():
    runs = [
        run_of(args={"microbatch": 1 + number}, notes=["n" * 300], versions={"torch": str(number)})
        for number in range(300)
    ]
    assert len(as_markdown(collect(runs, runs), "Nightly")) < 65_536


# writing it


def without(monkeypatch, *names):
    import_of = builtins.__import__

    def refuse(name, *rest, **options):
        if name.partition(".")[0] in names:
            raise ModuleNotFoundError(f"No module named {name!r}", name=name)
        return import_of(name, *rest, **options)

    import importlib

    real = importlib.import_module

    def refuse_module(name, package=None):
        if name.partition(".")[0] in names:
            raise ModuleNotFoundError(f"No module named {name!r}", name=name)
        return real(name, package)

    monkeypatch.setattr(builtins, "__import__", refuse)
    monkeypatch.setattr(importlib, "import_module", refuse_module)


def test_a_missing_library_is_one_line_with_the_remedy(monkeypatch, tmp_path, ttbench):
    without(monkeypatch, "altair")
    file = tmp_path / "perf.jsonl"
    file.write_text(run_of().to_json() + "\n")
    outcome = ttbench("report", file, "-o", tmp_path / "report.html")
    assert outcome.code == 2
    assert "pip install 'ttbench-core[report]'" in outcome.complaint
    assert not (tmp_path / "report.html").exists()


def test_the_format_follows_the_suffix(tmp_path):
    file = write_report([run_of()], tmp_path / "report.md")
    assert file.read_text().startswith("# Benchmark report")


def test_a_report_does_not_overwrite_results(tmp_path):
    with pytest.raises(ReportError, match="name for results"):
        write_report([run_of()], tmp_path / "perf.json")


def test_results_read_back_are_written_as_a_report(tmp_path, ttbench):
    pytest.importorskip("altair")
    file = tmp_path / "perf.jsonl"
    file.write_text("".join(run_of().to_json() + "\n" for _ in range(3)))
    outcome = ttbench("report", file, "-o", tmp_path / "out.html", "--title", "Mine")
    assert (outcome.code, outcome.err) == (0, "")
    assert "<title>Mine</title>" in (tmp_path / "out.html").read_text()


def test_markdown_without_a_file_is_printed(tmp_path, ttbench):
    file = tmp_path / "perf.jsonl"
    file.write_text(run_of().to_json() + "\n")
    outcome = ttbench("report", file, "--format", "markdown")
    assert (outcome.code, outcome.err) == (0, "")
    assert outcome.out.startswith("# Benchmark report")


def test_several_targets_are_merged_in_the_order_of_time(tmp_path, ttbench):
    for name, hours in (("a.jsonl", (1, 5)), ("b.jsonl", (3, 4))):
        lines = [run_of(at=hour, args={"microbatch": hour}).to_json() for hour in hours]
        (tmp_path / name).write_text("\n".join(lines) + "\n")
    out = ttbench("report", tmp_path / "a.jsonl", tmp_path / "b.jsonl", "--format", "markdown").out
    order = [int(one) for one in re.findall(r"^\| \d+ \| bert base mb (\d+) ", out, re.MULTILINE)]
    assert order[:4] == [5, 4, 3, 1]


def test_one_record_of_a_file_can_be_named(tmp_path, ttbench):
    file = tmp_path / "perf.jsonl"
    file.write_text("".join(run_of().to_json() + "\n" for _ in range(3)))
    assert "1 run," in ttbench("report", f"{file}@-1", "--format", "markdown").out


@pytest.mark.parametrize(
    ("words", "said"),
    [
        ([], "report takes files of results"),
        (["missing.json"], "there is no file"),
        (["perf.jsonl", "-o", "no/such/report.md"], "cannot write the report"),
        (["perf.jsonl", "-o", "folder"], "cannot write the report"),
        (["perf.jsonl", "-o", "perf.jsonl"], "name for results"),
        (["other", "-o", "other"], "would be overwritten"),
        (["perf.jsonl", "--baseline", "missing.json"], "there is no file"),
        (["broken.json"], "no JSON"),
    ],
)
def test_what_cannot_be_read_or_written_is_one_line(tmp_path, monkeypatch, ttbench, words, said):
    monkeypatch.chdir(tmp_path)
    Path("perf.jsonl").write_text(run_of().to_json() + "\n")
    Path("other").write_text(run_of().to_json() + "\n")
    Path("broken.json").write_text("[{")
    Path("folder").mkdir()
    outcome = ttbench("report", *words, "--format", "markdown")
    assert outcome.code == 2
    assert said in outcome.complaint


def test_an_empty_result_is_reported():
    bare = Result.from_record({**SEED, "args": {}, "arch": None, "machine_name": ""})
    assert report_text([bare], format="markdown").startswith("# Benchmark report")


def test_results_are_sorted_by_time(tmp_path):
    later = example_result(started_at="2026-02-01T00:00:00+00:00", run_id="later")
    earlier = example_result(started_at="2026-01-01T00:00:00+00:00", run_id="earlier")
    found = merge_by_time([iter([later, earlier])])
    assert [one.run_id for one in found] == ["earlier", "later"]


def test_a_report_overwrites_only_a_report(tmp_path):
    os.mkfifo(tmp_path / "pipe.html")
    (tmp_path / "perf").write_bytes(b"SQLite format 3\0 and so on")
    (tmp_path / "old.html").write_text("<!DOCTYPE html><title>old</title>")
    for name, complaint in (("pipe.html", "not a regular file"), ("perf", "is no report")):
        with pytest.raises(ReportError, match=complaint):
            write_report([example_result()], tmp_path / name)
    assert write_report([example_result()], tmp_path / "old.html").exists()


def test_markdown_has_no_control_characters_and_mentions_nobody():
    failed = example_result(status="failed", error="boom \x1b[2J @someone", samples_per_sec=None)
    text = report_text([failed], format="markdown")
    assert "\x1b" not in text
    assert "@someone" not in text


def test_a_run_in_two_sources_is_listed_once():
    one, other = example_result(run_id="a"), example_result(run_id="b")
    found = merge_by_time([iter([one, other]), iter([one])])
    assert [result.run_id for result in found] == ["a", "b"]


def test_a_summary_says_when_and_where():
    text = report_text([example_result()], format="html").replace("&#43;", "+")
    assert "From 2026-01-01T00:00:00+00:00 to 2026-01-01T00:00:00+00:00." in text.replace(
        "&#43;", "+"
    )
    assert "Measured on example-host." in text


def test_a_suffix_of_another_kind_of_file_is_refused(tmp_path):
    with pytest.raises(ReportError, match="a report is .html or .md"):
        write_report([example_result()], tmp_path / "report.pdf")
