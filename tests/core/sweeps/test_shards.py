"""Shards: each machine has its part of a sweep, computed alike everywhere and at any time."""

from __future__ import annotations

import functools
import json
from collections import Counter
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st
from sweep_plans import make_cell

from ttbench_core import run_sweep
from ttbench_core.errors import OptionError, TargetError
from ttbench_core.sinks.targets import check_targets
from ttbench_core.sweeps.asked import SweepAsked
from ttbench_core.sweeps.cells.host_locks import HostLock
from ttbench_core.sweeps.definition.definition_checks import sweep_of
from ttbench_core.sweeps.planning.combinations import combination_of, numbered_combinations
from ttbench_core.sweeps.planning.estimating import RunTimes
from ttbench_core.sweeps.planning.planning import plan_sweep
from ttbench_core.sweeps.progress.progress_display import LinesDisplay
from ttbench_core.sweeps.running import run_planned
from ttbench_core.sweeps.shards.run_times import read_times, text_of_times
from ttbench_core.sweeps.shards.shard_outputs import targets_of_shard, texts_of_outputs
from ttbench_core.sweeps.shards.shards import Shard, Share, deal

SETTINGS = {"backend": "fake", "passes": 2, "warmup": 0, "roofline": False, "verify": False}
KINDS = st.tuples(st.sampled_from("ab"), st.sampled_from([None, "x"]), st.just("fake"))


@pytest.fixture
def sweep(sweep):
    return functools.partial(sweep, "-m", "steady")


def records(*paths):
    return [json.loads(line) for path in paths for line in path.read_text().splitlines()]


def cells_of(path):
    return [one["sweep"]["cell"] for one in records(path)]


@given(st.lists(KINDS, max_size=60), st.integers(1, 9))
def test_shards_differ_by_one_cell_of_a_kind_and_in_total(kinds, count):
    cells = {f"cell {number}": kind for number, kind in enumerate(kinds)}
    dealt = deal(cells, count)
    assert dealt.keys() == cells.keys()
    for kind in [None, *set(kinds)]:
        sizes = Counter(dealt[one] for one in cells if kind in (None, cells[one]))
        found = [sizes[number] for number in range(1, count + 1)]
        assert max(found) - min(found) <= 1


@given(st.lists(KINDS, max_size=30), st.integers(1, 5), st.randoms(use_true_random=False))
def test_the_assignment_does_not_depend_on_the_order_of_the_cells(kinds, count, chance):
    cells = list({f"cell {number}": kind for number, kind in enumerate(kinds)}.items())
    times = RunTimes({"cell 0": 3.0}, {("a", None, "fake"): 2.0})
    first = deal(dict(cells), count), deal(dict(cells), count, times)
    chance.shuffle(cells)
    assert (deal(dict(cells), count), deal(dict(cells), count, times)) == first


@given(st.lists(st.floats(0.01, 1000), min_size=1, max_size=40), st.integers(1, 6))
def test_with_times_no_shard_has_more_than_the_mean_and_its_last_cell(seconds, count):
    times = RunTimes({f"cell {number}": one for number, one in enumerate(seconds)})
    dealt = deal(dict.fromkeys(times.by_combination, ("a", None, None)), count, times)
    loads = Counter()
    for one, number in dealt.items():
        loads[number] += times.by_combination[one]
    assert max(loads.values()) <= (sum(seconds) / count + max(seconds)) * (1 + 1e-9)


def test_a_cell_of_unknown_time_takes_the_median():
    kind = ("a", None, None)
    times = RunTimes({"short": 1.0, "middle": 5.0, "long": 6.0})
    dealt = deal(dict.fromkeys(["short", "middle", "long", "new"], kind), 2, times)
    assert sorted(one for one in dealt if dealt[one] == dealt["long"]) == ["long", "short"]


@pytest.mark.parametrize("text", ["0/4", "5/4", "a", "1", "1/0", "/", "-1/4", "1/20000", "1/4x"])
def test_a_wrong_shard_is_one_line(sweep, text):
    done = sweep(f"--shard={text}")
    assert done.code == 2
    assert "must be NUMBER/COUNT, such as 2/4" in done.complaint


def test_all_shards_into_one_file_are_the_sweep_each_cell_once(sweep, tmp_path):
    words = ("-mb", "1..3", "--rounds", "2", "-o", "perf.jsonl")
    for shard in ("2/2", "1/2"):
        done = sweep(*words, "--shard", shard)
        assert done.code == 0, done.err
        assert f"shard        {shard}" in done.out
    found = records(tmp_path / "perf.jsonl")
    of_rounds = Counter((one["sweep"]["cell"], one["sweep"]["round"]) for one in found)
    assert len(of_rounds) == 6
    assert set(of_rounds.values()) == {1}
    shards_of = {(one["sweep"]["cell"], one["sweep"]["shard"]) for one in found}
    assert len(shards_of) == 3
    assert "6 runs: 6 done" in sweep(*words).out


