"""Cells of one sweep are compared round by round: what a whole round shares cancels out."""

from __future__ import annotations

import math
import random
from dataclasses import replace

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ttbench_core.results.comparison import DEFAULT_BAND, SAME, compare
from ttbench_core.results.comparison.rounds import rounds_effect
from ttbench_core.testing import example_result


def of_cell(cell, rates, positions, name="nightly", shard=None):
    """Make the records of a cell, one a round."""
    return [
        example_result(
            run_id=f"{cell}-{number}",
            passes=[{"e2e_ns": round(40e9 / rate), "process": 0} for _ in range(3)],
            sweep={
                "name": name,
                "cell": cell,
                "round": number,
                "position": position,
                "shard": shard,
            },
        )
        for number, (rate, position) in enumerate(zip(rates, positions, strict=True), 1)
    ]


def effect(old, new):
    return rounds_effect(old, new, DEFAULT_BAND)


@given(
    st.floats(0.5, 2.0),
    st.lists(st.floats(0.5, 2.0), min_size=4, max_size=12),
    st.floats(-0.02, 0.02),
    st.randoms(use_true_random=False),
)
def test_the_ratio_is_right_whatever_each_round_does_and_however_it_drifts(
    ratio, speeds, drift, chance
):
    places = [chance.sample(range(10), 2) for _ in speeds]
    old = [speed * math.exp(drift * a) * 1e3 for speed, (a, _) in zip(speeds, places, strict=True)]
    new = [
        ratio * speed * math.exp(drift * b) * 1e3
        for speed, (_, b) in zip(speeds, places, strict=True)
    ]
    distances = {b - a for a, b in places}
    found = effect(
        of_cell("a", old, [a for a, _ in places]), of_cell("b", new, [b for _, b in places])
    )
    if len(distances) > 1:
        assert found.ratio == pytest.approx(ratio, rel=1e-5)
        assert found.interval.low <= found.ratio <= found.interval.high


def test_equal_cells_are_the_same_on_a_machine_that_slows_down():
    chance = random.Random(7)
    rates = [100 / (1 + 0.02 * number) for number in range(12)]
    old = of_cell("a", [one * chance.gauss(1, 0.005) for one in rates], [0, 3] * 6)
    new = of_cell("b", [one * chance.gauss(1, 0.005) for one in rates], [3, 0] * 6)
    (pair,) = compare(old, new).pairs
    assert pair.effect.verdict == SAME
    assert pair.effect.covers == "12 rounds of a sweep, in pairs"


def test_the_interval_widens_with_the_noise():
    def width(sd):
        chance = random.Random(3)
        old = of_cell("a", [100 * chance.gauss(1, sd) for _ in range(8)], [0, 3] * 4)
        new = of_cell("b", [100 * chance.gauss(1, sd) for _ in range(8)], [3, 0] * 4)
        return effect(old, new).interval.half_width

    assert width(0.001) < width(0.01) < width(0.1)


def test_rounds_that_only_one_side_has_do_not_count():
    old = of_cell("a", [100.0] * 5, range(5))
    new = of_cell("b", [200.0, 200.0, 200.0], range(3))
    assert effect(old, new).covers == "3 rounds of a sweep, in pairs"
    assert effect(old, new).ratio == pytest.approx(2.0)


@pytest.mark.parametrize(
    "new",
    [
        of_cell("b", [100.0] * 2, range(2)),
        of_cell("b", [100.0] * 5, range(5), name="other"),
        [example_result(sweep=None)] * 5,
        [*of_cell("b", [100.0] * 4, range(4)), *of_cell("c", [100.0] * 4, range(4))],
        [example_result(sweep={"name": "nightly", "round": "x"}) for _ in range(5)],
    ],
    ids=["two rounds", "another sweep", "no sweep", "two cells", "no round"],
)
def test_anything_else_is_compared_without_rounds(new):
    old = of_cell("a", [100.0] * 5, range(5))
    assert effect(old, new) is None


def test_cells_of_one_shard_share_rounds_and_those_of_different_shards_do_not():
    old = of_cell("a", [100.0] * 5, range(5), shard="1/4")
    same = of_cell("b", [100.0] * 5, range(5), shard="1/4")
    other = of_cell("b", [100.0] * 5, range(5), shard="2/4")
    assert effect(old, same) is not None
    assert effect(old, other) is None
    assert effect(old, of_cell("b", [100.0] * 5, range(5))) is None
    # the second cell was in two shards, because their count changed
    assert effect(old, [*same[:4], other[4]]) is None


@pytest.mark.parametrize(
    "odd",
    [
        {"position": 10**400},
        {"position": -1},
        {"position": True},
        {"position": 1.0},
        {"round": 10**400},
        {"round": False},
        {"cell": {"a": 1}},
        {"cell": None},
        {"name": ["nightly"]},
        {"shard": 2},
    ],
    ids=lambda odd: next(iter(odd)),
)
def test_a_record_with_numbers_or_names_that_no_sweep_writes_is_compared_without_rounds(odd):
    old = of_cell("a", [100.0] * 5, range(5))
    *rest, last = of_cell("b", [100.0, 101.0] * 2 + [100.0], range(5))
    new = [*rest, replace(last, sweep={**last.sweep, **odd})]
    assert effect(old, new) is None
    assert "round" not in compare(old, new).pairs[0].effect.covers


def test_places_that_leave_the_ratio_open_are_compared_without_rounds():
    old = of_cell("a", [100.0, 300.0] * 3, range(6))
    new = of_cell("b", [100.0, 200.0] * 3, [10**9 - number for number in range(6)])
    assert effect(old, new) is None
