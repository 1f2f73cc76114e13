"""Warm-up ends when two windows agree, or at its cap; its samples are kept."""

from __future__ import annotations

import itertools

import pytest

from ttbench_core.measure.warmup import warm_up
from ttbench_core.testing import FakeClock, FakeSession

MS = 1_000_000


class Settling(FakeSession):
    """Takes times from a sequence, one for each input, and the last one from then on."""

    def __init__(self, clock, times_ns, depth=1):
        super().__init__(clock, depth=depth)
        self._clock = clock
        *first, last = times_ns
        self._times_ns = itertools.chain(first, itertools.repeat(last))

    def pop(self):
        self._clock.advance(next(self._times_ns))
        return super().pop()


def warmed(times_ns, depth=1, **options):
    clock = FakeClock()
    return warm_up(Settling(clock, times_ns, depth), ["input"], clock, **options)


def test_a_steady_session_takes_the_minimum_of_inputs_and_two_windows():
    done = warmed([MS])
    assert done.settled is True
    assert done.inputs == 3 + 10 + 10
    assert not done.fixed


def test_a_session_that_gets_faster_is_warmed_up_until_it_is_steady():
    done = warmed([10 * MS] * 13 + [5 * MS] * 5 + [MS])
    assert done.settled is True
    assert done.latency_ns[-10:] == (MS,) * 10
    assert done.latency_ns[12] == 10 * MS


def test_windows_agree_within_five_percent():
    almost = warmed([100 * MS] * 13 + [104 * MS])
    assert almost.inputs == 23
    apart = warmed([100 * MS] * 13 + [106 * MS])
    assert apart.inputs == 33


def test_a_session_that_never_settles_ends_at_the_cap_unsettled():
    done = warmed([MS * 1.2**power for power in range(400)])
    assert done.settled is False
    assert done.inputs <= 300


def test_warming_up_ends_after_thirty_seconds():
    done = warmed([(1000 + 100 * power) * MS for power in range(400)])
    assert done.settled is False
    assert sum(one.e2e_ns for one in done.drives) < 60_000 * MS


@pytest.mark.parametrize(("input_ms", "window"), [(50, 10), (200, 5), (249, 4)])
def test_slow_inputs_have_windows_of_a_second(input_ms, window):
    assert warmed([input_ms * MS]).inputs == 3 + 2 * window


@pytest.mark.parametrize("input_ms", [500, 5000])
def test_of_very_slow_inputs_six_are_enough(input_ms):
    done = warmed([input_ms * MS])
    assert (done.inputs, done.settled) == (6, True)


def test_three_inputs_at_the_time_limit_leave_settled_unknown():
    done = warmed([15_000 * MS])
    assert (done.inputs, done.settled) == (3, None)


def test_a_pipeline_is_filled_twice():
    assert len(warmed([MS], depth=6).drives[0].pop_ns) == 12


def test_every_sample_is_kept():
    done = warmed([3 * MS, 2 * MS, MS])
    assert done.latency_ns[:3] == (3 * MS, 2 * MS, MS)
    assert len(done.latency_ns) == done.inputs


@pytest.mark.parametrize("count", [0, 1, 5, 40])
def test_a_requested_number_of_inputs_is_kept(count):
    done = warmed([9 * MS, MS], count=count)
    assert done.inputs == count
    assert done.fixed


def test_settled_is_known_for_a_requested_number_if_it_has_two_windows():
    assert warmed([MS], count=4).settled is None
    assert warmed([MS], count=30).settled is True
    assert warmed([MS * 1.3**power for power in range(30)], count=30).settled is False


def test_one_in_flight_also_applies_to_the_warm_up():
    done = warmed([MS], depth=4, count=6, in_flight=1)
    assert done.latency_ns == (MS,) * 6
