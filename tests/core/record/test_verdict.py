"""Every rule says its piece where it should, with numbers, and is silent elsewhere."""

from __future__ import annotations

import random
from dataclasses import replace

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ttbench_core.measure.host_activity import HostActivity
from ttbench_core.measure.intervals import geometric_mean_interval
from ttbench_core.measure.passes import Pass
from ttbench_core.measure.statistics import replicates_ns
from ttbench_core.record.verdict import RULES, Evidence, judge

MS = 1_000_000
QUIET = HostActivity(
    wall_s=10.0,
    others_cores=0.02,
    own_cores=2,
    steal_share=0.0,
    involuntary_switches_per_s=3.0,
    throttled_share=0.0,
    clock_ratio=1.0,
)


def process(*times_ms):
    """Passes of five inputs each."""
    return [
        Pass(
            tuple(round(time * MS * index / 5) for index in range(5)),
            tuple(round(time * MS * (index + 1) / 5) for index in range(5)),
        )
        for time in times_ms
    ]


def evidence(*processes, **changes):
    processes = processes or (process(*[100] * 8),)
    good = Evidence(
        processes=processes,
        in_flight=1,
        interval=geometric_mean_interval(replicates_ns(processes)),
        fill_share=0.0,
        settled=True,
        host_activity=[QUIET],
        harness_ns_per_input=300.0,
        threads=2,
        cores=2,
    )
    return replace(good, **changes)


def found(given):
    return {finding.rule: finding for finding in judge(given)[1]}


def activity(**changes):
    return [replace(QUIET, **changes)]


def test_a_quiet_machine_is_stable_without_findings():
    assert judge(evidence()) == ("stable", [])


def test_every_rule_accepts_evidence_without_optional_values():
    bare = Evidence(processes=[process(100)], in_flight=1, interval=None)
    assert {finding.rule for finding in judge(bare)[1]} == {"few-replicates", "too-short"}


@pytest.mark.parametrize(("spread", "level"), [(0.01, None), (0.04, "noisy"), (0.2, "unstable")])
def test_a_wide_interval_is_judged_by_its_width(spread, level):
    times = [100 * (1 + spread * sign) for sign in (1, -1) * 6]
    finding = found(evidence(process(*times))).get("interval-wide")
    assert (finding.level if finding else None) == level


def test_a_missed_target_names_the_passes_and_processes_that_would_reach_it():
    # t(19) 2.093 x 0.0776 / sqrt(20) is 3.63 %: 20 passes x (3.63 / 2)^2 are 66, of a second each;
    # a fifth more, because the scatter that was seen may be less than the true one
    times = [1000 * (1 + 0.0755 * sign) for sign in (1, -1) * 10]
    finding = found(evidence(process(*times)))["interval-wide"]
    assert finding.message == "the 95 % interval is -3.6% to +3.7%, wanted ±2%"
    assert finding.remedy == (
        "--passes 80 (80 s of passes) or --processes 6 (2 min of passes and 6 starts)"
        " would probably reach it if times scatter on like this"
    )


def test_a_missed_target_of_processes_names_more_of_them():
    processes = [process(*[300 * factor] * 5) for factor in (1, 1.02, 0.98, 1.01, 0.96)]
    remedy = found(evidence(*processes))["interval-wide"].remedy
    assert remedy.startswith("--processes 9 (13 s of passes and 9 starts) would probably reach it")


@pytest.mark.parametrize("seconds", [0.1, 3600])
def test_what_no_reasonable_number_reaches_is_not_advised(seconds):
    wide = found(evidence(process(*[seconds * 1000 * factor for factor in (1, 5) * 4])))
    assert wide["interval-wide"].remedy == (
        "quieten the machine: no reasonable number of passes or processes reaches it at this"
        " scatter"
    )


@given(st.lists(st.lists(st.integers(1, 10**6), min_size=1, max_size=12), min_size=1, max_size=4))
def test_every_wide_interval_has_advice_in_one_line(times):
    measured = evidence(*(process(*one) for one in times))
    if (finding := found(measured).get("interval-wide")) is not None:
        assert finding.remedy
        assert "\n" not in finding.remedy


def test_fewer_than_three_replicates_are_found_with_a_remedy():
    assert "--passes" in found(evidence(process(300, 300)))["few-replicates"].remedy
    two = found(evidence(process(300, 300), process(300, 300)))["few-replicates"]
    assert "--processes" in two.remedy
    assert two.message == "2 processes give no interval: it takes 3"