def test_another_count_of_shards_goes_on_where_the_first_ended(sweep, tmp_path):
    words = ("-mb", "1..3", "-o", "perf.jsonl")
    assert sweep(*words, "--shard", "1/2").code == 0
    for number in (1, 2, 3):
        assert sweep(*words, "--shard", f"{number}/3").code == 0
    found = cells_of(tmp_path / "perf.jsonl")
    assert len(found) == len(set(found)) == 3


def test_a_file_for_each_shard_is_named_by_it_and_read_by_all(sweep, tmp_path):
    words = ("-mb", "1,2", "-o", "perf-{shard}.jsonl")
    assert sweep(*words, "--shard", "1/2").code == 0
    one = cells_of(tmp_path / "perf-1of2.jsonl")
    assert len(one) == 1
    assert sweep(*words, "--shard", "1/1").code == 0
    rest = cells_of(tmp_path / "perf-1of1.jsonl")
    assert len(rest) == 1
    assert not set(one) & set(rest)


def test_the_name_of_a_shard_without_a_shard_names_the_remedy(sweep):
    for more in ([], ["--dry-run"]):
        done = sweep("-o", "perf-{shard}.jsonl", *more)
        assert done.code == 2
        assert "give --shard I/N" in done.complaint


def test_more_shards_than_cells_leave_some_empty(sweep):
    said = "it has no cell, because there are more shards than cells"
    words = ("-mb", "1,2", "--shard")
    assert said not in sweep(*words, "1/3", "--dry-run").out
    for more in ([], ["--dry-run"]):
        done = sweep(*words, "3/3", *more)
        assert done.code == 0
        assert said in done.out


def test_a_dry_run_shows_what_each_shard_has_and_how_long_it_takes(sweep):
    assert sweep("-mb", "1,2", "-o", "old.jsonl").code == 0
    words = ("-mb", "1..4", "--rounds", "3", "--shard", "2/2", "--dry-run")
    assert "1/2: 2 cells" in sweep(*words).out
    assert "1/2: 2 cells, about" in sweep(*words, "--times", "old.jsonl").out
    found = json.loads(sweep(*words, "--times", "old.jsonl", "--json").out)
    assert found["shard"] == "2/2"
    assert len(found["cells"]) == 2
    assert [one["shard"] for one in found["shards"]] == ["1/2", "2/2"]
    assert sum(one["cells"] for one in found["shards"]) == 4
    assert all(one["seconds"] > 0 for one in found["shards"])


def test_times_without_a_shard_and_of_nothing_are_one_line(sweep):
    assert "give a shard" in sweep("--times", "old.jsonl").complaint
    done = sweep("--shard", "1/2", "--times", "nowhere.jsonl")
    assert done.code == 2
    assert "no times can be read from it" in done.complaint


def test_frozen_times_are_read_back(tmp_path):
    times = RunTimes({"one": 1.5}, {("bert", None, "torch"): 2.0, ("bert", "tiny", None): 3.0})
    (tmp_path / "a.times.json").write_text(text_of_times(times))
    assert read_times(tmp_path / "a.times.json") == times
    found = read_times(str(tmp_path / "a.times.json"))
    assert (found.by_combination, found.by_kind) == (times.by_combination, times.by_kind)


@pytest.mark.parametrize(
    "text", ["", "{}", "[" * 100_000, '{"format": "ttbench-times 1", "combinations": 3}', "null"]
)
def test_a_file_that_holds_no_times_is_one_line(tmp_path, text):
    (tmp_path / "a.times.json").write_text(text)
    with pytest.raises(OptionError, match="holds no frozen times"):
        read_times(tmp_path / "a.times.json")


def test_equal_cells_with_an_engine_that_is_absent_have_the_same_shards(fake_engine):
    grid = {"model": ["steady"], "backend": ["fake", "absent"], "microbatch": [1, 2, 3]}
    sweep = sweep_of(grid=grid)
    plans = [plan_sweep(sweep, share=Share(Shard(number, 2))) for number in (1, 2)]
    whole = plan_sweep(sweep)
    labels = [one.label for plan in plans for one in plan.cells]
    assert sorted(labels) == sorted(one.label for one in whole.cells)
    assert [len(plan.cells) for plan in plans] == [3, 3]


