"""Student's t against printed tables and closed forms; intervals against sums done by hand."""

from __future__ import annotations

import math

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ttbench_core.measure.intervals import (
    CONFIDENCE,
    Interval,
    geometric_mean,
    geometric_mean_interval,
    paired_ratio_interval,
    ratio_interval,
    series_interval,
    welch_degrees_of_freedom,
)
from ttbench_core.measure.student import tail_probability, two_sided_quantile

#: NIST/SEMATECH e-Handbook of Statistical Methods, 1.3.6.7.2 "Critical Values of the Student's t
#: Distribution": the columns 0.95, 0.975 and 0.995, which are 90, 95 and 99 % on both sides.
TABLE = {
    1: (6.314, 12.706, 63.657),
    2: (2.920, 4.303, 9.925),
    3: (2.353, 3.182, 5.841),
    4: (2.132, 2.776, 4.604),
    5: (2.015, 2.571, 4.032),
    10: (1.812, 2.228, 3.169),
    20: (1.725, 2.086, 2.845),
    30: (1.697, 2.042, 2.750),
    60: (1.671, 2.000, 2.660),
    100: (1.660, 1.984, 2.626),
}
CONFIDENCES = (0.90, 0.95, 0.99)

freedoms = st.floats(0.5, 1e6)
confidences = st.floats(0.01, 0.999)
times = st.floats(1e-3, 1e6)
samples = st.lists(times, min_size=3, max_size=9)


def logs(*exponents):
    return [math.exp(exponent) for exponent in exponents]


@pytest.mark.parametrize("freedom", TABLE)
def test_quantiles_are_those_of_the_printed_table(freedom):
    found = [two_sided_quantile(confidence, freedom) for confidence in CONFIDENCES]
    assert found == pytest.approx(TABLE[freedom], abs=5.1e-4)


def test_with_infinite_degrees_of_freedom_the_quantile_is_the_normal_one():
    assert two_sided_quantile(0.95, 1e7) == pytest.approx(1.959964, abs=1e-5)


@given(st.floats(0, 1e6))
def test_with_one_degree_of_freedom_the_tail_is_the_cauchy_distributions(t):
    assert tail_probability(t, 1) == pytest.approx(1 - 2 / math.pi * math.atan(t), abs=1e-9)


@given(st.floats(0, 1e4))
def test_with_two_degrees_of_freedom_the_tail_has_a_closed_form(t):
    assert tail_probability(t, 2) == pytest.approx(1 - t / math.sqrt(2 + t * t), abs=1e-9)


@given(confidences, freedoms)
def test_the_tail_beyond_a_quantile_is_what_the_confidence_leaves(confidence, freedom):
    t = two_sided_quantile(confidence, freedom)
    assert tail_probability(t, freedom) == pytest.approx(1 - confidence, rel=1e-6)


@given(confidences, freedoms)
def test_more_degrees_of_freedom_never_makes_a_quantile_larger(confidence, freedom):
    less, more = (two_sided_quantile(confidence, one) for one in (freedom, freedom * 1.5))
    assert more <= less * (1 + 1e-6)


@given(st.floats(0.01, 0.99), freedoms)
def test_more_confidence_makes_a_quantile_larger(confidence, freedom):
    assert two_sided_quantile(confidence, freedom) < two_sided_quantile(confidence + 0.005, freedom)


@given(st.floats(0, 100), st.floats(0.01, 10), freedoms)
def test_the_tail_shrinks_as_t_grows(t, step, freedom):
    assert tail_probability(t + step, freedom) <= tail_probability(t, freedom)


def test_the_tail_begins_at_one_and_ends_at_zero():
    assert tail_probability(0, 3) == 1
    assert tail_probability(math.inf, 3) == 0


@pytest.mark.parametrize(("t", "freedom"), [(-1, 3), (1, 0), (1, -2)])
def test_impossible_arguments_of_a_tail_are_refused(t, freedom):
    with pytest.raises(ValueError, match="freedom above 0"):
        tail_probability(t, freedom)


@pytest.mark.parametrize("confidence", [0, 1, -0.5, 2])
def test_an_impossible_confidence_is_refused(confidence):
    with pytest.raises(ValueError, match="between 0 and 1"):
        two_sided_quantile(confidence, 3)


def test_welchs_degrees_of_freedom_are_those_of_an_example_done_by_hand():
    # variances 5/3 of 4 values and 2 of 2: (5/12 + 1)^2 / ((5/12)^2 / 3 + 1^2 / 1) = 867/457
    assert welch_degrees_of_freedom([5 / 12, 1], [3, 1]) == pytest.approx(867 / 457)


def test_welchs_degrees_of_freedom_of_equal_sides_are_their_sum():
    assert welch_degrees_of_freedom([0.3, 0.3], [4, 4]) == pytest.approx(8)


def test_without_any_spread_welchs_degrees_of_freedom_are_the_sum():
    assert welch_degrees_of_freedom([0, 0], [4, 2]) == 6


@given(st.floats(1e-12, 1), st.floats(1e-12, 1), st.integers(1, 50), st.integers(1, 50))
def test_welchs_degrees_of_freedom_are_between_the_smaller_and_the_sum(one, other, few, many):
    freedom = welch_degrees_of_freedom([one, other], [few, many])
    assert min(few, many) * (1 - 1e-9) <= freedom <= (few + many) * (1 + 1e-9)


