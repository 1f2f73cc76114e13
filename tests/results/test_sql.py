"""Results in a database: each once, none lost, in a table that grows with ttbench."""

from __future__ import annotations

import json
import multiprocessing
import os
import random
import signal
import sqlite3
import time

import pytest
from damage import record_of_a_run

from ttbench_core.errors import ResultsFileError, TargetError
from ttbench_core.record.result import Result
from ttbench_core.record.run_errors import ResultNotStoredError
from ttbench_core.record.tables.columns import COLUMNS
from ttbench_core.results.reading import load
from ttbench_core.results.tt_forge.exporting import to_tt_forge
from ttbench_core.results.tt_forge.importing import from_tt_forge
from ttbench_core.sinks.storing import store_result
from ttbench_core.sinks.targets import check_target
from ttbench_core.testing import check_sink, example_result

sqlalchemy = pytest.importorskip("sqlalchemy")
pytest.importorskip("alembic")

from ttbench_core.sinks.sql import schema  # noqa: E402

FORK = multiprocessing.get_context("fork")


@pytest.fixture(params=["sqlite", "postgresql"])
def url(request, tmp_path):
    """An empty database of each kind."""
    if request.param == "sqlite":
        yield f"sqlite:///{tmp_path}/perf.db"
        return
    pytest.importorskip("pg8000")
    address = request.getfixturevalue("postgresql")
    engine = sqlalchemy.create_engine(
        address.replace("postgresql:", "postgresql+pg8000:"), isolation_level="AUTOCOMMIT"
    )
    name = f"test_{random.getrandbits(48):x}"
    with engine.connect() as connection:
        connection.exec_driver_sql(f"CREATE DATABASE {name}")
    yield address.replace("/postgres", f"/{name}")
    with engine.connect() as connection:
        connection.exec_driver_sql(f"DROP DATABASE {name} WITH (FORCE)")
    engine.dispose()


def save(url, **changes):
    store_result(example_result(**changes), check_target(url))


def rows(url, what):
    engine = sqlalchemy.create_engine(url.replace("postgresql:", "postgresql+pg8000:"))
    try:
        with engine.connect() as connection:
            return connection.exec_driver_sql(what).all()
    finally:
        engine.dispose()


def test_results_come_back_whole_and_in_order(url):
    for run_id in "abc":
        save(url, run_id=run_id, notes=[f"note of {run_id}"])
    found = load(url)
    assert [one.run_id for one in found] == ["a", "b", "c"]
    assert found[1].to_record() == example_result(run_id="b", notes=["note of b"]).to_record()


def test_the_sink_follows_its_contract(url):
    check_sink(check_target(url).open, url)


def test_heartbeats_are_rows_of_another_table_and_no_results(url):
    sink = check_target(url).open
    assert list(sink.heartbeats(url)) == []
    sink.keep_heartbeat(url, "a", "first")
    sink.keep_heartbeat(url, "b", "other")
    sink.keep_heartbeat(url, "a", "second")
    assert sorted(sink.heartbeats(url)) == [("a", "second"), ("b", "other")]
    assert len(load(url)) == 0
    save(url, run_id="a")
    sink.drop_heartbeat(url, "a")
    sink.drop_heartbeat(url, "a")
    assert list(sink.heartbeats(url)) == [("b", "other")]
    assert len(load(url)) == 1


def test_a_database_of_an_older_ttbench_has_no_heartbeats_and_takes_them(url):
    target = check_target(url)
    with target.open(url) as sink, sink._engine.begin() as connection:
        schema._run_migrations(connection, "0004")
    assert list(target.open.heartbeats(url)) == []
    target.open.keep_heartbeat(url, "a", "text")
    assert list(target.open.heartbeats(url)) == [("a", "text")]


