"""Passes are timed end to end; with a fake clock every figure is exact."""

from __future__ import annotations

import gc

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ttbench_core.errors import LostOutputError
from ttbench_core.measure.passes import Pass, PassCutShortError, drive
from ttbench_core.measure.statistics import latency_of, throughput_of
from ttbench_core.measure.warmup import warm_up
from ttbench_core.testing import FakeClock, FakeSession

INPUTS = ["one tensor"]


def driven(count, **session):
    clock = FakeClock()
    clock.advance(10**9)
    return drive(FakeSession(clock, **session), INPUTS, count, clock)


def test_end_to_end_is_from_the_first_push_to_the_last_output():
    one = driven(3, push_ns=10, pop_ns=5)
    assert one.push_ns == (0, 15, 30)
    assert one.pop_ns == (15, 30, 45)
    assert one.e2e_ns == 45


def test_latency_of_an_input_counts_waiting_behind_others():
    one = driven(4, push_ns=10, pop_ns=5, depth=2)
    assert one.push_ns == (0, 10, 25, 40)
    assert one.pop_ns == (25, 40, 55, 60)
    assert one.latency_ns == (25, 30, 30, 20)


def test_no_more_inputs_are_in_flight_than_the_session_bears():
    clock = FakeClock()
    session = FakeSession(clock, depth=3)
    high = 0

    def watched():
        nonlocal high
        high = max(high, session.pushed - session.popped)
        return clock.now_ns

    drive(session, INPUTS, 10, watched)
    assert high <= 3
    assert session.pushed == session.popped == 10


@given(
    count=st.integers(1, 40),
    depth=st.integers(1, 8),
    push_ns=st.integers(0, 1000),
    pop_ns=st.integers(1, 1000),
)
def test_end_to_end_is_never_less_than_any_latency(count, depth, push_ns, pop_ns):
    one = driven(count, depth=depth, push_ns=push_ns, pop_ns=pop_ns)
    assert one.e2e_ns >= max(one.latency_ns)
    assert one.e2e_ns == count * (push_ns + pop_ns)
    assert list(one.pop_ns) == sorted(one.pop_ns)


def test_a_lost_output_ends_the_pass_with_what_came_before():
    with pytest.raises(PassCutShortError) as cut:
        driven(5, pop_ns=7, fail_at=3)
    assert isinstance(cut.value.cause, LostOutputError)
    assert "output 3 of 5 never came" in str(cut.value.cause)
    assert cut.value.partial == Pass((0, 7), (7, 14))


@pytest.mark.parametrize("error", [RuntimeError("bus"), KeyboardInterrupt()])
def test_an_error_ends_the_pass_with_what_came_before(error):
    with pytest.raises(PassCutShortError) as cut:
        driven(5, pop_ns=7, fail_at=2, error=error)
    assert cut.value.cause is error
    assert cut.value.partial == Pass((0,), (7,))


def test_nothing_measured_is_none_and_not_an_empty_pass():
    with pytest.raises(PassCutShortError) as cut:
        driven(5, fail_at=1, error=RuntimeError())
    assert cut.value.partial is None


@pytest.mark.parametrize("enabled", [True, False])
def test_garbage_is_not_collected_inside_a_pass_and_the_setting_returns(enabled):
    during = []
    clock = FakeClock()
    before = gc.isenabled()
    (gc.enable if enabled else gc.disable)()
    try:
        drive(FakeSession(clock), INPUTS, 2, lambda: during.append(gc.isenabled()) or 0)
        assert during
        assert not any(during)
        assert gc.isenabled() is enabled
    finally:
        (gc.enable if before else gc.disable)()


@pytest.mark.parametrize(("depth", "inputs"), [(1, 3), (2, 4), (6, 12)])
def test_warming_up_fills_the_session_twice(depth, inputs):
    session = FakeSession(FakeClock(), depth=depth)
    assert len(warm_up(session, INPUTS, lambda: 0).pop_ns) == inputs


def test_the_headline_is_the_median_pass():
    passes = [Pass((0, 1), (1, ns)) for ns in (50, 10, 20, 30, 40)]
    headline = throughput_of(passes, microbatch=8)
    assert headline.total_time_s == 30e-9
    assert headline.samples == 16
    assert headline.samples_per_s == pytest.approx(16 / 30e-9)


def test_of_two_middle_passes_the_headline_is_their_mean():
    passes = [Pass((0,), (ns,)) for ns in (10, 30)]
    assert throughput_of(passes, 1).total_time_s == pytest.approx(20e-9)


def test_latency_pools_the_inputs_of_all_passes():
    latency = latency_of([Pass((0, 0), (10, 20)), Pass((0,), (60,))])
    assert (latency.inputs, latency.min_ns, latency.median_ns) == (3, 10, 20)
    assert (latency.mean_ns, latency.max_ns) == (30, 60)


@given(st.lists(st.integers(1, 10**12), min_size=1, max_size=50))
def test_latency_figures_are_in_order(times):
    latency = latency_of([Pass((0,), (ns,)) for ns in times])
    assert latency.min_ns <= latency.median_ns <= latency.max_ns
    assert latency.min_ns <= latency.mean_ns + 1
    assert latency.mean_ns <= latency.max_ns + 1
