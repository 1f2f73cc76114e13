"""Only comparable results are compared, and every doubt and omission is reported."""

from __future__ import annotations

import itertools
import json
import math
import statistics

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from ttbench_core.cli.arguments import UsageError
from ttbench_core.cli.compare import compare_results
from ttbench_core.errors import OptionError, RequestError
from ttbench_core.measure.intervals import Interval, ratio_interval
from ttbench_core.record.result import Result
from ttbench_core.results.comparison import KEY_NAMES, NotComparableError, compare
from ttbench_core.results.comparison.effect import (
    ASSUMED_PROCESS_SD,
    Replicates,
    effect_of,
    verdict_of,
)
from ttbench_core.testing import example_result

ARGS = {"model": "bert", "config": "base", "loop_count": 5, "microbatch": 8, "dataformat": "Fp32"}
SOFTWARE = {"python": "CPython 3.11", "torch": "2.5"}
QUIET = ((100, 101, 102), (101, 102, 103), (99, 100, 101), (100, 100, 100), (102, 103, 101))

identities = itertools.count(1)


def run_of(*processes, args=None, **changes):
    """Give a run with these pass times in ms, a sequence a process."""
    passes = [
        {"e2e_ns": round(ms * 1e6), "push_ns": [], "pop_ns": [], "process": number}
        for number, times in enumerate(processes or QUIET)
        for ms in times
    ]
    values = {
        "args": {**ARGS, **(args or {})},
        "passes": passes,
        "run_id": f"{next(identities):032x}",
        "versions": SOFTWARE,
        **changes,
    }
    return example_result(**values)


def failed_run(args=None, **changes):
    return run_of(
        (), args=args, status="failed", error="compile: no", samples_per_sec=None, **changes
    )


def scaled(processes, factor):
    return tuple(tuple(ms * factor for ms in times) for times in processes)


def pair_of(old, new, **options):
    (pair,) = compare([old], [new], **options).pairs
    return pair


def verdict(old, new, **options):
    return pair_of(old, new, **options).effect.verdict


def refusal(old, new, **options):
    with pytest.raises(NotComparableError) as refused:
        compare(old, new, **options)
    assert "\n" not in str(refused.value)
    return str(refused.value)


times_ms = st.floats(1, 1000)
passes_ms = st.lists(times_ms, min_size=1, max_size=4)
processes_ms = st.lists(passes_ms, min_size=1, max_size=4)
#: Foreseeing how many processes it takes is a search: fewer examples keep the suite fast.
some = settings(max_examples=30)
OPPOSITE = {"faster": "slower", "slower": "faster"}


# the effect


def test_the_ratio_is_of_throughput_so_that_less_time_is_more():
    pair = pair_of(run_of(*QUIET), run_of(*scaled(QUIET, 0.5)))
    assert pair.effect.ratio == pytest.approx(2)
    assert pair.effect.verdict == "faster"


def test_each_process_counts_once_with_the_geometric_mean_of_its_passes():
    old = run_of((50, 100, 200), (110, 110, 110))
    new = run_of((50, 50, 50, 50), (26, 104))
    expected = ratio_interval([1 / 50, 1 / 52], [1 / 100, 1 / 110])
    interval = pair_of(old, new).effect.interval
    assert interval.estimate == pytest.approx(expected.estimate)
    assert (interval.low, interval.high) == pytest.approx((expected.low, expected.high))


def test_passes_of_one_process_each_get_an_allowance_for_what_they_cannot_show():
    old, new = (100, 101, 99), (100, 102, 98)
    sds = (ASSUMED_PROCESS_SD, ASSUMED_PROCESS_SD)
    expected = ratio_interval([1 / ms for ms in new], [1 / ms for ms in old], extra_sds=sds)
    effect = pair_of(run_of(old), run_of(new)).effect
    assert effect.interval.low == pytest.approx(expected.low)
    assert effect.covers == "passes of one process each; 3 % assumed between processes"


def test_the_allowance_is_made_on_the_side_alone_that_has_one_process():
    effect = pair_of(run_of((100, 101, 99)), run_of(*QUIET)).effect
    expected = ratio_interval(
        [1 / statistics.geometric_mean(times) for times in QUIET],
        [1 / ms for ms in (100, 101, 99)],
        extra_sds=(0, ASSUMED_PROCESS_SD),
    )
    assert effect.interval.high == pytest.approx(expected.high)
    assert effect.covers == (
        "3 passes of one process against 5 processes;"
        " 3 % assumed between processes where there is one"
    )


