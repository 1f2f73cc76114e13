"""The order of the cells in each round."""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from ttbench_core.sweeps.ordering import order_of_round, orders

KEYS = st.lists(st.text(min_size=1, max_size=8), unique=True, max_size=40)
ROUNDS = st.integers(1, 9)
SEEDS = st.integers(0, 2**63 - 1)


@given(KEYS, ROUNDS, SEEDS)
def test_every_round_has_every_cell_once(keys, rounds, seed):
    found = orders(keys, rounds, seed)
    assert len(found) == rounds
    assert all(sorted(one) == sorted(keys) for one in found)


@given(KEYS, st.integers(2, 9), SEEDS)
def test_mean_positions_over_the_rounds_differ_by_less_than_one_place(keys, rounds, seed):
    found = orders(keys, rounds, seed)
    sums = [sum(one.index(key) for one in found) for key in keys]
    assert not sums or max(sums) - min(sums) < rounds


@given(KEYS, st.integers(1, 4), SEEDS)
def test_mean_positions_over_an_even_number_of_rounds_are_equal(keys, pairs, seed):
    found = orders(keys, 2 * pairs, seed)
    assert len({sum(one.index(key) for one in found) for key in keys}) <= 1


@given(KEYS, ROUNDS, SEEDS, st.randoms())
def test_an_order_does_not_depend_on_how_the_cells_are_given(keys, rounds, seed, random):
    shuffled = list(keys)
    random.shuffle(shuffled)
    assert orders(shuffled, rounds, seed) == orders(keys, rounds, seed)


@given(KEYS, st.integers(1, 4), SEEDS)
def test_further_pairs_of_rounds_leave_the_first_ones_as_they_were(keys, pairs, seed):
    assert orders(keys, 2 * pairs + 2, seed)[: 2 * pairs] == orders(keys, 2 * pairs, seed)


def test_another_seed_gives_another_order():
    keys = [str(number) for number in range(20)]
    assert orders(keys, 1, 1) != orders(keys, 1, 2)


def test_later_pairs_of_rounds_have_an_order_of_their_own():
    keys = [str(number) for number in range(20)]
    found = orders(keys, 4, 0)
    assert found[2] not in found[:2]


def test_a_seed_gives_the_same_order_with_every_version():
    assert orders(["a", "b", "c", "d"], 1, 7) == (("d", "b", "c", "a"),)


def test_a_round_is_counted_from_one():
    keys = ["a", "b", "c"]
    assert [order_of_round(keys, number, 3, 5) for number in (1, 2, 3)] == list(orders(keys, 3, 5))
