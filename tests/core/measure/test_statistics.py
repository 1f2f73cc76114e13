"""What is computed from passes: exact on known times, and true for any."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ttbench_core.measure.passes import Pass, drive, frozen_heap
from ttbench_core.measure.statistics import (
    distribution_of,
    mean_in_flight,
    rate_times_latency,
    steady_rate_of,
    throughput_of,
    values_needed_for,
)
from ttbench_core.testing import FakeClock, FakeSession


@pytest.fixture(scope="module", autouse=True)
def little_to_collect():
    """Hundreds of passes are driven here, each with a garbage collection before it."""
    with frozen_heap():
        yield


def passes(*times_ns):
    return [Pass((0,), (ns,)) for ns in times_ns]


@st.composite
def driven_passes(draw):
    clock = FakeClock()
    session = FakeSession(
        clock,
        depth=draw(st.integers(1, 8)),
        push_ns=draw(st.integers(0, 1000)),
        pop_ns=draw(st.integers(1, 1000)),
    )
    return drive(session, ["input"], draw(st.integers(1, 40)), clock), session.depth


def test_the_headline_is_the_geometric_mean_of_the_passes():
    inputs = [Pass((0, 1), (1, ns)) for ns in (40, 10, 20, 80, 20)]
    headline = throughput_of([inputs], microbatch=8)
    # 2^2 x 1 x 2 x 2^3 x 2 = 2^7 tens: the fifth root
    assert headline.total_time_s == pytest.approx(10e-9 * 2 ** (7 / 5))
    assert headline.samples == 16
    assert headline.samples_per_s == pytest.approx(16 / headline.total_time_s)
    assert headline.replicates == 5


def test_without_an_interval_the_headline_is_the_geometric_mean_too():
    assert throughput_of([passes(10, 40)], 1).total_time_s == pytest.approx(20e-9)
    assert throughput_of([passes(10)], 1).total_time_s == 10e-9


def test_each_process_counts_once_in_the_headline_however_many_passes_it_has():
    processes = [passes(10, 40), passes(20, 20, 20, 20), passes(160)]
    headline = throughput_of(processes, 1)
    assert headline.total_time_s == pytest.approx(40e-9)
    assert headline.replicates == 3


@given(
    st.lists(st.lists(st.integers(1, 10**15), min_size=1, max_size=20), min_size=1, max_size=6),
    st.integers(1, 10**6),
)
def test_the_headline_lies_in_its_interval(processes, microbatch):
    headline = throughput_of([passes(*times) for times in processes], microbatch)
    if headline.interval is not None:
        assert headline.samples_per_s == headline.interval.estimate
        assert headline.interval.contains(headline.samples_per_s)


def test_the_interval_is_over_processes_and_not_over_their_passes():
    apart = [passes(*[ns] * 100) for ns in (100, 110, 120)]
    interval = throughput_of(apart, 1).interval
    assert interval.half_width > 0.2
    assert interval.contains(1e9 / 110)


def test_the_interval_of_a_rate_is_the_inverse_of_that_of_the_time():
    # by hand: logs of 90, 100, 110 have mean 4.6018 and standard error 0.0580; t(2) is 4.3027
    interval = throughput_of([passes(90, 100, 110)], 1).interval
    assert interval.estimate == pytest.approx(1e9 / 99.665, rel=1e-4)
    assert interval.low == pytest.approx(1e9 / 99.665 / 1.2832, rel=1e-3)
    assert interval.high == pytest.approx(1e9 / 99.665 * 1.2832, rel=1e-3)


def test_fewer_than_three_replicates_have_no_interval():
    assert throughput_of([passes(10, 11)], 1).interval is None
    assert throughput_of([passes(10, 11, 12), passes(10, 11, 12)], 1).interval is None


@pytest.mark.parametrize(("percent", "needed"), [(50, 6), (90, 36), (95, 72), (99, 368)])
def test_a_percentile_needs_as_many_values_as_order_statistics_say(percent, needed):
    assert values_needed_for(percent) == needed
    name = f"p{percent}_ns"
    assert getattr(distribution_of(range(needed - 1)), name) is None
    assert getattr(distribution_of(range(needed)), name) is not None


def test_percentiles_are_between_the_values_around_them():
    found = distribution_of(range(1001))
    assert (found.p50_ns, found.p90_ns, found.p95_ns, found.p99_ns) == (500, 900, 950, 990)
    assert (found.count, found.min_ns, found.mean_ns, found.max_ns) == (1001, 0, 500, 1000)


def test_no_times_have_no_distribution():
    assert distribution_of([]) is None


@given(st.lists(st.integers(0, 10**12), min_size=1, max_size=500))
def test_percentiles_are_in_order(times):
    found = distribution_of(times)
    known = [found.p50_ns, found.p90_ns, found.p95_ns, found.p99_ns]
    ordered = [found.min_ns, *(ns for ns in known if ns is not None), found.max_ns]
    assert ordered == sorted(ordered)
    assert found.min_ns - 1 <= found.mean_ns <= found.max_ns + 1


@given(driven_passes())
def test_littles_law_holds(driven):
    one, depth = driven
    assert mean_in_flight(one) == pytest.approx(rate_times_latency(one))
    assert mean_in_flight(one) <= depth


@given(driven_passes())
def test_end_to_end_is_the_largest_completion_and_no_less_than_any_latency(driven):
    one, _ = driven
    assert one.e2e_ns == max(one.pop_ns) >= max(one.latency_ns)
    assert sum(one.interval_ns) == one.pop_ns[-1] - one.pop_ns[0]


def test_the_steady_rate_excludes_filling():
    # a pipeline with 30 ms to fill and one output every 10 ms after it
    one = Pass((0,) * 10, tuple(40 + 10 * index for index in range(10)))
    steady = steady_rate_of([one], in_flight=1)
    assert steady.interval_ns == pytest.approx(10)
    assert steady.fill_share == pytest.approx(30 / 130)


def test_the_steady_rate_is_of_the_outputs_after_the_pipeline_was_full():
    fill, flow = (50, 90, 100), tuple(110 + 10 * index for index in range(7))
    steady = steady_rate_of([Pass((0,) * 10, (*fill, *flow))], in_flight=4)
    assert steady.interval_ns == pytest.approx(10)


def test_the_steady_rate_ignores_outputs_that_were_only_waiting_to_be_read():
    # each push computes for 10 ms, so with two in flight the last two outputs are read at once
    one = Pass((0, 10, 20, 30, 40), (20, 30, 40, 50, 50))
    steady = steady_rate_of([one], in_flight=2)
    assert steady.interval_ns == pytest.approx(10)
    assert steady.fill_share == pytest.approx(0)


def test_passes_too_short_to_fill_the_pipeline_have_no_steady_rate():
    assert steady_rate_of([Pass((0,) * 5, (1, 2, 3, 4, 5))], in_flight=6) is None
    assert steady_rate_of(passes(10), in_flight=1) is None