def test_passes_that_follow_each_other_slowly_count_as_fewer():
    jumping = [100, 140] * 10
    drifting = [100] * 10 + [140] * 10
    apart, alike = (
        pair_of(run_of(times), run_of(times)).effect.interval for times in (jumping, drifting)
    )
    assert alike.half_width > 1.2 * apart.half_width


def test_two_processes_a_side_have_an_interval():
    effect = pair_of(run_of((100,), (101,)), run_of((100,), (102,))).effect
    assert effect.interval is not None
    assert effect.covers == "2 processes against 2"


def test_one_pass_alone_has_a_ratio_and_no_interval():
    effect = pair_of(run_of((100,)), run_of(*QUIET)).effect
    assert (effect.interval, effect.verdict) == (None, "inconclusive")
    assert effect.ratio == pytest.approx(0.99, abs=0.02)
    assert "one alone shows no spread, so no interval" in effect.covers


def test_records_without_passes_are_compared_by_their_headline():
    original = {"versions": {}, "passes": (), "total_samples": 40}
    old = [run_of(**original, samples_per_sec=rate) for rate in (80.0, 81.0, 79.0)]
    new = [run_of(**original, samples_per_sec=rate) for rate in (160.0, 161.0, 159.0)]
    (pair,) = compare(old, new).pairs
    assert pair.effect.ratio == pytest.approx(2, rel=1e-3)
    assert pair.effect.covers == "3 processes against 3"


def test_across_sizes_of_work_it_is_samples_that_are_compared():
    new = run_of(args={"microbatch": 16}, total_samples=80)
    assert pair_of(run_of(), new, across=["microbatch"]).effect.ratio == pytest.approx(2)


@pytest.mark.parametrize(
    ("low", "high", "expected"),
    [
        (1.03, 1.05, "faster"),
        (1.01, 1.05, "inconclusive"),
        (0.99, 1.01, "same"),
        (0.90, 1.10, "inconclusive"),
        (0.97, 0.99, "inconclusive"),
        (0.90, 0.97, "slower"),
        (1 / 1.02, 1.02, "same"),
    ],
)
def test_a_verdict_needs_the_whole_interval(low, high, expected):
    assert verdict_of(Interval(1.0, low, high), 0.02) == expected


def test_the_band_decides_what_is_the_same():
    old, new = run_of(*QUIET), run_of(*scaled(QUIET, 1.04))
    assert verdict(old, new, band=0.01) == "slower"
    assert verdict(old, new, band=0.10) == "same"


@some
@given(processes_ms, processes_ms)
def test_swapping_old_and_new_inverts_the_comparison(old, new):
    there = pair_of(run_of(*old), run_of(*new)).effect
    back = pair_of(run_of(*new), run_of(*old)).effect
    assert there.ratio == pytest.approx(1 / back.ratio)
    assert there.verdict == OPPOSITE.get(back.verdict, back.verdict)
    if there.interval:
        assert there.interval.low == pytest.approx(1 / back.interval.high)


@some
@given(processes_ms)
def test_a_result_against_itself_is_neither_faster_nor_slower(processes):
    effect = pair_of(run_of(*processes), run_of(*processes)).effect
    assert effect.ratio == pytest.approx(1)
    assert effect.verdict in {"same", "inconclusive"}


@some
@given(processes_ms, processes_ms, st.floats(0.1, 10))
def test_a_change_of_speed_scales_ratio_and_interval(old, new, factor):
    plain = pair_of(run_of(*old), run_of(*new)).effect
    changed = pair_of(run_of(*old), run_of(*scaled(new, factor))).effect
    assert changed.ratio == pytest.approx(plain.ratio / factor, rel=1e-4)
    if plain.interval:
        assert changed.interval.low == pytest.approx(plain.interval.low / factor, rel=1e-3)


@some
@given(processes_ms, processes_ms)
def test_only_what_is_inconclusive_comes_with_advice(old, new):
    effect = pair_of(run_of(*old), run_of(*new)).effect
    if effect.more_processes is not None:
        assert effect.verdict == "inconclusive"
        assert effect.more_processes >= 1


