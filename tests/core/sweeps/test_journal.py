"""The records of a sweep are its journal, whatever else the targets hold."""

from __future__ import annotations

import json

import pytest

from ttbench_core.errors import ResultsFileError
from ttbench_core.sinks.targets import check_targets
from ttbench_core.sweeps.journal.journal import is_plausible, read_journal
from ttbench_core.testing import example_result


def record(status="ok", number=1, cell="key-1", name="nightly", run_id="a", **changes):
    sweep = {"name": name, "cell": cell, "round": number, "identity": "i", "label": "x"}
    phases = {"build": 1_000_000_000, "passes": 2_000_000_000}
    return example_result(
        status=status, sweep=sweep, run_id=run_id, phases_ns=phases, **changes
    ).to_record()


@pytest.fixture
def journal(tmp_path):
    """Write records, and read what they say of the sweep `nightly`."""
    place = tmp_path / "perf.jsonl"

    def read(*records):
        place.write_text("".join(f"{json.dumps(one)}\n" for one in records))
        return read_journal(check_targets(str(place)), "nightly")

    return read


def test_rows_of_other_sweeps_and_of_plain_runs_do_not_count(journal):
    plain = example_result(run_id="b").to_record()
    found = journal(record(), plain, record(name="other", cell="key-2", run_id="c"))
    assert found.ended_cells() == {"key-1"}
    assert found.status("key-1", 1) == "ok"
    assert found.status("key-1", 2) is None


@pytest.mark.parametrize("order", [(0, 1), (1, 0)])
def test_a_good_row_counts_more_than_a_failed_one(journal, order):
    both = [record("failed", run_id="a", samples_per_sec=None), record("ok", run_id="b")]
    assert journal(*(both[one] for one in order)).status("key-1", 1) == "ok"


def test_a_row_says_how_long_its_cell_took(journal):
    assert journal(record()).seconds_by_cell() == {"key-1": [3.0]}


@pytest.mark.parametrize(
    "changes",
    [
        {"samples_per_sec": None},
        {"samples_per_sec": 0.0},
        {"samples_per_sec": float("inf")},
        {"total_samples": 0},
        {"total_samples": None},
        {"status": "interrupted"},
    ],
)
def test_what_is_no_measurement_is_not_plausible(changes):
    assert is_plausible(example_result())
    assert not is_plausible(example_result(**changes))


def test_a_success_without_outputs_counts_as_failed(journal):
    assert journal(record(total_samples=0)).status("key-1", 1) == "failed"


def test_targets_that_do_not_exist_yet_are_empty(tmp_path):
    assert read_journal(check_targets(str(tmp_path / "new.jsonl")), "nightly").rows == {}


def test_a_database_that_does_not_exist_yet_is_empty(tmp_path):
    pytest.importorskip("sqlalchemy")
    targets = check_targets(f"sqlite:///{tmp_path}/new.db")
    assert read_journal(targets, "nightly").rows == {}


def test_a_target_that_cannot_be_read_is_an_error(tmp_path, journal, broken_after_the_check):
    place = tmp_path / "perf.json"
    place.write_text("{ not json")
    with pytest.raises(ResultsFileError, match=r"cannot read .*perf\.json"):
        read_journal(check_targets(str(place)), "nightly")


def test_odd_values_of_a_record_harm_nothing(journal):
    odd = {**record(run_id="b"), "sweep": {"name": "nightly", "round": "x", "cell": {}}}
    assert journal(record(), odd).status("key-1", 1) == "ok"
