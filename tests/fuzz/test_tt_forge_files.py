"""A damaged file of tt-forge's benchmarks is read or refused in a line, and never appended to."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
from damage import HOSTILE, RAW, damaged_bytes, damaged_value, record_of_a_run
from tt_forge_files import WRITERS

from ttbench_core import Result
from ttbench_core.errors import ResultsFileError, TargetError
from ttbench_core.record.foreign_formats import is_tt_forge
from ttbench_core.results.reading import load
from ttbench_core.results.tt_forge.exporting import to_tt_forge
from ttbench_core.results.tt_forge.own_values import left_out_because
from ttbench_core.sinks.targets import check_target

COMMANDS = (
    "show {0}",
    "show {0} --columns all --sort started_at",
    "show {0} --plot",
    "show {0} --format csv",
    "show {0} --format json",
    "show {0} --format tt-forge",
    "show {0} --pivot model,microbatch,backend --value samples_per_sec",
    "compare {0} {0}",
    "compare {0} {0} --json",
    "history {0} {0} --all-points",
    "report {0} -o {1}/x.html",
    "report {0} --format markdown",
)


@pytest.fixture
def damaged(rng, tmp_path):
    """Make a file of one object or several, of any writer, and damage its bytes or values."""
    written = [writer() for writer in WRITERS]
    written.append(to_tt_forge(Result.from_record(record_of_a_run())))
    chosen = rng.sample(written, rng.choice((1, 1, 1, 3)))
    whole = chosen[0] if len(chosen) == 1 else chosen
    path = tmp_path / "perf_report_1.json"
    if rng.random() < 0.3:
        path.write_bytes(damaged_bytes(rng, json.dumps(whole, indent=2).encode()))
    else:
        path.write_text(json.dumps(damaged_value(rng, whole)), "utf-8")
    return path


def results_in(path: Path) -> list[Result] | None:
    try:
        return list(load(path))
    except ResultsFileError:
        return None


@pytest.mark.fuzz_weight(1)
def test_a_damaged_file_of_theirs_is_shown_or_refused_in_a_line(
    rng, damaged, ttbench, tmp_path, on_a_terminal
):
    before = damaged.read_bytes()
    for command in rng.sample(COMMANDS, 4):
        outcome = ttbench(*command.format(damaged, tmp_path).split(" "))
        assert outcome.code in (0, 1, 2), (command, outcome)
        assert "Traceback" not in outcome.out + outcome.err, (command, outcome)
        assert not RAW.intersection(outcome.out + outcome.err), (command, outcome)
        assert outcome.code == 0 or outcome.complaint.startswith("ttbench: error: "), outcome
    page = tmp_path / "x.html"
    assert not page.exists() or HOSTILE[-25:] not in page.read_text("utf-8")
    assert damaged.read_bytes() == before


@pytest.mark.fuzz_weight(5)
def test_what_is_read_of_a_damaged_file_is_kept_and_written_as_it_was(damaged):
    for result in results_in(damaged) or []:
        assert Result.from_record(json.loads(result.to_json())).to_record() == result.to_record()
        if result.foreign is not None and left_out_because(result) is None:
            assert is_tt_forge(to_tt_forge(result))
            json.dumps(to_tt_forge(result), allow_nan=False)


@pytest.mark.fuzz_weight(2)
def test_a_refusal_is_one_line_that_names_the_file(damaged):
    if results_in(damaged) is None:
        with pytest.raises(ResultsFileError) as refused:
            list(load(damaged))
        assert str(damaged) in str(refused.value)
        assert "\n" not in str(refused.value)


@pytest.mark.fuzz_weight(2)
def test_a_damaged_file_of_theirs_is_not_appended_to(damaged):
    results = results_in(damaged)
    if results is None or any(one.foreign is not None for one in results):
        with pytest.raises(TargetError):
            check_target(damaged)