@some
@given(
    st.lists(st.lists(st.floats(1, 1e15), min_size=1, max_size=2), min_size=1, max_size=3),
    st.sampled_from([1e-9, 1, 1e15]),
)
def test_the_smallest_and_largest_readable_numbers_are_compared(processes, samples):
    passes = [
        {"e2e_ns": ns, "process": number} for number, times in enumerate(processes) for ns in times
    ]
    extreme = run_of(total_samples=samples, passes=passes)
    for pair in (pair_of(run_of(), extreme), pair_of(extreme, run_of(total_samples=1e-9))):
        assert math.isfinite(pair.effect.ratio)


def spread(count, sd):
    """Give replicates of 1 whose logarithms have this standard deviation."""
    half = sd * math.sqrt((count - 1) / count)
    return Replicates(tuple(math.exp(half * (-1) ** one) for one in range(count)), count)


def test_the_advised_number_of_processes_settles_it_and_one_fewer_does_not():
    old, new = spread(4, 0.03), spread(4, 0.03)
    more = effect_of(old, new, 0.02).more_processes
    # an even number of processes is one whose spread is exactly as before
    enough, few = (spread(4 + count, 0.03) for count in (more + more % 2, more - 2 - more % 2))
    assert effect_of(enough, enough, 0.02).verdict == "same"
    assert effect_of(few, few, 0.02).verdict == "inconclusive"


def test_more_spread_takes_more_processes():
    counts = [
        effect_of(spread(4, sd), spread(4, sd), 0.02).more_processes for sd in (0.02, 0.04, 0.2)
    ]
    assert counts == sorted(counts)
    assert counts[-1] > 100


def test_on_the_very_edge_of_the_band_no_number_of_processes_is_advised():
    old = spread(4, 0.03)
    new = Replicates(tuple(1.02 * rate for rate in old.samples_per_s), 4)
    effect = effect_of(old, new, 0.02)
    assert (effect.verdict, effect.more_processes) == ("inconclusive", None)


# which is compared with which


@pytest.mark.parametrize(
    "other",
    [
        {"model": "roberta"},
        {"config": "large"},
        {"training": True},
        {"dataformat": "Fp16_b"},
        {"math_fidelity": "LoFi"},
        {"backend_opt_level": 2},
        {"loop_count": 6},
        {"chips": 2},
        {"layers": 3},
        {"microbatch": 4},
        {"scenario": "latency"},
        {"backend": "other"},
        {"device": "cuda"},
    ],
    ids=lambda other: next(iter(other)),
)
def test_runs_with_different_keys_are_compared_only_across_the_difference(other):
    (name,) = other
    old, new = run_of(), run_of(args=other)
    assert ("share no model" if name == "model" else name) in refusal([old], [new])
    assert [one.what for one in pair_of(old, new, across=[name]).across] == [name]


def test_devices_of_different_names_are_not_comparable():
    old, new = (run_of(devices=[{"kind": "cuda", "name": name}]) for name in ("H100", "H200"))
    message = refusal([old], [new])
    assert message == (
        "bert base: device_name H100 against H200; use --across device_name to compare them anyway"
    )


@pytest.mark.parametrize(
    "other",
    [
        {"seed": 3},
        {"passes": 9},
        {"processes": 5},
        {"warmup": 2},
        {"max_time": 9.0},
        {"trace": "x"},
    ],
    ids=lambda other: next(iter(other)),
)
def test_runs_of_different_length_are_comparable(other):
    assert pair_of(run_of(), run_of(args=other)).effect.ratio == pytest.approx(1)


def test_records_without_a_later_option_have_its_default():
    pair = pair_of(run_of(), run_of(args={"scenario": "throughput", "threads": None}))
    assert pair.label == "bert base"


def test_a_model_of_ttbenchs_own_packs_is_the_same_however_it_was_asked_for():
    nlp, vision = "ttbench-models-nlp", "ttbench-models-vision"
    new = run_of(args={"model": f"{vision}:bert"}, model={"pack": vision, "parameters": 5})
    pair = pair_of(run_of(model={"name": "bert", "pack": nlp, "parameters": 5}), new)
    assert [str(one) for one in pair.surroundings] == [f"pack {nlp} against {vision}"]


def test_the_nearest_difference_is_reported_with_its_remedy():
    old = [run_of(args={"dataformat": "Bfp8", "microbatch": 1}), run_of()]
    assert refusal(old, [run_of(args={"dataformat": "Fp16_b"})]) == (
        "bert base: dataformat Fp32 against Fp16_b; use --across dataformat to compare them anyway"
    )


