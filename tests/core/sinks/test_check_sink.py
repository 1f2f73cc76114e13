"""`check_sink`: ttbench's own sinks pass it, and each broken promise has a message of its own."""

from __future__ import annotations

import json
import os
import socket
from pathlib import Path

import pytest

from ttbench_core.errors import ResultsFileError, TargetError
from ttbench_core.sinks.csv import CsvSink
from ttbench_core.sinks.json import JsonSink
from ttbench_core.sinks.jsonl import JsonLinesSink
from ttbench_core.sinks.protocol import Sink
from ttbench_core.sinks.redaction import HIDDEN
from ttbench_core.testing import check_sink


@pytest.fixture
def foreign(tmp_path):
    path = tmp_path / "foreign"
    path.write_text('{"name": "of someone else"}')
    return path


@pytest.mark.parametrize("sink", [JsonSink, JsonLinesSink, CsvSink])
def test_the_sinks_of_files_follow_their_contract(tmp_path, foreign, sink):
    check_sink(sink, tmp_path / "perf", foreign=foreign, whole_records=sink is not CsvSink)


def test_the_parquet_sink_follows_its_contract(tmp_path, foreign):
    pytest.importorskip("pyarrow")
    from ttbench_core.sinks.parquet import ParquetSink

    check_sink(ParquetSink, tmp_path / "perf.parquet", foreign=foreign)


def test_the_sink_of_databases_follows_its_contract(tmp_path, foreign):
    pytest.importorskip("sqlalchemy")
    pytest.importorskip("alembic")
    from ttbench_core.sinks.sql.sink import SqlSink

    check_sink(SqlSink, f"sqlite:///{tmp_path}/perf.db", foreign=f"sqlite:///{foreign}")


class Good(Sink):
    """JSON lines in a file, whose key is secret: `good:PATH?seal=KEY`."""

    takes_url = True

    def __init__(self, place):
        self.path = _path(place)

    def write(self, result):
        _require_own(self.path, TargetError)
        with self.path.open("a") as file:
            file.write(result.to_json() + "\n")

    @staticmethod
    def check(place):
        if not _path(place).parent.is_dir():
            raise TargetError("there is no such folder")

    @staticmethod
    def redact(place):
        return place.partition("?")[0] + f"?seal={HIDDEN}"

    @staticmethod
    def records(place):
        path = _path(place)
        _require_own(path, ResultsFileError)
        for number, line in enumerate(path.read_text().splitlines(), start=1):
            yield f"{path}, line {number}", json.loads(line)


def _path(place):
    return Path(place.removeprefix("good:").partition("?")[0])


def _require_own(path, error):
    if path.exists() and "run_id" not in path.read_text():
        raise error("it holds something else")


@pytest.fixture
def checked(tmp_path, foreign):
    """Check a sink that is `Good` but for some attributes."""

    def check(**changes):
        factory = type("Broken", (Good,), changes)
        place, other = f"good:{tmp_path}/perf?seal=K3Y", f"good:{foreign}"
        check_sink(factory, place, foreign=other, secret="K3Y")  # noqa: S106 - of a test

    return check


def test_a_sink_that_keeps_every_promise_passes(checked):
    checked()


def test_a_sink_that_cannot_read_passes_too(tmp_path):
    class Blind:
        takes_url = True

        def __init__(self, place):
            pass

        def __enter__(self):
            return self

        def __exit__(self, *exc_info):
            pass

        def write(self, result):
            pass

        def close(self):
            pass

    check_sink(Blind, "blind:x")


def altered(change):
    """Read back something else than was stored."""
    return staticmethod(lambda place: change(list(Good.records(place))))


def only(**changes):
    return altered(lambda found: [(where, {**one, **changes}) for where, one in found])


def write_wrongly(self, result):
    """Replace what was stored before."""
    self.path.write_text(result.to_json() + "\n")


def write_late(self, result):
    self.late = [*getattr(self, "late", []), result]


def close_late(self):
    for result in getattr(self, "late", []):
        Good.write(self, result)
    self.late = []


def write_by_one_handle(self, result):
    """Put back what was there when this sink was opened, and what it has written since."""
    if not hasattr(self, "known"):
        self.known = self.at_open
    self.known += result.to_json() + "\n"
    Good.write(self, result)
    self.path.write_text(self.known)


def open_and_remember(self, place):
    Good.__init__(self, place)
    self.at_open = self.path.read_text() if self.path.exists() else ""


def write_and_change(self, result):
    Good.write(self, result)
    result.args["microbatch"] = 3


def close_once(self):
    if hasattr(self, "closed"):
        raise ValueError("closed already")
    self.closed = True


def overwrite(self, result):
    with self.path.open("a") as file:
        file.write(result.to_json() + "\n")