def test_a_machine_that_slows_down_drifts():
    finding = found(evidence(process(100, 100.5, 100, 103, 103.2, 103, 107, 107.3, 107)))["drift"]
    assert finding.level == "noisy"
    assert "6.9% more time" in finding.message


def test_a_drift_beyond_ten_percent_is_unstable():
    times = [100, 101, 100, 110, 111, 110, 120, 121, 120]
    assert found(evidence(process(*times)))["drift"].level == "unstable"


def test_scatter_without_direction_is_no_drift():
    draw = random.Random(3)
    times = [100 * draw.lognormvariate(0, 0.05) for _ in range(30)]
    assert "drift" not in found(evidence(process(*times)))


def test_steady_processes_that_differ_are_a_level_shift():
    apart = [process(100, 100.1, 100, 100.2), process(112, 112.1, 112), process(97, 97.1, 97, 97)]
    assert found(evidence(*apart))["level-shift"].level == "noisy"


def test_processes_whose_own_scatter_explains_their_difference_are_no_level_shift():
    near = [process(100, 104, 97, 101), process(103, 98, 99, 105), process(99, 102, 104, 98)]
    assert "level-shift" not in found(evidence(*near))


def test_a_slow_first_pass_is_found():
    finding = found(evidence(process(160, 100, 100.5, 100, 101, 100)))["slow-first-pass"]
    assert "1.60 times" in finding.message
    assert "slow-first-pass" not in found(evidence(process(103, 100, 100.1, 100, 100.1, 100)))


def test_short_passes_are_found_with_a_sufficient_loop_count():
    finding = found(evidence(process(*[1] * 10)))["too-short"]
    # ten passes of 1 ms are 10 ms of the 500: fifty times five inputs
    assert finding.remedy == "use --loop_count 250 or more"


def test_an_advised_loop_count_is_rounded():
    finding = found(evidence(process(*[0.0123] * 10)))["too-short"]
    assert finding.remedy == "use --loop_count 21000 or more"


def test_a_run_of_half_a_second_in_long_passes_is_not_too_short():
    assert "too-short" not in found(evidence(process(*[120] * 5)))


def test_filling_is_found_with_a_sufficient_loop_count():
    finding = found(evidence(fill_share=0.10, in_flight=6))["fill"]
    assert "filling the pipeline is 10.0% of a pass" in finding.message
    assert "--loop_count 25 or more" in finding.remedy
    assert "fill" not in found(evidence(fill_share=0.015))


def test_without_a_pipeline_the_finding_names_the_slow_first_input():
    assert "its slower first input" in found(evidence(fill_share=0.10))["fill"].message


def test_a_warm_up_that_did_not_settle_is_found():
    assert found(evidence(settled=False))["warm-up"].level == "noisy"
    assert "warm-up" not in found(evidence(settled=None))


def test_a_harness_that_costs_more_than_a_hundredth_of_an_input_is_found():
    finding = found(evidence(harness_ns_per_input=400_000.0))["harness"]
    assert "400000 ns of the 20000000 ns" in finding.message


def test_outputs_out_of_order_are_a_fault_of_bookkeeping():
    mixed = Pass((0, 0, 0), (300 * MS, 100 * MS, 200 * MS))
    assert found(evidence([mixed] * 5))["bookkeeping"].level == "unstable"


@pytest.mark.parametrize(
    ("others", "threads", "level"),
    [
        (0.08, 2, None),
        (0.2, 2, "noisy"),
        (0.98, 2, "unstable"),
        (0.4, 1, None),  # there is a core for it
        (0.98, 1, "noisy"),
        (1.05, 1, "noisy"),  # a hair more than the free core
        (1.3, 1, "unstable"),
    ],
)
def test_other_programs_are_judged_by_whether_there_is_a_core_for_them(others, threads, level):
    finding = found(evidence(host_activity=activity(others_cores=others), threads=threads))
    assert (finding["host-busy"].level if "host-busy" in finding else None) == level


def test_other_programs_are_reported_with_their_share():
    message = found(evidence(host_activity=activity(others_cores=0.98)))["host-busy"].message
    assert "0.98 of 2 cores" in message
    assert "(49%)" in message


