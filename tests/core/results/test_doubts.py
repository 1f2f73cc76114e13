"""Runs that do not trust their own numbers are compared without a verdict, and told why."""

from __future__ import annotations

import itertools
import json
import random
from dataclasses import replace

import pytest

from ttbench_core.cli.compare import compare_results
from ttbench_core.record.deriving import derive
from ttbench_core.results.comparison import compare
from ttbench_core.results.comparison.effect import effect_of, replicates_of
from ttbench_core.results.comparison.paired import compare_pairs
from ttbench_core.results.report.collecting import collect
from ttbench_core.results.report.markdown import as_markdown
from ttbench_core.testing import example_result

ARGS = {"model": "bert", "config": "tiny", "loop_count": 5, "microbatch": 8}
QUIET_HOST = {
    "wall_s": 1.0,
    "others_cores": 0.0,
    "own_cores": 2.0,
    "steal_share": 0.0,
    "involuntary_switches_per_s": 0.0,
    "throttled_share": 0.0,
    "clock_ratio": 1.0,
}
TWO_CORES = {
    "host": {"usable_cores": 2},
    "effective": {"threads": 2},
    "devices": [{"kind": "cpu"}],
}
STEADY = (100, 101, 99, 100, 101, 99, 100)
FASTER = tuple(ms / 2 for ms in STEADY)

identities = itertools.count(1)


def run_of(*processes, **changes):
    """Give a run with these pass times in ms, a sequence a process, and no verdict."""
    passes = [
        {"process": number, "e2e_ns": ns, "push_ns": [0], "pop_ns": [ns]}
        for number, times in enumerate(processes)
        for ns in (round(ms * 1e6) for ms in times)
    ]
    values = {"args": ARGS, "passes": passes, "run_id": f"{next(identities):032x}", **changes}
    return example_result(**values)


def judged(*processes, verdict="unstable", level="unstable", rules=(), **changes):
    """Give a run with a verdict for these rules."""
    findings = [{"rule": rule, "level": level, "message": "m", "remedy": "r"} for rule in rules]
    return run_of(*processes, verdict={"verdict": verdict, "findings": findings}, **changes)


def effect(old, new):
    (pair,) = compare([old], [new]).pairs
    return pair.effect


def stable(*processes, **changes):
    return judged(*processes, verdict="stable", **changes)


# one after the other


@pytest.mark.parametrize("rule", ["interval-wide", "host-busy", "drift", "clock", "bookkeeping"])
def test_an_unstable_side_has_a_ratio_and_no_verdict(rule):
    found = effect(stable(STEADY), judged(FASTER, rules=[rule]))
    assert found.ratio == pytest.approx(2, rel=0.01)
    assert found.interval.low > 1.5
    assert (found.verdict, found.more_processes) == ("inconclusive", None)
    assert found.reason == f"NEW is unstable ({rule})"


def test_the_remedy_is_to_measure_in_turns_or_in_several_processes():
    remedy = effect(stable(STEADY), judged(FASTER, rules=["host-busy"])).remedy
    assert "--vs" in remedy
    assert "--processes" in remedy


def test_the_remedy_of_wrong_times_is_to_report_them():
    found = effect(judged(STEADY, rules=["bookkeeping"]), stable(FASTER))
    assert found.remedy.startswith("report this")


def test_an_unstable_old_side_counts_as_well():
    assert effect(judged(STEADY, rules=["steal"]), stable(FASTER)).verdict == "inconclusive"


@pytest.mark.parametrize("rule", ["host-busy", "preempted", "throttled", "steal"])
def test_one_process_on_a_busy_machine_has_no_verdict_although_it_is_only_noisy(rule):
    busy = judged(FASTER, verdict="noisy", level="noisy", rules=[rule])
    found = effect(stable(STEADY), busy)
    assert found.verdict == "inconclusive"
    assert found.reason == f"NEW is one process on a busy machine ({rule})"


def test_several_noisy_processes_on_a_busy_machine_have_a_verdict():
    busy = judged(FASTER, FASTER, FASTER, verdict="noisy", level="noisy", rules=["host-busy"])
    assert effect(stable(STEADY, STEADY, STEADY), busy).verdict == "faster"


