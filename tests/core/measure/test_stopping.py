"""Passes end by a rule that the record names, with what it had and what it wanted."""

from __future__ import annotations

import random

import pytest

from ttbench_core.measure.stopping import (
    Fixed,
    RelativeCi,
    stopping_rule,
    stopping_rule_of_turns,
)

S = 1_000_000_000


def passes_until_stop(rule, times_ns):
    """Feed times until the rule stops; gives how many it took and why."""
    done = []
    for time_ns in times_ns:
        done.append(time_ns)
        if (stop := rule.decide(done)) is not None:
            return len(done), stop
    raise AssertionError("the rule never stopped")


def test_a_quiet_machine_takes_five_passes():
    count, stop = passes_until_stop(RelativeCi(), [S] * 50)
    assert count == 5
    assert (stop.rule, stop.reason, stop.have, stop.want) == ("relative-ci", "target", 0.0, 0.02)
    assert not stop.missed


def test_short_passes_go_on_for_half_a_second():
    count, stop = passes_until_stop(RelativeCi(), [20_000_000] * 50)
    assert (count, stop.reason) == (25, "target")


def test_very_short_passes_end_at_a_thousand():
    count, stop = passes_until_stop(RelativeCi(), [1000] * 2000)
    assert (count, stop.reason) == (1000, "passes")


def test_passes_that_never_get_close_to_the_target_end_at_a_hundred():
    draw = random.Random(1)
    times = [int(S / 10 * draw.lognormvariate(0, 0.09)) for _ in range(200)]
    count, stop = passes_until_stop(RelativeCi(), times)
    assert (count, stop.reason) == (100, "passes")


def test_the_rule_does_not_give_up_before_half_a_second():
    count, stop = passes_until_stop(RelativeCi(), [2_000_000, 20_000_000] * 100)
    assert (count, stop.reason) == (46, "out of reach")


def test_a_noisy_machine_takes_as_many_passes_as_the_interval_needs():
    draw = random.Random(1)
    times = [int(S / 10 * draw.lognormvariate(0, 0.05)) for _ in range(200)]
    count, stop = passes_until_stop(RelativeCi(), times)
    assert 5 < count < 100
    assert stop.reason == "target"
    assert stop.have <= 0.02


def test_an_unreachable_target_is_given_up_with_have_and_want():
    times = [S // 10, S] * 100
    count, stop = passes_until_stop(RelativeCi(), times)
    assert (count, stop.reason) == (20, "out of reach")
    assert stop.missed
    assert stop.have > stop.want == 0.02


def test_the_time_limit_stops_before_the_pass_that_would_exceed_it():
    count, stop = passes_until_stop(RelativeCi(max_time_s=10), [3 * S, 4 * S] * 9)
    assert (count, stop.reason) == (2, "time")
    assert stop.missed


def test_the_first_pass_is_always_completed():
    count, stop = passes_until_stop(RelativeCi(max_time_s=1), [90 * S] * 9)
    assert (count, stop.reason, stop.have) == (1, "time", None)


def test_a_fixed_number_of_passes_is_kept_whatever_the_times():
    assert passes_until_stop(Fixed(7), [S, 9 * S] * 10)[0] == 7
    assert not Fixed(1).decide([5]).missed


def test_a_fixed_number_of_passes_ends_early_only_at_a_requested_time_limit():
    assert passes_until_stop(Fixed(50, max_time_s=10), [S] * 99)[0] == 10
    assert passes_until_stop(Fixed(90), [S] * 99)[0] == 90


@pytest.mark.parametrize(
    ("passes", "max_time_s", "rule"),
    [
        (None, None, RelativeCi(60.0)),
        (None, 5.0, RelativeCi(5.0)),
        (3, None, Fixed(3)),
        (3, 5.0, Fixed(3, 5.0)),
    ],
)
def test_the_flags_choose_the_rule(passes, max_time_s, rule):
    assert stopping_rule(passes, max_time_s) == rule


def turns_until_stop(rule, a_s, b_s):
    """Feed turns of equal passes until the rule stops; gives how many it took and why."""
    for count in range(1, 100):
        times_ns = ([round(a_s * S)] * count, [round(b_s * S)] * count)
        if (stop := rule.decide(times_ns)) is not None:
            return count, stop.reason
    raise AssertionError("the rule never stopped")


@pytest.mark.parametrize(("pass_s", "turns"), [(4, 5), (6, 4), (8, 3), (11, 2), (15, 2), (25, 1)])
def test_turns_end_with_the_one_in_which_the_slower_variant_reaches_the_limit(pass_s, turns):
    assert turns_until_stop(stopping_rule_of_turns(None, None), 0.3, pass_s) == (turns, "time")


def test_turns_of_a_certain_ratio_end_at_the_third_round_after_half_a_second():
    rule = stopping_rule_of_turns(None, None)
    assert turns_until_stop(rule, 1, 2) == (6, "target")
    assert turns_until_stop(rule, 0.05, 0.05) == (10, "target")


def test_turns_that_are_very_short_end_at_thirty():
    assert turns_until_stop(stopping_rule_of_turns(None, None), 1e-3, 1e-3) == (30, "passes")


def test_a_fixed_number_of_turns_ends_early_only_at_a_time_that_was_asked_for():
    assert turns_until_stop(stopping_rule_of_turns(7, None), 50, 50) == (7, "passes")
    assert turns_until_stop(stopping_rule_of_turns(7, 90), 50, 50) == (2, "time")