def test_across_models_a_pair_names_both():
    new = run_of(args={"model": "roberta"})
    assert pair_of(run_of(), new, across=["model"]).label == "bert base against roberta base"


def test_several_differences_are_reported_with_all_their_remedies():
    message = refusal([run_of()], [run_of(args={"chips": 2, "microbatch": 4})])
    assert "chips unset against 2, microbatch 8 against 4" in message
    assert "--across chips --across microbatch" in message


@pytest.mark.parametrize(
    ("old", "new", "fault"),
    [
        ([], [run_of()], "nothing in OLD can be compared: it is empty"),
        ([run_of()], [], "nothing in NEW can be compared: it is empty"),
        (
            [run_of()],
            [failed_run(args={"model": "other"})],
            "nothing in NEW can be compared: no run in it went through (1 did not)",
        ),
    ],
)
def test_a_side_with_nothing_to_compare_is_named(old, new, fault):
    assert refusal(old, new) == fault


def test_an_unmatched_key_is_listed_with_the_nearest_on_the_other_side():
    found = compare(
        [run_of(), run_of(args={"dataformat": "Bfp8"}), run_of(args={"model": "gone"})],
        [run_of(), run_of(args={"model": "fresh"})],
    )
    assert [found.labels[one.key] for one in found.vanished] == [
        "bert base dataformat=Bfp8",
        "gone base",
    ]
    assert [list(map(str, one.nearest)) for one in found.vanished] == [
        ["dataformat Bfp8 against Fp32"],
        [],
    ]
    assert [found.labels[one.key] for one in found.appeared] == ["fresh base"]


def test_labels_tell_apart_what_shares_model_and_configuration():
    results = [run_of(args={"microbatch": size}) for size in (1, 8)]
    labels = [pair.label for pair in compare(results, results).pairs]
    assert labels == ["bert base microbatch=1", "bert base microbatch=8"]


def test_a_failed_run_is_no_measurement_and_is_listed():
    found = compare([run_of()], [failed_run()])
    assert found.pairs == found.vanished == ()
    (failure,) = found.failures
    assert (failure.place, failure.reason, failure.mended) == ("NEW", "failed: compile: no", False)


def test_a_failed_run_without_its_microbatch_is_matched():
    found = compare([run_of()], [failed_run(args={"microbatch": None})])
    assert found.vanished == ()


def test_a_failure_with_a_later_success_is_listed_and_does_not_count():
    found = compare([run_of()], [failed_run(), run_of()])
    assert found.failures[0].mended
    assert "failed" not in found.outcomes
    assert "failed" in compare([run_of()], [run_of(), failed_run()]).outcomes


def test_a_failure_in_old_alone_does_not_count_against_new():
    found = compare([run_of(), failed_run()], [run_of()])
    assert [one.place for one in found.failures] == ["OLD"]
    assert "failed" not in found.outcomes


def test_an_interrupted_run_counts_as_failed_although_it_has_a_number():
    found = compare([run_of()], [run_of(status="interrupted")])
    assert found.failures[0].reason == "interrupted"


# several runs of one kind


def test_runs_of_the_same_software_commit_and_machine_are_taken_together():
    new = [run_of((100,), (101,)), run_of((102,), (103,))]
    pair = compare([run_of()], new).pairs[0]
    assert pair.new.processes == 4
    assert len(pair.new.run_ids) == 2


@pytest.mark.parametrize(
    "origin",
    [
        {"versions": {**SOFTWARE, "torch": "2.4"}},
        {"git": {"hash": "abc", "dirty": False}},
        {"git": {"hash": None, "dirty": True}},
        {"machine_name": "elsewhere"},
    ],
    ids=["versions", "commit", "dirty", "machine"],
)
def test_earlier_runs_of_another_origin_are_left_out_and_counted(origin):
    pair = compare([run_of(**origin), run_of(**origin), run_of()], [run_of()]).pairs[0]
    assert pair.old.processes == 5
    assert pair.old.left_out == 2
    assert "2 earlier runs left out of OLD" in pair.notes