def test_a_ratio_and_its_ends_are_those_of_an_example_done_by_hand():
    found = ratio_interval(logs(1, 2, 3, 4), logs(0, 2))
    reach = two_sided_quantile(CONFIDENCE, 867 / 457) * math.sqrt(17 / 12)
    assert math.log(found.estimate) == pytest.approx(1.5)
    assert math.log(found.low) == pytest.approx(1.5 - reach)
    assert math.log(found.high) == pytest.approx(1.5 + reach)


def test_a_geometric_mean_and_its_ends_are_those_of_an_example_done_by_hand():
    found = geometric_mean_interval(logs(1, 2, 3))
    assert math.log(found.estimate) == pytest.approx(2)
    assert math.log(found.high) == pytest.approx(2 + 4.302653 / math.sqrt(3))


def test_two_values_have_no_interval_of_their_own_but_one_against_two_others():
    assert geometric_mean_interval([1, 2]) is None
    assert ratio_interval([1, 2], [1, 2]) is not None


@pytest.mark.parametrize("sides", [([1.0], [1.0, 2.0]), ([1.0, 2.0], [1.0])])
def test_one_value_on_a_side_has_no_interval(sides):
    assert ratio_interval(*sides) is None


@given(samples, samples)
def test_the_ratio_of_times_is_the_inverse_of_the_ratio_of_rates(upper, lower):
    turned = ratio_interval(lower, upper).inverse()
    straight = ratio_interval(upper, lower)
    assert straight.estimate == pytest.approx(turned.estimate)
    assert straight.low == pytest.approx(turned.low)
    assert straight.high == pytest.approx(turned.high)


@given(samples, samples, st.floats(0.001, 0.3))
def test_a_known_extra_deviation_widens_the_interval_by_its_side(upper, lower, sd):
    plain = ratio_interval(upper, lower)
    one = ratio_interval(upper, lower, extra_sds=(sd, 0))
    both = ratio_interval(upper, lower, extra_sds=(sd, sd))
    assert one.estimate == pytest.approx(plain.estimate)
    assert plain.high < one.high < both.high
    assert plain.low > one.low > both.low


def test_without_spread_the_interval_is_of_the_known_extra_deviation():
    found = ratio_interval([2, 2, 2], [1, 1, 1], extra_sds=(0.03, 0.04))
    reach = math.log(found.high / found.estimate)
    assert reach == pytest.approx(two_sided_quantile(CONFIDENCE, 4) * 0.05)


@given(samples, st.floats(0.01, 100))
def test_a_common_drift_cancels_out_in_pairs(values, factor):
    found = paired_ratio_interval([value * factor for value in values], values)
    assert found.estimate == pytest.approx(factor)
    assert found.high == pytest.approx(found.low)


def test_values_that_do_not_pair_up_are_refused():
    with pytest.raises(ValueError, match="zip"):
        paired_ratio_interval([1, 2, 3], [1, 2])


def test_an_interval_contains_its_ends_and_nothing_beyond():
    interval = Interval(1.0, 0.9, 1.2)
    assert [interval.contains(value) for value in (0.89, 0.9, 1.2, 1.21)] == [
        False,
        True,
        True,
        False,
    ]
    assert interval.half_width == pytest.approx(0.15)


@given(samples)
def test_half_of_the_width_is_the_same_share_of_times_and_of_rates(values):
    interval = geometric_mean_interval(values)
    assert interval.half_width == pytest.approx(interval.inverse().half_width)


positive = st.one_of(st.integers(1, 2**63), st.floats(1e-9, 1e18))


@given(st.lists(positive, min_size=3, max_size=30), st.lists(positive, min_size=3, max_size=30))
def test_every_estimate_lies_in_its_interval(values, others):
    intervals = [
        geometric_mean_interval(values),
        series_interval(values),
        ratio_interval(values, others),
        paired_ratio_interval(values[:3], others[:3]),
    ]
    for one in [*intervals, *(each.inverse().scaled(1e9) for each in intervals)]:
        assert one.low <= one.estimate <= one.high


@given(st.lists(positive, min_size=1, max_size=30))
def test_a_geometric_mean_is_between_the_smallest_and_the_largest(values):
    # as floats: an integer of more than 53 bits is not one
    assert float(min(values)) <= geometric_mean(values) <= float(max(values))


def test_the_geometric_mean_of_equal_values_is_their_value():
    assert geometric_mean([61.94] * 7) == 61.94


def test_a_series_whose_neighbours_are_alike_has_a_wider_interval():
    grouped = [100, 101, 100, 101, 110, 111, 110, 111, 100, 101, 110, 111]
    assert series_interval(grouped).high > geometric_mean_interval(grouped).high * 1.01


def test_a_series_whose_neighbours_are_unlike_has_the_interval_of_independent_values():
    assert series_interval([100, 110] * 5) == geometric_mean_interval([100, 110] * 5)


def test_the_width_of_a_series_is_that_of_an_example_done_by_hand():
    # logs -1 -1 1 1: deviation sqrt(4/3), correlation (1 - 1 + 1) / 4 = 1/4, inflation 5/3
    found = series_interval(logs(-1, -1, 1, 1))
    reach = two_sided_quantile(CONFIDENCE, 9 / 5) * math.sqrt(4 / 3 * 5 / 3 / 4)
    assert found.estimate == pytest.approx(1)
    assert math.log(found.high) == pytest.approx(reach)
