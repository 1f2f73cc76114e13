"""A history has one series per comparison key, and each change says what else changed there."""

from __future__ import annotations

import itertools
import json
import random

import pytest

import ttbench_core
from ttbench_core.errors import OptionError
from ttbench_core.results.history import history
from ttbench_core.results.history.texts import change_text, remarks_on, start_text
from ttbench_core.testing import example_result

ARGS = {"model": "bert", "config": "base", "loop_count": 5, "microbatch": 8}
SOFTWARE = {"python": "3.11", "torch": "2.12.1"}
STABLE = {"verdict": "stable", "findings": []}

identities = itertools.count(1)


def run_of(rate, day=1, *, args=None, **changes):
    values = {
        "args": {**ARGS, **(args or {})},
        "samples_per_sec": rate,
        "run_id": f"{next(identities):032x}",
        "started_at": f"2026-01-{day:02}T04:05:00+00:00" if day <= 31 else "",
        "versions": SOFTWARE,
        "verdict": STABLE,
        **changes,
    }
    return example_result(**values)


def rates_of(level, count, seed=0):
    chance = random.Random(seed)
    return [level * (1 + chance.gauss(0, 0.01)) for _ in range(count)]


def step(level=90, *, before=20, after=10, **changes):
    """Give runs whose level changes from 100; `changes` are those of the runs after."""
    runs = [run_of(rate, day) for day, rate in enumerate(rates_of(100, before), 1)]
    later = enumerate(rates_of(level, after, 1), before + 1)
    return [*runs, *(run_of(rate, day, **changes) for day, rate in later)]


def only(results, **options):
    """Give the one series of a history and its one change."""
    (series,) = history(results, **options).series
    (change,) = series.changes
    return series, change


def differences(results):
    return {one.what: (one.old, one.new) for one in only(results)[1].differences}


def test_a_change_has_its_rates_ratio_interval_direction_and_first_run():
    runs = step(90)
    series, change = only(runs)
    assert (series.label, series.unit) == ("bert base", "sample")
    assert change.direction == "slower"
    assert change.after.first.run_id == runs[20].run_id
    assert change.before.last.run_id == runs[19].run_id
    assert change.before.rate_per_s == pytest.approx(100, rel=0.01)
    assert change.after.rate_per_s == pytest.approx(90, rel=0.01)
    assert change.ratio == pytest.approx(change.after.rate_per_s / change.before.rate_per_s)
    assert change.interval.low < change.ratio < change.interval.high < 1
    assert change.p_value < 1e-6
    assert change_text(change).startswith("slower, 0.9")


def test_a_higher_rate_is_faster_in_the_scenario_latency_too():
    _, change = only(step(110, args={}))
    assert change.direction == "faster"
    runs = [run_of(rate, args={"scenario": "latency"}) for rate in rates_of(100, 20)]
    runs += [run_of(rate, 2, args={"scenario": "latency"}) for rate in rates_of(110, 9)]
    assert only(runs)[1].direction == "faster"


@pytest.mark.parametrize(
    ("changes", "what", "values"),
    [
        ({"versions": {**SOFTWARE, "torch": "2.13.0"}}, "torch", ("2.12.1", "2.13.0")),
        ({"versions": {**SOFTWARE, "driver": "555"}}, "driver", (None, "555")),
        ({"machine_name": "new-host"}, "machine", ("example-host", "new-host")),
        ({"git": {"hash": "abc"}}, "commit", (None, "abc")),
        ({"environment": {"OMP_NUM_THREADS": "1"}}, "OMP_NUM_THREADS", (None, "1")),
    ],
)
def test_the_environment_explains_a_change_and_splits_no_series(changes, what, values):
    assert differences(step(90, **changes)) == {what: values}


def test_what_varies_within_a_segment_explains_nothing():
    runs = step(90)
    taking_turns = [
        ttbench_core.Result(**{**vars(one), "machine_name": "ab"[at % 2]})
        for at, one in enumerate(runs)
    ]
    assert differences(taking_turns) == {}