def test_runs_of_one_cell_of_a_sweep_on_several_hosts_are_taken_together():
    cell = {"sweep": {"name": "nightly", "cell": "a" * 64}}
    runs = [run_of(**cell), run_of(**cell, machine_name="elsewhere")]
    pair = compare(runs, [run_of()]).pairs[0]
    assert (pair.old.processes, pair.old.left_out) == (10, 0)
    assert "machine example-host and elsewhere against example-host" in map(str, pair.surroundings)
    other = run_of(sweep={"name": "nightly", "cell": "b" * 64}, machine_name="elsewhere")
    assert compare([runs[0], other], [run_of()]).pairs[0].old.left_out == 1


def test_a_run_that_a_file_holds_twice_counts_once():
    once = run_of((100,), (101,))
    pair = compare([once, once], [run_of()]).pairs[0]
    assert pair.old.processes == 2
    assert "1 repeated run left out of OLD" in pair.notes


def test_a_run_on_both_sides_is_noted():
    both = run_of()
    assert pair_of(both, both).notes == ("OLD and NEW share a run",)


def test_across_never_mixes_different_runs_on_one_side():
    mixed = [run_of(), run_of(args={"dataformat": "Fp16_b"})]
    message = refusal(mixed, [run_of()], across=["dataformat"])
    assert "OLD holds both dataformat Fp32 and Fp16_b; name one record, as FILE@N" in message


# what else a reader must know


def test_differences_of_context_are_listed():
    old = run_of(
        host={"cpu": "A", "usable_cores": 2},
        git={"hash": "abc", "dirty": False},
        environment={"OMP_NUM_THREADS": "1"},
        effective={"threads": 1},
    )
    new = run_of(
        host={"cpu": "B", "usable_cores": 2},
        git={"hash": "abc", "dirty": True},
        versions={**SOFTWARE, "torch": "2.6"},
        machine_name="elsewhere",
        effective={"threads": 2},
    )
    assert [str(one) for one in pair_of(old, new).surroundings] == [
        "machine example-host against elsewhere",
        "cpu A against B",
        "commit abc against abc with changes",
        "threads in effect 1 against 2",
        "torch 2.5 against 2.6",
        "OMP_NUM_THREADS 1 against unset",
    ]


def test_differences_among_the_runs_of_one_side_are_listed():
    new = [run_of(effective={"threads": count}) for count in (1, 2)]
    pair = compare([run_of(effective={"threads": 1})], new).pairs[0]
    assert [str(one) for one in pair.surroundings] == ["threads in effect 1 against 1 and 2"]


def test_what_the_original_script_did_not_record_is_no_difference():
    pair = pair_of(run_of(versions={}), run_of(environment={"OMP_NUM_THREADS": "1"}))
    assert pair.surroundings == ()
    assert pair.notes == ("OLD does not record its software, host and environment",)


@pytest.mark.parametrize("doubt", ["noisy", "unstable"])
def test_runs_with_a_doubtful_verdict_are_marked(doubt):
    pair = pair_of(run_of(verdict={"verdict": "stable"}), run_of(verdict={"verdict": doubt}))
    assert (pair.old.doubt, pair.new.doubt) == (None, doubt)
    assert pair.notes == (f"NEW is {doubt}",)


def test_wrong_outputs_are_noted():
    pair = pair_of(run_of(), run_of(verification={"passed": False}))
    assert pair.notes == ("NEW has outputs that are wrong",)


def test_the_geometric_mean_is_of_all_pairs_and_takes_two():
    old = [run_of(), run_of(args={"microbatch": 1})]
    new = [run_of(*scaled(QUIET, 0.5)), run_of(*scaled(QUIET, 2), args={"microbatch": 1})]
    assert compare(old, new).geometric_mean == pytest.approx(1)
    assert compare(old[:1], new[:1]).geometric_mean is None


@pytest.mark.parametrize("band", [-0.1, 1.5, math.nan])
def test_an_invalid_band_is_refused(band):
    with pytest.raises(OptionError, match="band must be 0 to 1"):
        compare([run_of()], [run_of()], band=band)


def test_an_unknown_key_name_is_refused_with_the_nearest():
    with pytest.raises(OptionError, match="did you mean 'dataformat'"):
        compare([run_of()], [run_of()], across=["dataformt"])


# the command line


@pytest.fixture
def file_of(tmp_path):
    numbers = itertools.count()

    def write(*results):
        path = tmp_path / f"{next(numbers)}.json"
        path.write_text(json.dumps([result.to_record() for result in results]))
        return str(path)

    return write


