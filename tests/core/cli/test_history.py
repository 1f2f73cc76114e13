"""`ttbench history`: changes in a table, as bars or as JSON, and an exit code for CI."""

from __future__ import annotations

import json
import random

import pytest

from ttbench_core.testing import example_result


def write(path, levels, name="bert", **changes):
    """Append runs to a JSON list: of each level, a number of runs with 1 % of noise."""
    chance = random.Random(name)
    rates = [level * (1 + chance.gauss(0, 0.01)) for level, count in levels for _ in range(count)]
    records = json.loads(path.read_text()) if path.exists() else []
    for day, rate in enumerate(rates):
        record = example_result(
            args={"model": name, "config": "small", "microbatch": 8},
            samples_per_sec=rate,
            run_id=f"{chance.getrandbits(128):032x}",
            started_at=f"2026-{1 + day // 28:02}-{1 + day % 28:02}T00:00:00+00:00",
            versions={"torch": "2.13" if day >= levels[0][1] else "2.12"},
            verdict={"verdict": "stable", "findings": []},
            **changes,
        ).to_record()
        records.append(record)
    path.write_text(json.dumps(records))
    return path


@pytest.fixture
def perf(tmp_path):
    path = write(tmp_path / "perf.json", [(100, 30), (90, 8)])
    return write(path, [(50, 20)], name="resnet")


def test_a_table_has_each_change_with_its_rates_and_what_differs(ttbench, perf):
    outcome = ttbench("history", perf)
    assert outcome.code == 0, outcome.err
    (row,) = [line for line in outcome.out.splitlines() if line.startswith("bert small ")]
    assert row.split()[2:4] == ["2026-02-03", "00:00"]
    assert "slower" in row
    assert "torch 2.12 against 2.13" in outcome.out
    assert "no change in  resnet small (20 runs)" in outcome.out


def test_several_targets_are_one_history(ttbench, tmp_path):
    old = write(tmp_path / "old.json", [(100, 20)])
    records = json.loads(write(tmp_path / "new.json", [(100, 20), (80, 10)]).read_text())
    new = tmp_path / "new.json"
    new.write_text(json.dumps(records[20:]))
    assert "slower" not in ttbench("history", old).out
    assert "slower" in ttbench("history", old, new).out


@pytest.mark.parametrize(
    ("levels", "directions", "code"),
    [
        ([(100, 30), (90, 8)], "slower", 1),
        ([(100, 30), (90, 8)], "faster", 0),
        ([(100, 30), (90, 8)], "faster,slower", 1),
        ([(100, 30), (110, 8)], "slower", 0),
        ([(100, 30), (110, 8)], "faster", 1),
        # it was slower, and is faster again
        ([(100, 30), (90, 12), (100, 12)], "slower", 0),
        ([(100, 30)], "slower,faster", 0),
    ],
)
def test_the_exit_code_is_that_of_the_newest_change(ttbench, tmp_path, levels, directions, code):
    path = write(tmp_path / "perf.json", levels)
    assert ttbench("history", path, "--fail-on", directions).code == code
    assert ttbench("history", path).code == 0


def test_results_are_filtered_as_show_filters_them(ttbench, perf):
    outcome = ttbench("history", perf, "--filter", "model=resnet", "--fail-on", "slower")
    assert outcome.code == 0
    assert "bert" not in outcome.out


def test_noisy_runs_count_with_all_points(ttbench, tmp_path):
    noisy = {"verdict": "noisy", "findings": []}
    records = json.loads(write(tmp_path / "perf.json", [(100, 30), (90, 8)]).read_text())
    for record in records[30:]:
        record["verdict"] = noisy
    (tmp_path / "perf.json").write_text(json.dumps(records))
    outcome = ttbench("history", tmp_path / "perf.json", "--fail-on", "slower")
    assert (outcome.code, "8 runs noisy or unstable" in outcome.out) == (0, True)
    outcome = ttbench("history", tmp_path / "perf.json", "--all-points", "--fail-on", "slower")
    assert (outcome.code, "noisy" in outcome.out) == (1, False)


def test_json_is_the_record_of_the_history(ttbench, perf):
    record = json.loads(ttbench("history", perf, "--json", "--max-p", "0.0005").out)
    assert record["max_p"] == 0.0005
    assert [one["label"] for one in record["series"]] == ["bert small", "resnet small"]
    (change,) = record["series"][0]["changes"]
    assert change["direction"] == "slower"
    assert change["first_after"]["started_at"] == "2026-02-03T00:00:00+00:00"


def test_a_plot_has_a_bar_for_each_segment(ttbench, perf):
    outcome = ttbench("history", perf, "--plot")
    bars = [line for line in outcome.out.splitlines() if "█" in line]
    assert [line.partition(" runs")[0].split()[-1] for line in bars] == ["30", "8", "20"]


def test_a_plot_ends_at_forty_bars(ttbench, tmp_path):
    path = tmp_path / "perf.json"
    for number in range(42):
        write(path, [(100, 1)], name=f"model{number}")
    outcome = ttbench("history", path, "--plot")
    assert len([line for line in outcome.out.splitlines() if "█" in line]) == 40
    assert "and 2 more series: --filter chooses" in outcome.out


def test_a_target_without_results_is_no_error(ttbench, tmp_path):
    (tmp_path / "perf.json").write_text("[]")
    for words in ([], ["--plot"], ["--fail-on", "slower"]):
        outcome = ttbench("history", tmp_path / "perf.json", *words)
        assert (outcome.code, "no results with a rate" in outcome.out) == (0, True)


@pytest.mark.parametrize(
    ("words", "complaint"),
    [
        ([], "history takes files of results"),
        (["nowhere.json"], "nowhere.json"),
        (["perf.json", "--fail-on", "slow"], "did you mean 'slower'?"),
        (["perf.json", "--filter", "model"], "a filter is NAME=VALUE"),
        (["perf.json", "--max-p", "1"], "max_p must be between 0 and 1"),
        (["perf.json", "--min-change", "-1"], "min_change must be 0 to 1"),
        (["perf.json", "--window", "2"], "window must be 4 to 1000"),
        (["perf.json", "--json", "--plot"], "leave out --json"),
        (["perf.json", "--nonsense"], "--nonsense"),
    ],
)
def test_a_wrong_request_ends_with_2_and_one_line(ttbench, perf, monkeypatch, words, complaint):
    monkeypatch.chdir(perf.parent)
    outcome = ttbench("history", *words)
    assert outcome.code == 2
    assert complaint in outcome.complaint


def test_texts_of_records_are_escaped(ttbench, tmp_path):
    path = write(tmp_path / "perf.json", [(100, 30), (90, 8)], name="b\x1b[2J[red]x")
    outcome = ttbench("history", path)
    assert "\x1b" not in outcome.out
    assert r"b\x1b[2J[red]x" in outcome.out
