"""Signals wait for what must be finished, and a second one does not."""

from __future__ import annotations

import os
import signal
import threading

import pytest

from ttbench_core.sweeps.deferring import deferred_signals

pytestmark = pytest.mark.usefixtures("handles_ctrl_c")


def interrupt():
    os.kill(os.getpid(), signal.SIGINT)


def do_deferred(*actions):
    with deferred_signals():
        for action in actions:
            action()


def test_a_signal_is_handled_after_the_block():
    done = []
    with pytest.raises(KeyboardInterrupt):
        do_deferred(interrupt, lambda: done.append("stored"))
    assert done == ["stored"]


def test_a_second_signal_is_handled_at_once():
    done = []
    with pytest.raises(KeyboardInterrupt):
        do_deferred(interrupt, interrupt, lambda: done.append("never"))
    assert done == []


def test_handlers_are_as_before(monkeypatch):
    before = signal.getsignal(signal.SIGINT)
    with deferred_signals():
        assert signal.getsignal(signal.SIGINT) is not before
    assert signal.getsignal(signal.SIGINT) is before


def test_a_thread_of_its_own_gets_no_signals_and_is_not_disturbed():
    done = []

    def work():
        with deferred_signals():
            done.append(True)

    thread = threading.Thread(target=work)
    thread.start()
    thread.join()
    assert done == [True]