def test_a_comparison_is_printed_with_its_basis(file_of, capsys):
    old = file_of(run_of(), run_of(args={"model": "gone"}))
    new = file_of(run_of(*scaled(QUIET, 0.5), versions={**SOFTWARE, "torch": "2.6"}), failed_run())
    assert compare_results([old, new]) == 0
    lines = [" ".join(line.split()) for line in capsys.readouterr().out.splitlines()]
    row = next(line for line in lines if line.startswith("bert base "))
    assert row.startswith("bert base 396.1 792.1 2.000 1.971 to 2.029")
    assert row.endswith("faster")
    assert "interval over 5 processes against 5" in lines
    assert "differs torch 2.5 against 2.6" in lines
    assert "failed in NEW bert base: failed: compile: no" in lines
    assert "only in OLD gone base" in lines


def test_what_all_pairs_share_is_printed_once(file_of, capsys):
    runs = [run_of(args={"model": name}) for name in ("a", "b")]
    compare_results([file_of(*runs), file_of(*runs)])
    out = capsys.readouterr().out
    assert out.count("all: 5 processes against 5") == 1
    assert "geometric mean  1.000 over 2 pairs" in out


@pytest.mark.parametrize(
    ("new", "advice"),
    [
        (((100, 101, 99), (103, 102, 104)), "about "),
        (((60,), (160,)), "more than 100 more processes a side"),
    ],
)
def test_the_processes_that_a_verdict_needs_are_printed(file_of, capsys, new, advice):
    compare_results([file_of(run_of((100,), (101,))), file_of(run_of(*new))])
    assert f"for a verdict  {advice}" in capsys.readouterr().out


def test_two_records_of_one_file_are_compared_by_position(file_of, capsys):
    perf = file_of(run_of(), run_of(args={"chips": 2}), run_of(*scaled(QUIET, 2)))
    assert compare_results([f"{perf}@0", f"{perf}@-1", "--fail-on", "slower"]) == 1
    assert "0.500" in capsys.readouterr().out


def test_one_file_alone_is_refused_with_the_form_for_two_of_its_records(file_of):
    perf = file_of(run_of())
    with pytest.raises(UsageError, match="ttbench compare") as refused:
        compare_results([perf])
    assert f"ttbench compare {perf}@0 {perf}@-1" in str(refused.value)


@pytest.mark.parametrize(
    ("new", "outcome"),
    [
        ([run_of(*scaled(QUIET, 2))], "slower"),
        ([run_of(*scaled(QUIET, 0.5))], "faster"),
        ([run_of((100,))], "inconclusive"),
        ([run_of(), failed_run(args={"chips": 9})], "failed"),
    ],
)
def test_fail_on_turns_what_was_found_into_an_exit_code(file_of, new, outcome):
    words = [file_of(run_of()), file_of(*new)]
    others = {"slower", "faster", "inconclusive", "failed", "vanished"} - {outcome}
    assert compare_results(words) == 0
    assert compare_results([*words, "--fail-on", outcome]) == 1
    assert compare_results([*words, "--fail-on", ",".join(others)]) == 0


def test_fail_on_can_be_given_more_than_once_and_between_the_files(file_of):
    old, new = file_of(run_of(), run_of(args={"model": "gone"})), file_of(run_of())
    assert compare_results([old, "--fail-on", "slower", "--fail-on=vanished", new]) == 1


def test_the_band_is_given_in_percent(file_of, capsys):
    old, new = file_of(run_of()), file_of(run_of(*scaled(QUIET, 1.04)))
    assert compare_results([old, new, "--band", "10", "--fail-on", "slower"]) == 0
    assert compare_results([old, new, "--band", "1", "--fail-on", "slower"]) == 1


def test_as_json_it_is_one_strict_object(file_of, capsys):
    old = file_of(run_of((100,)), run_of(args={"model": "gone"}))
    new = file_of(run_of((100,)), failed_run(args={"chips": 9}), run_of(args={"model": "fresh"}))
    assert compare_results([old, new, "--json"]) == 0
    record = json.loads(capsys.readouterr().out, parse_constant=pytest.fail)
    (pair,) = record["pairs"]
    assert pair["key"]["model"] == "bert"
    assert set(pair["key"]) == set(KEY_NAMES)
    assert (pair["ratio"], pair["low"], pair["verdict"]) == (1, None, "inconclusive")
    assert [len(record[name]) for name in ("failed", "vanished", "appeared")] == [1, 1, 1]


