"""Change points are where the rate of a sequence changed, by the formulas of the method."""

from __future__ import annotations

import itertools
import math
import random
import statistics

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ttbench_core.errors import OptionError
from ttbench_core.results.history.change_points import Sensitivity, find_change_points
from ttbench_core.results.history.energy import strongest_candidate
from ttbench_core.results.history.t_test import contrast

rates = st.floats(1, 1000)
#: Levels, and how many runs there are at each.
levels = st.lists(st.tuples(st.sampled_from((90, 95, 100, 104, 120)), st.integers(1, 25)))


def noisy(segments, seed=0, noise=0.01):
    """Give runs of segments, each a level and a number of runs, with noise."""
    chance = random.Random(seed)
    return [level * (1 + chance.gauss(0, noise)) for level, count in segments for _ in range(count)]


def places(values, **changes):
    return [one.index for one in find_change_points(values, Sensitivity(**changes))]


def q_of(x, y):
    """Give the statistic of a split, word for word as Matteson and James define it."""
    n, m = len(x), len(y)
    between = 2 / (m * n) * sum(abs(one - other) for one in x for other in y)
    within = [
        sum(abs(one - other) for one, other in itertools.combinations(side, 2))
        / math.comb(len(side), 2)
        if len(side) > 1
        else 0
        for side in (x, y)
    ]
    return m * n / (m + n) * (between - sum(within))


@given(st.lists(rates, min_size=2, max_size=12))
def test_the_candidate_has_the_largest_energy_statistic_of_all_splits(values):
    all_q = {
        (size, end): q_of(values[:size], values[size:end])
        for size in range(1, len(values))
        for end in range(size + 1, len(values) + 1)
    }
    found = strongest_candidate(values)
    largest = max(all_q.values())
    assert found.q == pytest.approx(largest, rel=1e-9, abs=1e-9)
    of_place = max(q for (size, _), q in all_q.items() if size == found.index)
    assert of_place == pytest.approx(largest, rel=1e-9, abs=1e-9)


def test_a_single_value_has_no_candidate():
    with pytest.raises(ValueError, match="two values"):
        strongest_candidate([1.0])


@pytest.mark.parametrize(
    ("before", "after", "p_value"),
    [
        # t = 3 / sqrt((2 * 2/3 + 2 * 2/3) / 4 * 2/3) = 4.5 with 4 degrees of freedom
        ([1, 2, 3], [4, 5, 6], 0.0108226),
        # t = 1 / sqrt((1 * 0.25 + 1 * 0.25) / 2 * 1) = 2 with 2: p = 1 - 2 / sqrt(2 + 4)
        ([1, 2], [2, 3], 0.183503),
        ([1, 1], [2, 2], 0.0),
        ([1, 2], [2, 1], 1.0),
        ([1], [2], 1.0),
    ],
)
def test_the_p_value_is_that_of_a_pooled_t_test(before, after, p_value):
    assert contrast(before, after).p_value == pytest.approx(p_value, abs=1e-6)


@given(st.lists(rates, min_size=2, max_size=9), st.lists(rates, min_size=2, max_size=9))
def test_a_t_test_is_the_same_from_either_side(before, after):
    one, other = contrast(before, after), contrast(after, before)
    assert one.p_value == pytest.approx(other.p_value)
    assert one.magnitude == other.magnitude
    assert one.mean_before == other.mean_after == pytest.approx(statistics.fmean(before))


def test_a_step_is_found_where_it_is():
    assert places(noisy([(100, 30), (95, 12)])) == [30]


def test_every_step_of_several_is_found():
    assert places(noisy([(100, 40), (90, 30), (97, 60), (120, 20)])) == [40, 70, 130]


def test_noise_alone_has_no_change():
    assert places(noisy([(100, 100)])) == []


def test_a_single_outlier_is_no_change():
    assert places(noisy([(100, 20), (150, 1), (100, 20)])) == []


@pytest.mark.parametrize("values", [[], [5.0], [5.0, 9.0], [7.0] * 50])
def test_too_few_or_equal_values_have_no_change(values):
    assert places(values) == []


@pytest.mark.parametrize("values", [[1e-300, 1e300] * 20, [1e300] * 20 + [2e300] * 20])
def test_extreme_values_do_not_overflow(values):
    assert all(math.isfinite(one.contrast.magnitude) for one in find_change_points(values))


def test_changes_below_the_smallest_that_counts_are_left_out():
    values = noisy([(100, 50), (98.5, 50)], noise=0.002)
    assert places(values, min_change=0.01) == [50]
    assert places(values, min_change=0.02) == []


def test_a_smaller_p_value_finds_less():
    values = noisy([(100, 20), (97, 6)], seed=1)
    assert places(values) == [20]
    assert places(values, max_p=1e-9) == []


def test_a_change_is_found_beyond_the_first_window():
    assert places(noisy([(100, 170), (94, 30)]), window=20) == [170]


@given(levels, st.integers(0, 5), st.sampled_from((0.125, 0.5, 4.0, 1024.0)))
def test_the_scale_of_the_rates_does_not_matter(segments, seed, factor):
    values = noisy(segments, seed)
    scaled = find_change_points([value * factor for value in values])
    assert [one.index for one in scaled] == places(values)


@given(levels, st.integers(0, 5), st.floats(0.001, 1000))
def test_another_unit_changes_neither_places_nor_p_values(segments, seed, factor):
    values = noisy(segments, seed)
    found, scaled = find_change_points(values), find_change_points([one * factor for one in values])
    assert [one.index for one in scaled] == [one.index for one in found]
    for one, other in zip(found, scaled, strict=True):
        assert other.contrast.p_value == pytest.approx(one.contrast.p_value, rel=1e-6, abs=1e-200)


@given(levels, st.integers(0, 5))
def test_a_shifted_series_has_the_same_changes(segments, seed):
    values = noisy(segments, seed)
    shifted = [one + 50 for one in values]
    # relative magnitudes shrink with a shift: only p-values and places are compared
    assert places(shifted, min_change=0) == places(values, min_change=0)


@given(levels, st.integers(0, 20))
def test_every_change_is_significant_large_enough_and_in_order(segments, seed):
    sensitivity = Sensitivity()
    values = noisy(segments, seed)
    found = find_change_points(values, sensitivity)
    bounds = [0, *(one.index for one in found), len(values)]
    assert len(set(bounds)) == len(bounds) or not values
    assert bounds == sorted(bounds)
    for at, one in enumerate(found, 1):
        assert one.contrast.p_value < sensitivity.max_p
        assert one.contrast.magnitude > sensitivity.min_change
        # the sides reach to the neighbouring changes, also where weak ones were removed
        again = contrast(values[bounds[at - 1] : one.index], values[one.index : bounds[at + 1]])
        assert one.contrast.p_value == pytest.approx(again.p_value, rel=1e-6, abs=1e-200)


@pytest.mark.parametrize(
    "changes",
    [
        {"max_p": 0},
        {"max_p": 1},
        {"max_p": math.nan},
        {"min_change": -0.1},
        {"min_change": 1.5},
        {"min_change": math.nan},
        {"window": 3},
        {"window": 1001},
    ],
)
def test_a_sensitivity_out_of_range_is_refused_with_its_name(changes):
    (name,) = changes
    with pytest.raises(OptionError, match=name):
        Sensitivity(**changes)


@pytest.mark.parametrize(("max_p", "weak_p"), [(0.001, 0.01), (0.2, 0.4), (0.6, 0.6)])
def test_the_first_pass_takes_weaker_changes(max_p, weak_p):
    assert Sensitivity(max_p=max_p).weak_p == pytest.approx(weak_p)