def test_every_column_can_be_asked_for(url):
    save(url, run_id="a")
    names = ", ".join(one.name for one in COLUMNS)
    (row,) = rows(url, f"SELECT {names} FROM ttbench_results")
    cells = dict(zip([one.name for one in COLUMNS], row, strict=True))
    assert (cells["model"], cells["microbatch"], cells["samples_per_sec"]) == ("example", 8, 80.0)
    assert cells["layers"] is None


def test_a_run_that_is_stored_twice_has_one_row(url):
    save(url, run_id="a")
    save(url, run_id="a")
    assert len(load(url)) == 1


def test_results_without_a_run_id_are_all_stored(url):
    save(url, run_id="")
    save(url, run_id="")
    assert len(load(url)) == 2


@pytest.mark.parametrize("text", ["'); DROP TABLE ttbench_results; --", "a\0b\udcff", "<b>%s :x"])
def test_the_content_of_a_record_is_never_run_as_sql(url, text):
    save(url, run_id="a", machine_name=text, notes=[text])
    save(url, run_id="b")
    found = load(url)
    assert len(found) == 2
    assert found[0].notes == [text]


def test_numbers_too_large_for_a_column_are_only_in_the_record(url):
    save(url, run_id="a", args={"microbatch": 2**70})
    assert load(url)[0].args["microbatch"] == 2**70


def test_a_table_of_the_first_version_is_upgraded_with_its_rows(url):
    target = check_target(url)
    with target.open(url) as sink, sink._engine.begin() as connection:
        schema._run_migrations(connection, "0001")
    save_first = example_result(run_id="old")
    with target.open(url) as sink, sink._engine.begin() as connection:
        connection.execute(
            sqlalchemy.insert(schema.RESULTS), {"run_id": "old", "record": save_first.to_json()}
        )
    save(url, run_id="new")
    assert [one.run_id for one in load(url)] == ["old", "new"]
    assert rows(url, f"SELECT version_num FROM {schema.VERSION_TABLE}") == [(schema.HEAD,)]


def test_the_newest_revision_is_the_head_in_the_code():
    from alembic.config import Config
    from alembic.script import ScriptDirectory

    config = Config()
    folder = os.path.join(os.path.dirname(schema.__file__), "migrations")
    config.set_main_option("script_location", folder)
    assert ScriptDirectory.from_config(config).get_heads() == [schema.HEAD]


def test_the_migrations_make_the_table_that_the_code_writes(url):
    save(url)
    target = check_target(url)
    with target.open(url) as sink, sink._engine.connect() as connection:
        made = {
            one["name"]: one
            for one in sqlalchemy.inspect(connection).get_columns(schema.RESULTS.name)
        }
    assert set(made) == {one.name for one in schema.RESULTS.columns}
    for wanted in schema.RESULTS.columns:
        assert made[wanted.name]["type"]._type_affinity is wanted.type._type_affinity, wanted.name