@pytest.mark.parametrize(
    ("words", "fault"),
    [
        (["--fail-on", "slow"], "did you mean 'slower'"),
        (["--band", "wide"], "invalid float value"),
        (["--across", "colour"], "cannot compare across 'colour'"),
        (["--no-such"], "unrecognized arguments: --no-such"),
        (["third.json"], "compare takes OLD and NEW"),
    ],
)
def test_wrong_words_are_refused_in_one_line(file_of, words, fault):
    with pytest.raises(RequestError) as refused:
        compare_results([file_of(run_of()), file_of(run_of()), *words])
    assert fault in str(refused.value)
    assert "\n" not in str(refused.value)


def test_control_characters_are_printed_as_escapes(file_of, capsys):
    hostile = "a\x1b[2J"
    old = run_of(args={"model": hostile}, versions={"torch": hostile})
    new = run_of(args={"model": hostile}, versions={"torch": "2"})
    compare_results([file_of(old), file_of(new, failed_run(machine_name=hostile))])
    out = capsys.readouterr().out
    assert "\x1b" not in out
    assert r"a\x1b[2J" in out


def test_help_shows_the_forms_and_the_exit_codes(capsys):
    with pytest.raises(SystemExit):
        compare_results(["--help"])
    out = capsys.readouterr().out
    for text in ("ttbench compare OLD NEW", "perf.json@0 perf.json@-1", "--across", "exit codes"):
        assert text in out


@given(
    st.dictionaries(
        st.sampled_from(["model", "config", "dataformat", "threads", "device", "backend"]),
        st.none() | st.integers() | st.lists(st.text(max_size=2), max_size=2) | st.text(max_size=2),
    )
)
def test_a_record_with_any_options_is_comparable_with_itself(args):
    result = Result.from_record(json.loads(run_of(args=args).to_json()))
    assert len(compare([result], [result]).pairs) == 1


def test_threads_are_compared_as_requested():
    asked, unasked = run_of(requested={"threads": 1}), run_of(requested={"threads": None})
    assert "threads" in refusal([unasked], [asked])
    older = run_of(args={"threads": None}, requested={}, schema_version=1)
    assert pair_of(older, run_of(args={"threads": 2}, requested={"threads": None}))


@pytest.mark.parametrize(
    "inputs", [5, "x", [None], [{"shape": 3, "dtype": "int64"}], [{"shape": [None, 1], "dtype": 0}]]
)
def test_invalid_inputs_are_no_part_of_a_key(inputs):
    from ttbench_core.results.comparison.key import key_of

    older = example_result(model={"inputs": inputs}, schema_version=2)
    assert key_of(older).get("seq_len") is None


def test_an_older_record_has_the_size_of_its_inputs_as_a_newer_one_has_it_in_its_options():
    from ttbench_core.results.comparison.key import key_of

    inputs = [{"shape": [8, 128], "dtype": "int64"}]
    older = example_result(model={"inputs": inputs}, schema_version=2)
    newer = example_result(args={**older.args, "seq_len": 128})
    assert key_of(older).get("seq_len") == key_of(newer).get("seq_len") == 128


def test_a_table_of_a_run_and_its_record_have_the_same_rate(tmp_path):
    from ttbench_core.record.deriving import derive
    from ttbench_core.results.reading import load
    from ttbench_core.sinks.storing import store_result
    from ttbench_core.sinks.targets import check_target

    passes = [
        {"process": 0, "e2e_ns": ns, "push_ns": [0], "pop_ns": [ns]}
        for ns in (10_000_000, 11_000_000, 12_500_000)
    ]
    whole = derive(run_of(passes=passes))
    for name in ("perf.json", "perf.csv"):
        store_result(whole, check_target(tmp_path / name))
    (pair,) = compare(load(tmp_path / "perf.json"), load(tmp_path / "perf.csv")).pairs
    assert pair.effect.ratio == pytest.approx(1.0)


def test_models_of_one_name_from_other_packs_are_not_alike():
    from ttbench_core.results.comparison.key import key_of

    own, nameless, zoo = (
        example_result(model={"name": "net", "pack": pack})
        for pack in ("ttbench-models-vision", None, "big-zoo")
    )
    assert key_of(own) == key_of(nameless)
    (difference,) = key_of(own).differences(key_of(zoo))
    assert str(difference) == "pack unset against big-zoo"