def test_other_options_make_another_series():
    runs = [*step(90), *(run_of(50, day, args={"microbatch": 4}) for day in range(1, 9))]
    first, second = history(runs).series
    assert (first.label, second.label) == ("bert base microbatch=8", "bert base microbatch=4")
    assert len(first.changes) == 1
    assert second.changes == ()


def test_runs_are_ordered_by_their_time_whatever_the_order_of_the_records():
    runs = step(90)
    shuffled = random.Random(5).sample(runs, len(runs))
    assert history(shuffled).series[0].changes[0].after.first.run_id == runs[20].run_id


def test_runs_without_a_time_come_first_in_the_order_of_their_records():
    runs = [run_of(rate, 99) for rate in rates_of(100, 20)]
    runs += [run_of(rate, 1) for rate in rates_of(90, 10)]
    _, change = only([*runs[20:], *runs[:20]])
    assert change.after.first.run_id == runs[20].run_id
    assert start_text(change.before.last) == runs[19].run_id[:8]
    assert start_text(change.after.first) == "2026-01-01 04:05"


@pytest.mark.parametrize("verdict", ["noisy", "unstable"])
def test_doubtful_runs_are_ignored_and_counted_unless_all_points_are_wanted(verdict):
    runs = step(90, verdict={"verdict": verdict, "findings": []})
    found = history(runs)
    assert (found.ignored, found.series[0].ignored) == (10, 10)
    assert list(found.changes()) == []
    assert ("ignored", "10 runs noisy or unstable; --all-points counts them") in remarks_on(found)
    with_all = history(runs, all_points=True)
    assert with_all.ignored == 0
    assert with_all.outcomes == {"slower"}


@pytest.mark.parametrize("status", ["failed", "interrupted"])
def test_failed_and_interrupted_runs_never_count(status):
    found = history(step(90, status=status), all_points=True)
    assert found.failed == 10
    assert len(found.series[0].points) == 20


def test_a_run_that_is_stored_twice_counts_once():
    runs = step(90)
    found = history([*runs, *runs])
    assert found.duplicates == 30
    assert len(found.series[0].points) == 30


def test_the_newest_change_alone_decides_the_outcome():
    runs = step(90)
    back = [run_of(rate, 31) for rate in rates_of(100, 12, 4)]
    assert history(runs).outcomes == {"slower"}
    assert history([*runs, *back]).outcomes == {"faster"}


def test_segments_have_every_run_once():
    series, change = only(step(90))
    assert [len(one.points) for one in series.segments] == [20, 10]
    assert series.newest_change == change


def test_a_history_of_nothing_is_empty():
    found = history([])
    assert (found.series, found.outcomes, found.failed) == ((), frozenset(), 0)


def test_a_single_run_after_a_change_has_no_interval():
    _, change = only([*step(90)[:20], run_of(30, 31)])
    assert change.interval is None
    assert "no interval" in change_text(change)


def test_the_record_of_a_history_is_strict_json():
    found = history([*step(90, git={"hash": "abc"}), run_of(0, status="failed")])
    record = json.loads(json.dumps(found.to_record(), allow_nan=False))
    assert (record["failed"], record["ignored"], record["max_p"]) == (1, 0, 0.001)
    (series,) = record["series"]
    (change,) = series["changes"]
    assert len(series["points"]) == 30
    assert change["before"]["runs"] == 20
    assert change["low"] < change["ratio"] < change["high"]
    assert change["differences"] == [{"what": "commit", "old": None, "new": "abc"}]


def test_a_series_of_which_every_run_is_ignored_has_no_segments():
    (series,) = history([run_of(5, verdict={"verdict": "noisy"})]).series
    assert (series.segments, series.newest_change) == ((), None)


def test_options_out_of_range_are_refused():
    with pytest.raises(OptionError, match="max_p"):
        history([], max_p=2)


def test_it_is_a_public_name():
    assert ttbench_core.history is history