def test_cells_that_measure_the_same_are_of_the_shard_of_the_first(fake_engine):
    settings = {"model": "steady", "backend": "fake"}
    sweep = sweep_of(grid={"dataformat": ["Bfp8_b", "Fp32"]}, settings=settings)
    merged = sweep_of(
        grid={},
        settings=settings,
        scenarios={"a": {"dataformat": "Bfp8_b"}, "b": {}, "c": {"dataformat": "Fp32"}},
    )
    for one in (sweep, merged):
        keys = [
            cell.key
            for number in (1, 2, 3)
            for cell in plan_sweep(one, share=Share(Shard(number, 3))).cells
        ]
        assert len(keys) == len(set(keys)) == 2


def test_cells_that_are_shown_alike_have_combinations_of_their_own():
    settings = {"model": "steady"}
    assert combination_of(settings, None, "x") != combination_of(settings, None, "x #2")
    names = list(numbered_combinations([make_cell(1), make_cell(2), make_cell(1)]))
    assert names == [
        combination_of(settings, None, "x"),
        combination_of(settings, None, "x #2"),
        combination_of(settings, None, "x"),
    ]


def test_other_files_are_those_of_any_shard_and_nothing_else(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    for name in ("a-1of2", "a-2of2", "a-1of3", "a-xof3", "a-1of2.running-host-1", "b-1of2"):
        (tmp_path / f"{name}.jsonl").touch()
    (tmp_path / "a-2of2.jsonl.running-host-1").touch()
    own, others = targets_of_shard(["a-{shard}.jsonl", "all.jsonl"], Shard(2, 2))
    assert [str(one) for one in own] == ["a-2of2.jsonl", "all.jsonl"]
    assert [str(one) for one in others] == ["a-1of2.jsonl", "a-1of3.jsonl"]


def test_a_name_without_a_suffix_has_files_of_other_shards_too(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    for name in ("perf-1of2.json", "perf-2of2.json", "perf-1of2.jsonl"):
        (tmp_path / name).write_text("[]")
    own, others = targets_of_shard(["perf-{shard}"], Shard(2, 2))
    assert [str(one) for one in (*own, *others)] == ["perf-2of2.json", "perf-1of2.json"]


def test_a_file_of_a_path_that_looks_like_a_url_stays_a_path():
    assert texts_of_outputs([Path("a:b.json"), "sqlite:///x.db"]) == (
        "./a:b.json",
        "sqlite:///x.db",
    )
    with pytest.raises(TargetError, match="name a file or a URL"):
        texts_of_outputs(7)


def lock_of(target, shard=None):
    (checked,) = check_targets(str(target))
    name = f"sweep sweep in {checked.identity}"
    return HostLock(name if shard is None else f"shard {shard} of {name}", shared=False)


def waits_for(lock, target, share):
    """Return what a sweep says that finds a lock taken, which is released then."""
    assert lock.take()
    said = []

    class Releasing(LinesDisplay):
        def waiting(self, sentence):
            super().waiting(sentence)
            lock.release()

    asked = SweepAsked(
        sweep_of(grid={"model": ["steady"]}, settings=SETTINGS),
        check_targets(str(target)),
        share=share,
    )
    run_planned(asked, Releasing(said.append))
    lock.release()
    return [line for line in said if line.startswith("waiting for ")]


def test_the_same_shard_waits_and_another_one_does_not(fake_engine, tmp_path):
    target = tmp_path / "perf.jsonl"
    found = waits_for(lock_of(target, Shard(1, 2)), target, Share(Shard(1, 2)))
    assert found[0].startswith("waiting for shard 1/2 of sweep sweep in ")
    assert waits_for(lock_of(target, Shard(2, 2)), target, Share(Shard(1, 2))) == []


def test_a_whole_sweep_and_a_shard_of_it_wait_for_each_other(fake_engine, tmp_path):
    target = tmp_path / "perf.jsonl"
    assert waits_for(lock_of(target), target, Share(Shard(1, 2)))
    (checked,) = check_targets(str(target))
    of_a_shard = HostLock(f"sweep sweep in {checked.identity}", shared=True)
    assert waits_for(of_a_shard, target, None)


def test_python_runs_a_shard(fake_engine, tmp_path, monkeypatch):
    monkeypatch.delenv("SLURM_JOB_ID", raising=False)
    found = []
    for number in (1, 2):
        found += run_sweep(
            grid={"model": ["steady"], "microbatch": [1, 2]},
            settings=SETTINGS,
            output=tmp_path / "perf-{shard}.jsonl",
            shard=f"{number}/2",
            progress=False,
        )
    assert sorted(one.args["microbatch"] for one in found) == [1, 2]
    assert {one.sweep["launch"]["by"] for one in found} == {"local"}
    assert {one.sweep["shard"] for one in found} == {"1/2", "2/2"}
