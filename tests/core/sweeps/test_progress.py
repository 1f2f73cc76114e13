"""What people see of a sweep: lines, a bar and a table; and how long the rest may take."""

from __future__ import annotations

import math
import statistics

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ttbench_core.sweeps.progress.cell_times import CellTimes
from ttbench_core.sweeps.progress.progress import CellOutcome, Remaining, SweepState
from ttbench_core.sweeps.progress.progress_display import LinesDisplay, NotebookDisplay
from ttbench_core.sweeps.progress.progress_text import cell_line, format_time, state_text

OK = CellOutcome(
    "bert Fp32", 1, "ok", 12.3, rate_per_s=1234.5, unit="sample", half_width=0.01, verdict="stable"
)
FAILED = CellOutcome("<b>bert</b>\x1b[2J", 1, "failed", 1.0, reason="build: <script>")


def test_a_cell_is_one_line():
    state = SweepState(total=12, done=3)
    assert cell_line(OK, state) == "[ 3/12] bert Fp32: 1,234 samples/s ±1.0%, stable, 12 s"


def test_a_failed_cell_says_why():
    assert cell_line(FAILED, SweepState(2, failed=1)).endswith("failed: build: <script>")


def test_wrong_outputs_and_a_lost_record_are_said():
    wrong = CellOutcome(
        "x", 1, "ok", 1.0, rate_per_s=1.0, outputs_are_right=False, not_stored="disk full"
    )
    line = cell_line(wrong, SweepState(1, done=1))
    assert "wrong outputs" in line
    assert "(not stored: disk full)" in line


def test_the_time_left_has_a_spread():
    state = SweepState(10, done=4, failed=1, refused=2, remaining=Remaining(60, 120, 180))
    assert state_text(state) == "4 done, 1 failed, 2 refused, 3 left, about 2 min (1 min to 3 min)"


@pytest.mark.parametrize(
    ("seconds", "text"), [(0, "0 s"), (59, "59 s"), (61, "1 min"), (3600, "1.0 h")]
)
def test_times_have_the_unit_that_fits(seconds, text):
    assert format_time(seconds) == text


def expected_s(known, left):
    return CellTimes(known, left).remaining().expected_s


def test_a_cell_that_was_measured_takes_its_own_time():
    known = {"fast": [1.0, 1.0], "slow": [9.0]}
    assert expected_s(known, ["slow"]) == 9.0
    assert expected_s(known, ["fast", "fast"]) == 2.0
    assert expected_s(known, ["new"]) == pytest.approx(11 / 3)
    assert CellTimes({}, ["new"]).remaining() is None


@given(st.lists(st.floats(0.1, 1e5), min_size=1, max_size=20), st.integers(1, 9))
def test_the_spread_is_that_of_a_sum_of_independent_times(seconds, count):
    found = CellTimes({"a": seconds}, ["a"] * count).remaining()
    spread_s = 2 * math.sqrt(count * statistics.pvariance(seconds))
    assert found.expected_s == pytest.approx(count * statistics.fmean(seconds))
    assert found.high_s - found.expected_s == pytest.approx(spread_s, rel=1e-6, abs=1e-6)


KEYS = st.sampled_from(["a", "b", "c"])


@given(st.lists(st.tuples(KEYS, st.floats(0.1, 1e3)), max_size=30), st.lists(KEYS, max_size=30))
def test_what_is_counted_along_the_way_is_what_is_counted_at_the_end(ended, left):
    times = CellTimes({}, [*left, *(key for key, _ in ended)])
    known = {}
    for key, seconds in ended:
        times.drop(key)
        times.add(key, seconds)
        known.setdefault(key, []).append(seconds)
    found, wanted = times.remaining(), CellTimes(known, left).remaining()
    if wanted is None:
        assert found is None
    else:
        assert found.expected_s == pytest.approx(wanted.expected_s, abs=1e-6)
        assert found.high_s == pytest.approx(wanted.high_s, rel=1e-6, abs=1e-3)


def test_lines_go_where_they_are_wanted():
    lines = []
    display = LinesDisplay(lines.append)
    display.began(["the definition has changed"], SweepState(2))
    display.started(SweepState(2))
    display.ended(OK, SweepState(2, done=1))
    display.waiting("waiting for device x")
    assert lines[0] == "the definition has changed"
    assert lines[1] == "2 runs: 0 done, 2 left"
    assert lines[2].startswith("[1/2] bert Fp32")
    assert lines[3] == "waiting for device x"


def test_a_notebook_shows_no_markup_of_a_pack(monkeypatch):
    display = NotebookDisplay()
    monkeypatch.setattr(display, "_draw", lambda _: None)
    display.began(["<i>"], SweepState(2))
    display.ended(FAILED, SweepState(2, failed=1))
    shown = display.html(SweepState(2, failed=1, running=("<u>",)))
    for markup in ("<script>", "<b>bert", "<i>", "<u>", "\x1b"):
        assert markup not in shown
    assert "&lt;script&gt;" in shown
    assert "<progress max='2' value='1'>" in shown