def test_the_daemons_of_a_large_machine_are_no_finding():
    large = evidence(host_activity=activity(others_cores=0.5), threads=64, cores=64)
    assert "host-busy" not in found(large)


def test_the_worst_process_decides():
    both = [QUIET, replace(QUIET, others_cores=0.9)]
    assert judge(evidence(host_activity=both))[0] == "unstable"


@pytest.mark.parametrize(
    ("rule", "changes", "level"),
    [
        ("preempted", {"involuntary_switches_per_s": 900.0, "others_cores": 0.02}, None),
        ("preempted", {"involuntary_switches_per_s": 300.0, "others_cores": 0.9}, None),
        ("preempted", {"involuntary_switches_per_s": 500.0, "others_cores": 0.9}, "noisy"),
        ("throttled", {"throttled_share": 0.005}, None),
        ("throttled", {"throttled_share": 0.02}, "noisy"),
        ("throttled", {"throttled_share": 0.30}, "unstable"),
        ("throttled", {"throttled_share": None}, None),
        ("steal", {"steal_share": 0.02}, "noisy"),
        ("steal", {"steal_share": 0.20}, "unstable"),
        ("steal", {"steal_share": None}, None),
        ("clock", {"clock_ratio": 1.005}, None),
        ("clock", {"clock_ratio": 1.05}, "unstable"),
        ("clock", {"clock_ratio": 0.9}, "unstable"),
        ("clock", {"clock_ratio": 1.05, "wall_s": 0.1}, None),
        ("host-busy", {"others_cores": None}, None),
    ],
)
def test_host_activity_is_judged_by_its_share(rule, changes, level):
    finding = found(evidence(host_activity=activity(**changes))).get(rule)
    assert (finding.level if finding else None) == level


def test_more_threads_than_cores_are_found_with_the_number_of_cores():
    finding = found(evidence(threads=8, quota_cores=3.5, cores=64))["threads"]
    assert finding.message == "8 threads compute on 3.5 cores"
    assert finding.remedy == "use --threads 3"


def test_a_governor_that_follows_the_load_is_a_hint_and_does_not_change_the_verdict():
    verdict, findings = judge(evidence(governors=["powersave"]))
    assert verdict == "stable"
    assert [finding.level for finding in findings] == ["hint"]
    assert judge(evidence(governors=["performance"]))[1] == []


def test_the_worst_finding_comes_first_and_is_the_verdict():
    mixed = evidence(
        governors=["ondemand"], settled=False, host_activity=activity(others_cores=0.98)
    )
    verdict, findings = judge(mixed)
    assert verdict == "unstable"
    assert [finding.level for finding in findings] == ["unstable", "noisy", "hint"]


def test_every_finding_has_a_remedy_and_every_rule_a_reason():
    assert all(rule.__doc__ for rule in RULES)
    spoilt = evidence(
        process(*range(1, 20)),
        fill_share=0.5,
        settled=False,
        host_activity=[HostActivity(1.0, 2.0, 2.0, 0.5, 9e3, 0.5, 2.0)],
        harness_ns_per_input=1e6,
        threads=9,
        governors=["powersave"],
    )
    findings = judge(spoilt)[1]
    assert len({finding.rule for finding in findings}) >= 11
    assert all(finding.remedy and finding.message for finding in findings)


def test_others_on_a_large_host_do_not_disturb_a_small_quota():
    pod = evidence(host_activity=activity(others_cores=20.0), threads=4, cores=64, quota_cores=4.0)
    assert found(pod)["host-busy"].level == "noisy"
    assert "20.00 of 64 cores" in found(pod)["host-busy"].message


def test_a_pipeline_that_passes_never_fill_is_found():
    finding = found(evidence(in_flight=6, fill_share=None))["fill"]
    assert finding.remedy == "use --loop_count 60 or more"
    assert "fill" not in found(evidence(in_flight=1, fill_share=None))


def test_one_process_of_five_that_drifts_may_be_chance_and_three_are_not():
    steady, drifting = process(*[100] * 9), process(*[100] * 3, *[110] * 3, *[120] * 3)
    assert "drift" not in found(evidence(steady, steady, steady, steady, drifting))
    message = found(evidence(steady, steady, drifting, drifting, drifting))["drift"].message
    assert "in 3 of 5 processes" in message
