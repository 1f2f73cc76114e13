"""Passes are timed end to end; with a fake clock every figure is exact."""

from __future__ import annotations

import gc
import itertools

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ttbench_core.errors import ClockError, LostOutputError
from ttbench_core.measure.overhead import EmptySession, harness_ns_per_input
from ttbench_core.measure.passes import Pass, PassCutShortError, drive, frozen_heap
from ttbench_core.testing import FakeClock, FakeSession

INPUTS = ["one tensor"]


@pytest.fixture(scope="module")
def frozen():
    """Hundreds of passes are driven, each with a garbage collection before it."""
    with frozen_heap():
        yield


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


def test_no_more_inputs_are_in_flight_than_the_depth_of_the_session():
    clock = FakeClock()
    session = FakeSession(clock, depth=3)
    high = 0

    def watched():
        nonlocal high
        high = max(high, session.pushed - session.popped)
        clock.advance(1)
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
def test_end_to_end_is_never_less_than_any_latency(frozen, count, depth, push_ns, pop_ns):
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


def test_a_pass_without_outputs_is_none():
    with pytest.raises(PassCutShortError) as cut:
        driven(5, fail_at=1, error=RuntimeError())
    assert cut.value.partial is None


def test_a_clock_that_goes_back_ends_the_pass_with_an_error_of_its_name():
    readings = iter([100, 110, 90, 100])
    with pytest.raises(PassCutShortError) as cut:
        drive(FakeSession(FakeClock()), INPUTS, 2, lambda: next(readings))
    assert isinstance(cut.value.cause, ClockError)
    assert "went back by 10 ns or more" in str(cut.value)
    assert cut.value.partial is None


def test_a_clock_that_stands_still_ends_the_pass_with_an_error_of_its_name():
    with pytest.raises(PassCutShortError, match="stood still"):
        drive(FakeSession(FakeClock()), INPUTS, 2, lambda: 7)


def test_inputs_before_a_failure_are_left_out_where_the_clock_went_back():
    readings = iter([100, 90, 95])
    session = FakeSession(FakeClock(), fail_at=2, error=RuntimeError())
    with pytest.raises(PassCutShortError) as cut:
        drive(session, INPUTS, 5, lambda: next(readings))
    assert cut.value.partial is None


@pytest.mark.parametrize("enabled", [True, False])
def test_garbage_is_not_collected_inside_a_pass_and_the_setting_is_restored(enabled):
    during = []
    clock = FakeClock()
    before = gc.isenabled()
    (gc.enable if enabled else gc.disable)()
    try:
        drive(FakeSession(clock), INPUTS, 2, lambda: during.append(gc.isenabled()) or len(during))
        assert during
        assert not any(during)
        assert gc.isenabled() is enabled
    finally:
        (gc.enable if before else gc.disable)()


def test_latency_has_one_input_in_flight():
    clock = FakeClock()
    session = FakeSession(clock, depth=4, push_ns=1, pop_ns=2)
    one = drive(session, INPUTS, 3, clock, in_flight=1)
    assert one.latency_ns == (3, 3, 3)


def test_the_depth_of_the_session_limits_a_requested_in_flight():
    one = drive(
        FakeSession(FakeClock(), depth=2), INPUTS, 9, itertools.count().__next__, in_flight=5
    )
    assert len(one.pop_ns) == 9


def test_intervals_are_from_each_output_to_the_next():
    assert Pass((0, 0, 0), (10, 25, 26)).interval_ns == (15, 1)


def test_a_frozen_heap_is_left_out_of_collections_and_unfrozen_again():
    heap = [[] for _ in range(10_000)]
    before = gc.get_freeze_count()
    with frozen_heap():
        assert gc.get_freeze_count() > before + len(heap)
    assert gc.get_freeze_count() < len(heap)


def test_the_cost_of_the_harness_is_that_of_the_clock_readings():
    ticks = iter(range(0, 10**9, 100))
    # 200 pushes and 200 pops read the clock once each; the first push is the pass's start
    assert harness_ns_per_input(1, lambda: next(ticks)) == pytest.approx(399 * 100 / 200)


@pytest.mark.parametrize("depth", [1, 2, 7])
def test_the_harness_is_measured_at_the_depth_of_the_session(depth):
    session = EmptySession(depth)
    one = drive(session, ("input",), 20, itertools.count().__next__)
    assert len(one.pop_ns) == 20
    assert session.depth == depth
