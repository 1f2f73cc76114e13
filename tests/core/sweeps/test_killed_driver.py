"""Whenever the driver of a sweep is killed, the next command goes on; benchmarks/killed_sweep.py
does the same with more cells and kills."""

from __future__ import annotations

from killed_sweeps import kill_and_go_on


def test_no_row_is_lost_or_doubled_and_no_process_stays(tmp_path):
    after = kill_and_go_on(tmp_path, cells=4, kills=3, seed=1)
    assert after.code == 0
    assert (after.rows_of_cells, after.processes) == ({1: 4}, 0)
