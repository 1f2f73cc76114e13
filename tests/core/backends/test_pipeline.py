"""Stages overlap, keep the order and the depth, and their errors reach the caller."""

from __future__ import annotations

import sys
import threading
import time

import pytest

from ttbench_core.backends.pipeline import Pipeline
from ttbench_core.backends.replicas import ReplicatedSession
from ttbench_core.errors import SessionError
from ttbench_core.measure.passes import drive
from ttbench_core.testing import FakeClock, FakeSession, check_session


def add(number):
    return lambda items: [item + number for item in items]


def slow(items):
    time.sleep(0.01)
    return items


def test_every_input_goes_through_every_stage_in_order():
    with Pipeline([add(1), add(10), add(100)]) as session:
        for number in range(session.depth):
            session.push([number])
        assert [session.pop() for _ in range(6)] == [[number + 111] for number in range(6)]


def test_it_follows_the_contract_of_a_session():
    with Pipeline([add(1), add(1)]) as session:
        check_session(session, [0])


def test_stages_work_on_different_inputs_at_once():
    second_begun = threading.Event()

    def first(items):
        if items == [2]:
            second_begun.set()
        return items

    def second(items):
        # holds input 1 until the first stage has begun with input 2
        return [*items, second_begun.wait(timeout=10)]

    with Pipeline([first, second]) as session:
        session.push([1])
        session.push([2])
        assert session.pop() == [1, True]


def test_an_error_of_a_stage_is_raised_by_pop_for_that_input():
    def refuse_two(items):
        if items == [2]:
            raise ValueError("no twos")
        return items

    with Pipeline([refuse_two, add(1)]) as session:
        for number in (1, 2, 3):
            session.push([number])
        assert session.pop() == [2]
        with pytest.raises(ValueError, match="no twos"):
            session.pop()
        assert session.pop() == [4]


def test_an_error_of_a_threads_context_is_raised_by_pop():
    def fail():
        raise OSError("no thread count")

    with Pipeline([add(1)], thread_context=fail) as session:
        session.push([1])
        with pytest.raises(OSError, match="no thread count"):
            session.pop()


def test_closing_ends_every_thread_with_inputs_in_flight():
    before = set(threading.enumerate())
    session = Pipeline([slow, slow, slow])
    for number in range(session.depth):
        session.push([number])
    session.close()
    session.close()
    assert set(threading.enumerate()) <= before
    with pytest.raises(SessionError, match="closed"):
        session.push([0])


def test_a_stage_that_does_not_end_is_reported_and_settings_are_restored(monkeypatch):
    monkeypatch.setattr("ttbench_core.backends.pipeline._JOIN_TIMEOUT_S", 0.05)
    before = sys.getswitchinterval()
    begun, release = threading.Event(), threading.Event()

    def hang(items):
        begun.set()
        release.wait(10)
        return items

    pipeline = Pipeline([hang])
    pipeline.push([1])
    begun.wait(10)
    with pytest.raises(SessionError, match="a stage is still computing"):
        pipeline.close()
    assert sys.getswitchinterval() == before
    release.set()


def test_the_interpreters_switch_interval_is_restored():
    before = sys.getswitchinterval()
    with Pipeline([add(1)]):
        assert sys.getswitchinterval() < before
    assert sys.getswitchinterval() == before


def test_a_pass_through_it_is_complete_and_in_order():
    with Pipeline([slow, slow]) as session:
        one = drive(session, [0], 8)
    assert len(one.pop_ns) == 8
    assert list(one.pop_ns) == sorted(one.pop_ns)


def test_replicas_take_turns_and_keep_the_order():
    clock = FakeClock()
    parts = [FakeSession(clock, depth=2) for _ in range(3)]
    with ReplicatedSession(parts) as session:
        assert session.depth == 6
        for number in range(6):
            session.push([number])
        assert [part.pushed for part in parts] == [2, 2, 2]
        assert [session.pop() for _ in range(6)] == [[number] for number in range(6)]
    assert all(part.closed for part in parts)


def test_replicas_follow_the_contract_of_a_session():
    check_session(ReplicatedSession([FakeSession(FakeClock()) for _ in range(2)]), [0])


def test_every_replica_is_closed_even_if_closing_one_fails():
    class Stuck(FakeSession):
        def close(self):
            raise OSError("stuck")

    parts = [Stuck(FakeClock()), FakeSession(FakeClock())]
    with pytest.raises(OSError, match="stuck"):
        ReplicatedSession(parts).close()
    assert parts[1].closed