def overwrite_and_refuse(self, result):
    refused = self.path.exists() and "run_id" not in self.path.read_text()
    overwrite(self, result)
    if refused:
        raise TargetError("it holds something else")


def refuse_oddly(self, result):
    try:
        Good.write(self, result)
    except TargetError:
        raise KeyError("run_id") from None


def connect(place):
    socket.create_connection(("127.0.0.1", 9), timeout=0.1)


def read_what_is_known(place):
    path = _path(place)
    lines = path.read_text().splitlines() if path.exists() else []
    return [(f"{at}", json.loads(line)) for at, line in enumerate(lines) if "run_id" in line]


def read_badly(place):
    if not _path(place).exists():
        raise KeyError("nothing")
    return Good.records(place)


@pytest.mark.parametrize(
    ("broken", "rule"),
    [
        ({"takes_url": False}, "a factory for places with a scheme has takes_url = True"),
        ({"redact": staticmethod(lambda place: place)}, "redact hides the secret part"),
        ({"redact": staticmethod(lambda place: None)}, "redact returns a text"),
        ({"check": staticmethod(lambda place: _path(place).touch())}, "check creates nothing"),
        ({"check": staticmethod(connect)}, "check does not connect"),
        (
            {"records": staticmethod(lambda place: [("1", {})])},
            "records of a place without results has none",
        ),
        (
            {"records": staticmethod(read_badly)},
            "records raises ResultsFileError or OSError if there is nothing to read, not KeyError",
        ),
        ({"__enter__": lambda self: None}, "entering a sink gives the sink"),
        ({"write": write_late, "close": close_late}, "write returns when it is stored"),
        ({"write": write_and_change}, "write does not change the result"),
        ({"write": write_wrongly}, "a sink that is opened again appends"),
        ({"close": close_once}, "close may be called again, not ValueError: closed already"),
        (
            {"write": write_by_one_handle, "__init__": open_and_remember},
            "two sinks that are open on one place lose nothing of each other",
        ),
        ({"records": altered(lambda found: [1 for _ in found])}, "records gives pairs"),
        (
            {"records": altered(lambda found: [("here", one) for _, one in found])},
            "each record has a location",
        ),
        (
            {"records": altered(lambda found: [(where, "text") for where, _ in found])},
            "a record is a JSON object",
        ),
        (
            {"records": altered(lambda found: found[::-1])},
            "records come back in the order in which they were stored",
        ),
        ({"records": only(arch="other")}, "records come back as they were stored: arch differ"),
        ({"records": only(more=1)}, "records come back as they were stored: more differ"),
        ({"write": overwrite}, "a place that holds something else stays as it is"),
        ({"write": overwrite_and_refuse}, "a place that holds something else stays as it is"),
        (
            {"write": refuse_oddly},
            "write raises TargetError where the place holds something else, not KeyError",
        ),
        (
            {"records": staticmethod(read_what_is_known)},
            "records raises ResultsFileError where the place holds something else",
        ),
    ],
)
def test_each_broken_promise_has_a_message_of_its_own(checked, broken, rule):
    with pytest.raises(AssertionError) as raised:
        checked(**broken)
    assert str(raised.value).startswith(f"a sink breaks its contract: {rule}")


def test_a_sink_that_writes_nothing_to_a_foreign_place_must_say_so(checked):
    def ignore(self, result):
        if not self.path.exists() or "run_id" in self.path.read_text():
            Good.write(self, result)

    with pytest.raises(AssertionError, match="write raises TargetError where the place holds"):
        checked(write=ignore)


def test_a_sink_that_is_no_context_manager_is_refused():
    class Plain:
        takes_url = True

        def __init__(self, place):
            pass

        def write(self, result):
            pass

    with pytest.raises(AssertionError, match="a sink is a context manager"):
        check_sink(Plain, "plain:x")


def test_a_sink_by_scheme_is_not_given_a_path(tmp_path):
    with pytest.raises(AssertionError, match="takes_url is for places that are texts"):
        check_sink(Good, tmp_path / "perf")


def test_a_table_must_give_back_the_least_keys_only(tmp_path):
    class Table(Good):
        @staticmethod
        def records(place):
            for where, record in Good.records(place):
                yield where, {key: record[key] for key in ("run_id", "status", "samples_per_sec")}

    check_sink(Table, f"good:{tmp_path}/table", whole_records=False)
    with pytest.raises(AssertionError, match="records come back as they were stored: arch, args, "):
        check_sink(Table, f"good:{tmp_path}/whole")


def test_a_password_counts_as_hidden_without_redact(tmp_path):
    class Plain(Good):
        redact = None

    check_sink(Plain, f"good:{tmp_path}/perf?password=K3Y", secret="K3Y")  # noqa: S106 - of a test
    assert os.listdir(tmp_path) == ["perf"]