@pytest.mark.parametrize("rule", ["too-short", "warm-up", "frequency", "threads"])
def test_noise_that_is_no_other_work_leaves_the_verdict_to_the_interval(rule):
    noisy = judged(FASTER, verdict="noisy", level="noisy", rules=[rule])
    assert effect(stable(STEADY), noisy).verdict == "faster"


def test_spread_between_processes_is_in_the_interval_already():
    wide = judged((50,), (60,), (40,), rules=["interval-wide"])
    found = effect(stable((400,), (410,), (390,)), wide)
    assert (found.verdict, found.reason) == ("faster", None)


@pytest.mark.parametrize("rule", ["host-busy", "drift", "throttled"])
def test_what_all_processes_of_a_side_share_is_not_in_the_interval(rule):
    shared = judged(FASTER, FASTER, FASTER, rules=["interval-wide", rule])
    found = effect(stable(STEADY, STEADY, STEADY), shared)
    assert found.reason == f"NEW is unstable (interval-wide, {rule})"


def test_runs_that_are_pooled_are_counted():
    new = [stable(FASTER), stable(FASTER), judged(FASTER, rules=["host-busy"])]
    (pair,) = compare([stable(STEADY)], new).pairs
    assert pair.effect.reason == "1 of 3 runs of NEW is unstable (host-busy)"


def test_a_verdict_without_findings_counts_as_well():
    found = effect(judged(STEADY), stable(FASTER))
    assert (found.verdict, found.reason) == ("inconclusive", "OLD is unstable")


def test_a_record_without_a_verdict_is_judged_by_its_passes():
    busy = run_of(FASTER, host_during={**QUIET_HOST, "others_cores": 1.2}, **TWO_CORES)
    (pair,) = compare([run_of(STEADY, **TWO_CORES)], [busy]).pairs
    assert pair.effect.reason == "NEW is unstable (host-busy)"
    assert pair.new.doubt == "unstable"


def test_a_record_that_cannot_be_judged_is_compared_by_its_interval():
    without_times = [{"e2e_ns": round(ms * 1e6)} for ms in FASTER]
    assert effect(run_of(STEADY), run_of(passes=without_times)).verdict == "faster"


@pytest.mark.parametrize(
    "verdict",
    [
        {"verdict": 5, "findings": 7},
        {"verdict": ["unstable"]},
        {"verdict": "stable", "findings": [None, "text", {}, {"rule": [1], "level": {}}]},
    ],
)
def test_a_malformed_verdict_is_none(verdict):
    assert effect(stable(STEADY), run_of(FASTER, verdict=verdict)).verdict == "faster"


def disturbed(chance):
    """Make up a run of one and the same model while other work came and went."""
    slowdown = chance.choice([1.0, 1.6, 2.2, 3.0])
    times = [20 * slowdown * chance.lognormvariate(0, 0.06) for _ in range(20)]
    busy = {**QUIET_HOST, "others_cores": chance.uniform(0.6, 1.4)}
    return derive(run_of(times, host_during=busy, **TWO_CORES))


def test_of_20_unstable_runs_compared_with_runs_of_the_same_none_is_faster_or_slower():
    chance = random.Random(7)
    pairs = [(disturbed(chance), disturbed(chance)) for _ in range(20)]
    by_interval = [
        effect_of(replicates_of([old]), replicates_of([new]), 0.02).verdict for old, new in pairs
    ]
    assert sum(one in {"faster", "slower"} for one in by_interval) >= 10
    assert {old.verdict["verdict"] for old, _ in pairs} == {"unstable"}
    assert {effect(old, new).verdict for old, new in pairs} == {"inconclusive"}


# where it is shown


@pytest.fixture
def files(tmp_path):
    results = (stable(STEADY), judged(scaled(STEADY, 2), rules=["host-busy"]))
    paths = [tmp_path / name for name in ("old.json", "new.json")]
    for path, result in zip(paths, results, strict=True):
        path.write_text(json.dumps([result.to_record()]))
    return [str(path) for path in paths]


def scaled(times, factor):
    return tuple(ms * factor for ms in times)


def test_fail_on_slower_does_not_fail_where_there_is_no_verdict(files):
    assert compare_results([*files, "--fail-on", "slower"]) == 0
    assert compare_results([*files, "--fail-on", "inconclusive"]) == 1


