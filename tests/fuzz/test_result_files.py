"""A damaged file of results is read or refused in a line, and what is appended to it is kept."""

from __future__ import annotations

import csv
import io
import json
import sqlite3
from functools import cache
from pathlib import Path

import pytest
from damage import HOSTILE, RAW, TEXTS, damaged_bytes, damaged_value, odd_value, record_of_a_run

from ttbench_core import Result
from ttbench_core.errors import ResultsFileError, TargetError
from ttbench_core.record.run_errors import ResultNotStoredError
from ttbench_core.results.reading import load
from ttbench_core.sinks.storing import store_result
from ttbench_core.sinks.targets import Target, check_target, find_reader
from ttbench_core.testing import example_result

FAILED = example_result(
    run_id="f" * 32, status="failed", error="build: no", samples_per_sec=None, total_time=None
)
COMMANDS = (
    "show {0}",
    "show {0} --columns all --sort started_at",
    "show {0} --plot",
    "show {0} --format csv",
    "show {0} --format json",
    "show {0} --format markdown",
    "show {0} --format tt-forge",
    "show {0} --pivot model,microbatch,backend --value samples_per_sec",
    "compare {0} {0}",
    "compare {0} {0} --json",
    "history {0} {0} --all-points",
    "history {0} --json",
    "history {0} --plot",
    "report {0} -o {1}/x.html",
    "report {0} --format markdown",
)
new = example_result(run_id="e" * 32, machine_name="the new one")
suffixes = pytest.mark.parametrize("suffix", ["json", "jsonl", "csv", "db", "parquet"])


def target_of(path: Path) -> str:
    return f"sqlite:///{path}" if path.suffix == ".db" else str(path)


@cache
def whole_file(suffix: str, folder: Path) -> bytes:
    """Give the content of a file with three results, as its sink writes it."""
    path = folder / f"whole.{suffix}"
    target = check_target(target_of(path))
    for result in (Result.from_record(record_of_a_run()), FAILED, example_result()):
        store_result(result, target)
    return path.read_bytes()


@pytest.fixture
def damaged(rng, tmp_path, tmp_path_factory, request):
    """Make a file whose bytes are damaged, or the values that it holds."""

    def make(suffix: str) -> Path:
        if suffix == "db":
            pytest.importorskip("sqlalchemy")
            pytest.importorskip("alembic")
        if suffix == "parquet":
            pytest.importorskip("pyarrow")
        content = whole_file(suffix, tmp_path_factory.getbasetemp())
        path = tmp_path / f"perf.{suffix}"
        if rng.random() < (0.2 if suffix in ("db", "parquet") else 0.5):
            path.write_bytes(damaged_bytes(rng, content))
        else:
            path.write_bytes(content)
            DAMAGE[suffix](rng, path)
        return path

    return make


def damage_json(rng, path):
    records = damaged_value(rng, json.loads(path.read_bytes()))
    text = json.dumps(records, ensure_ascii=rng.random() < 0.9)
    path.write_text(text, "utf-8", "surrogatepass")


def damage_json_lines(rng, path):
    lines = path.read_text().splitlines()
    at = rng.randrange(len(lines))
    lines[at] = json.dumps(damaged_value(rng, json.loads(lines[at])))
    path.write_text("\n".join(lines))


def damage_csv(rng, path):
    rows = list(csv.reader(io.StringIO(path.read_text(), newline="")))
    for _ in range(rng.choice((1, 1, 3, 20))):
        row = rng.choice([*rows, rows[1], rows[1]])
        row[rng.randrange(len(row))] = rng.choice([rng.choice(TEXTS), json.dumps(odd_value(rng))])
    if rng.random() < 0.2:
        at = rng.randrange(len(rows[0]))
        rows = [row[:at] + row[at + 1 :] for row in rows]
    text = io.StringIO(newline="")
    csv.writer(text).writerows(rows)
    path.write_bytes(text.getvalue().encode("utf-8", "surrogatepass"))


