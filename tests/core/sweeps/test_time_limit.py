"""A limit of wall-clock time interrupts the main thread, and only inside its block."""

from __future__ import annotations

import time

import pytest

from ttbench_core.sweeps.cells.time_limit import TimeLimit

LONG_S = 60


@pytest.mark.usefixtures("handles_ctrl_c")
def test_a_block_that_takes_too_long_is_interrupted():
    limit = TimeLimit(0.05)
    with pytest.raises(KeyboardInterrupt), limit:
        time.sleep(LONG_S)
    assert limit.is_over


def test_a_block_in_time_is_not():
    limit = TimeLimit(LONG_S)
    with limit:
        pass
    assert not limit.is_over


def test_no_limit_limits_nothing():
    with TimeLimit(None) as limit:
        pass
    assert not limit.is_over


def test_the_limit_ends_with_its_block():
    with TimeLimit(0.05) as limit:
        pass
    time.sleep(0.1)
    assert not limit.is_over