def test_the_terminal_shows_ratio_reason_and_remedy(files, capsys):
    compare_results(files)
    lines = [" ".join(line.split()) for line in capsys.readouterr().out.splitlines()]
    row = next(line for line in lines if line.startswith("bert tiny "))
    assert " 0.500 " in row
    assert row.endswith("inconclusive")
    assert "no verdict NEW is unstable (host-busy)" in lines
    (remedy,) = [line for line in lines if line.startswith("for a verdict ")]
    assert "--vs" in remedy


def test_as_json_a_pair_has_its_reason_and_remedy(files, capsys):
    compare_results([*files, "--json"])
    (pair,) = json.loads(capsys.readouterr().out)["pairs"]
    assert (pair["verdict"], pair["reason"]) == ("inconclusive", "NEW is unstable (host-busy)")
    assert "--vs" in pair["remedy"]


def test_a_report_shows_the_reason_at_the_baseline_and_in_the_history():
    old = [stable(STEADY, versions={"torch": "1"})]
    new = judged(FASTER, rules=["host-busy"], versions={"torch": "2"})
    data = collect([*old, new], baseline=old)
    markdown = as_markdown(data, "Report")
    assert markdown.count("NEW is unstable (host-busy)") == 2
    assert markdown.count("measure both in turns (--vs)") == 2


def test_a_report_without_a_doubt_has_no_column_for_it():
    runs = [stable(STEADY)]
    assert "Why there is no verdict" not in as_markdown(collect(runs, baseline=runs), "Report")


# in turns


def pair_of(*processes, rules=(), level="unstable", names=("a" * 8, "b" * 8), **changes):
    """Give one variant of a pair that took turns."""
    own, other = names
    of_turns = {"stopping": {"rule": "turns"}, "run_id": own, "paired_with": other}
    return judged(*processes, rules=rules, level=level, **of_turns, **changes)


def variants(a, b, **options):
    names = ("a" * 8, "b" * 8)
    return pair_of(*a, names=names, **options), pair_of(*b, names=names[::-1], **options)


def test_unstable_variants_that_took_turns_have_a_verdict():
    found = compare_pairs(*variants([STEADY] * 5, [FASTER] * 5, rules=["host-busy", "drift"]))
    assert (found.verdict, found.reason) == ("faster", None)


def test_wrong_times_have_no_verdict_in_turns_either():
    found = compare_pairs(*variants([STEADY] * 5, [FASTER] * 5, rules=["bookkeeping"]))
    assert found.verdict == "inconclusive"
    assert found.to_record()["reason"] == "the times of A are wrong (bookkeeping)"
    assert dict(found.summary())["B is"].startswith("inconclusive: the times of A are wrong")


def test_one_pair_of_processes_on_a_busy_machine_has_no_verdict():
    found = compare_pairs(*variants([STEADY], [FASTER], rules=["host-busy"], level="noisy"))
    assert found.verdict == "inconclusive"
    assert found.reason == "one pair of processes on a busy machine (host-busy)"
    assert "--processes" in found.remedy


def test_records_of_variants_that_took_turns_are_compared_pair_by_pair():
    slowing = [[100, 100, 100, 100], [200, 200, 200, 200], [400, 400, 400, 400]]
    a, b = variants(slowing, [scaled(times, 0.5) for times in slowing], rules=["host-busy"])
    found = effect(a, b)
    assert (found.verdict, found.covers) == ("faster", "3 pairs of processes")
    assert found.interval.half_width == pytest.approx(0, abs=1e-9)


def test_the_number_of_pairs_that_a_verdict_needs_is_foreseen():
    a, b = variants([[100], [100], [100]], [[95], [98], [101]])
    found = effect(a, b)
    assert found.verdict == "inconclusive"
    assert found.more_processes > 3


@pytest.mark.parametrize(
    "changes",
    [
        {"paired_with": "c" * 8},
        {"passes": ()},
        {"passes": [{"process": 0, "e2e_ns": 5, "push_ns": [0], "pop_ns": [5]}] * 3},
    ],
    ids=["another partner", "no passes", "fewer passes"],
)
def test_records_that_are_no_pair_are_compared_as_two_sides(changes):
    a, b = variants([STEADY] * 3, [FASTER] * 3, rules=["host-busy"])
    assert "pairs of processes" not in effect(a, replace(b, **changes)).covers