def damage_database(rng, path):
    connection = sqlite3.connect(path)
    with connection:
        texts = dict(connection.execute("SELECT id, record FROM ttbench_results"))
        at = rng.choice(list(texts))
        record = json.dumps(damaged_value(rng, json.loads(texts[at])))
        odd = rng.choice([record, record, record.encode(), "", 17, b"\xff\0", record[:-9]])
        connection.execute("UPDATE ttbench_results SET record = ? WHERE id = ?", (odd, at))
    connection.close()


def damage_parquet(rng, path):
    import pyarrow as pa
    import pyarrow.parquet as pq

    table = pq.read_table(path)
    texts = table["record"].to_pylist()
    at = rng.randrange(len(texts))
    texts[at] = json.dumps(damaged_value(rng, json.loads(texts[at])))
    kind = rng.choice([pa.string(), pa.string(), pa.large_string(), pa.binary()])
    values = [one.encode() for one in texts] if kind == pa.binary() else texts
    where = table.schema.get_field_index("record")
    table = table.set_column(where, "record", pa.array(values, kind))
    if rng.random() < 0.3:
        name = rng.choice(table.schema.names)
        column = rng.choice([pa.nulls(len(texts)), pa.array(["x"] * len(texts))])
        table = rng.choice([table.drop_columns([name]), table.append_column(name, column)])
    pq.write_table(table, path)


DAMAGE = {
    "json": damage_json,
    "jsonl": damage_json_lines,
    "csv": damage_csv,
    "db": damage_database,
    "parquet": damage_parquet,
}


@suffixes
@pytest.mark.fuzz_weight(0.5)
def test_a_damaged_file_is_shown_or_refused_in_a_line(
    rng, damaged, ttbench, tmp_path, on_a_terminal, suffix
):
    path = damaged(suffix)
    before = path.read_bytes()
    for command in rng.sample(COMMANDS, 4):
        outcome = ttbench(*command.format(target_of(path), tmp_path).split(" "))
        assert outcome.code in (0, 1, 2), (command, outcome)
        assert "Traceback" not in outcome.out + outcome.err, (command, outcome)
        assert not RAW.intersection(outcome.out + outcome.err), (command, outcome)
        assert outcome.code == 0 or outcome.complaint.startswith("ttbench: error: "), outcome
    page = tmp_path / "x.html"
    assert not page.exists() or HOSTILE[-25:] not in page.read_text("utf-8")
    assert path.read_bytes() == before
    assert {one.name for one in tmp_path.iterdir()} <= {path.name, page.name, ".x.html.lock"}


def records_in(path: Path) -> list[object] | None:
    try:
        return [one.to_record() for one in load(target_of(path))]
    except ResultsFileError:
        return None


@suffixes
@pytest.mark.fuzz_weight(0.7)
def test_a_damaged_file_is_both_read_and_appended_to_or_neither(damaged, tmp_path, suffix):
    path = damaged(suffix)
    before, content = records_in(path), path.read_bytes()
    if suffix in ("json", "jsonl", "csv", "parquet"):
        try:
            check_target(path)
            assert before is not None, "it is accepted and cannot be read"
        except TargetError:
            assert before is None, "it can be read and is not accepted"
    lost = error_of_storing(target_of(path))
    if lost is not None:
        assert path.read_bytes() == content
        assert records_in(lost.rescued)[-1] == new.to_record()
        assert before is None or suffix == "db", "it can be read and takes no result"
    elif before is not None:
        after = records_in(path)
        assert repr(after[:-1]) == repr(before)
        assert after[-1]["machine_name"] == "the new one"
    else:
        # the rows of a database do not depend on each other
        assert suffix == "db"
        assert count_of(path, new.run_id) == 1


def error_of_storing(place: str) -> ResultNotStoredError | None:
    """Store the new result without the check before it."""
    found = find_reader(place)
    try:
        store_result(new, Target(found.place, found.open))
    except ResultNotStoredError as lost:
        return lost
    return None


def count_of(path: Path, run_id: str) -> int:
    connection = sqlite3.connect(path)
    try:
        query = "SELECT count(*) FROM ttbench_results WHERE run_id = ?"
        return connection.execute(query, (run_id,)).fetchone()[0]
    finally:
        connection.close()