def test_a_table_of_a_newer_version_is_untouched(url, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    save(url, run_id="a")
    target = check_target(url)
    with target.open(url) as sink, sink._engine.begin() as connection:
        connection.exec_driver_sql(f"UPDATE {schema.VERSION_TABLE} SET version_num = '9999'")
    with pytest.raises(ResultNotStoredError, match=r"of version 9999, .* upgrade ttbench-core"):
        save(url, run_id="b")
    assert len(load(url)) == 1
    assert len(list(tmp_path.glob("post_error_*.json"))) == 1


def append_many(url, writer, count):
    target = check_target(url)
    for number in range(count):
        store_result(example_result(run_id=f"{writer}-{number}"), target)


def test_sixteen_writers_at_once_from_an_empty_database_lose_nothing(url):
    writers = [FORK.Process(target=append_many, args=(url, w, 50)) for w in range(16)]
    for writer in writers:
        writer.start()
    for writer in writers:
        writer.join(300)
        assert writer.exitcode == 0
    run_ids = [one.run_id for one in load(url)]
    assert sorted(run_ids) == sorted(f"{w}-{n}" for w in range(16) for n in range(50))


def acknowledge(url, pipe, round_):
    for number in range(10_000):
        save(url, run_id=f"{round_}-{number}")
        os.write(pipe, b".")


@pytest.mark.parametrize("name", ["perf.json", "perf.db"])
def test_a_hundred_killed_writers_lose_nothing_that_was_acknowledged(tmp_path, name):
    place = tmp_path / name
    target = f"sqlite:///{place}" if name.endswith(".db") else str(place)
    moments, kept = random.Random(name), 0
    save(target, run_id="first")
    for round_ in range(100):
        acknowledged = _killed_at(moments.uniform(0.0, 0.06), target, round_)
        kept += acknowledged
        if round_ % 20 == 19:
            found = len(load(target)) - 1
            # the one in hand when a writer died may be there as well
            assert kept <= found <= kept + round_ + 1
    found = [one.run_id for one in load(target)]
    assert len(set(found)) == len(found) >= kept + 1
    if name.endswith(".db"):
        with sqlite3.connect(place) as connection:
            assert connection.execute("PRAGMA integrity_check").fetchall() == [("ok",)]


def _killed_at(delay_s, target, round_):
    reading, writing = os.pipe()
    writer = FORK.Process(target=acknowledge, args=(target, writing, round_))
    writer.start()
    os.close(writing)
    time.sleep(delay_s)
    os.kill(writer.pid, signal.SIGKILL)
    writer.join()
    count = 0
    while chunk := os.read(reading, 4096):
        count += len(chunk)
    os.close(reading)
    return count


def test_a_database_that_is_down_loses_no_result(tmp_path, monkeypatch, capsys):
    pytest.importorskip("pg8000")
    monkeypatch.chdir(tmp_path)
    url = "postgresql://tester:secret@127.0.0.1:1/perf"
    with pytest.raises(ResultNotStoredError) as lost:
        save(url, run_id="a")
    assert str(lost.value).startswith("postgresql://tester:***@127.0.0.1:1/perf was left as it is:")
    assert "secret" not in str(lost.value)
    assert [one.run_id for one in load(tmp_path / "post_error_perf.json")] == ["a"]


def test_a_full_disk_loses_no_result(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    url = f"sqlite:///{tmp_path}/perf.db"
    save(url, run_id="a")
    with sqlite3.connect(tmp_path / "perf.db") as connection:
        pages = connection.execute("PRAGMA page_count").fetchone()[0]
    target = check_target(url)
    sink = target.open(url)

    @sqlalchemy.event.listens_for(sink._engine, "connect")
    def _full(connection, _record):
        connection.execute(f"PRAGMA max_page_count = {pages}")

    with sink, pytest.raises(TargetError, match="database or disk is full"):
        sink.write(example_result(run_id="b", notes=["x" * 1_000_000]))
    assert [one.run_id for one in load(url)] == ["a"]


@pytest.mark.parametrize(
    ("url", "complaint"),
    [
        ("sqlite://", "it names no file"),
        ("sqlite:///:memory:", "it names no file"),
        ("sqlite:///nowhere/perf.db", "there is no file nowhere/perf.db"),
        ("sqlite:perf.db", "no URL of a database: write sqlite:///perf.db"),
        ("sqlite:///perf.db?mode=ro", "no URL of a database"),
        ("sqlite:///file:perf.db", "it names no file"),
        ("postgresql+nosuch://host/db", "no URL of a database|not installed"),
        ("postgresql://host:port/db", "no URL of a database"),
    ],
)
def test_what_cannot_be_read_is_one_line(url, complaint):
    with pytest.raises((ResultsFileError, TargetError), match=complaint) as refused:
        load(url)
    assert "\n" not in str(refused.value)


def test_a_file_that_is_no_database_is_untouched(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    path = tmp_path / "perf.db"
    path.write_text("no database at all, but long enough to look at" * 50)
    before = path.read_bytes()
    with pytest.raises(ResultNotStoredError, match="file is not a database"):
        save(f"sqlite:///{path}")
    assert path.read_bytes() == before
    with pytest.raises(ResultsFileError, match="file is not a database"):
        load(f"sqlite:///{path}")


def test_a_database_without_results_says_so(tmp_path):
    sqlite3.connect(tmp_path / "other.db").execute("CREATE TABLE x (y)").close()
    with pytest.raises(ResultsFileError, match="holds no results: it has no table"):
        load(f"sqlite:///{tmp_path}/other.db")


def test_a_database_and_a_file_are_compared(tmp_path, ttbench):
    results = [example_result(run_id=name * 8, samples_per_sec=80.0) for name in "abc"]
    url = f"sqlite:///{tmp_path}/perf.db"
    for one in results:
        store_result(one, check_target(url))
        store_result(one, check_target(tmp_path / "perf.csv"))
    outcome = ttbench("compare", url, tmp_path / "perf.csv")
    assert outcome.code == 0, outcome.err
    assert "example small" in outcome.out
    shown = ttbench("show", f"{url}@-1", "--columns", "run_id").out
    assert shown.split()[-1] == "cccccccc"


@pytest.mark.parametrize(
    "url",
    [
        "postgresql://u:SECRET@127.0.0.1:notaport/db",
        "postgresql+psycopg2://u:SECRET@127.0.0.1:1/db",
        "postgresqlx://u:SECRET@127.0.0.1/db",
        "postgresql://u:SEC/RET@127.0.0.1:1/db",
        "postgresql://u:SE@CRET@127.0.0.1:1/db",
        "postgresql://u@127.0.0.1:1/db?password=SECRET",
        "postgresql://u:SECRET@cafe:1",
    ],
)
def test_a_password_is_never_shown(url, tmp_path, ttbench, fake_engine, monkeypatch):
    monkeypatch.chdir(tmp_path)
    run = ("-m", "steady", "--backend", "fake", "--passes", 1, "-o", url)
    for words in (("show", url), run):
        outcome = ttbench(*words)
        assert outcome.code != 0
        assert "Traceback" not in outcome.err
        for part in ("SECRET", "CRET", "RET@"):
            assert part not in outcome.out + outcome.err
    assert not [one for one in os.listdir(tmp_path) if "RET" in one]


def test_a_row_that_the_database_refuses_is_not_taken_for_a_duplicate(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    url = f"sqlite:///{tmp_path}/perf.db"
    save(url, run_id="a")
    with sqlite3.connect(tmp_path / "perf.db") as connection:
        connection.execute(
            "CREATE TRIGGER quota BEFORE INSERT ON ttbench_results"
            " BEGIN SELECT RAISE(ABORT, 'quota'); END"
        )
    with pytest.raises(ResultNotStoredError, match="quota"):
        save(url, run_id="b")
    assert [one.run_id for one in load(tmp_path / "post_error_perf.db.json")] == ["b"]


@pytest.mark.parametrize("place", ["nowhere/perf.db", ""])
def test_an_invalid_sqlite_path_is_refused_before_anything_runs(tmp_path, place):
    with pytest.raises(TargetError, match="there is no folder|it is a folder"):
        check_target(f"sqlite:///{tmp_path}/{place}")


def test_a_database_given_as_a_file_is_refused_with_its_url(tmp_path):
    save(f"sqlite:///{tmp_path}/perf.db")
    with pytest.raises(ResultsFileError, match="name it sqlite:///"):
        load(tmp_path / "perf.db")


def test_a_record_and_what_is_read_back_of_its_tt_forge_object_are_two_rows(url):
    result = Result.from_record(record_of_a_run())
    again = from_tt_forge("perf_report_1.json", json.loads(json.dumps(to_tt_forge(result))))
    store_result(again, check_target(url))
    store_result(result, check_target(url))
    assert {one.run_id for one in load(url)} == {again.run_id, result.run_id}
