"""Results in a SQL database, through SQLAlchemy: `sqlite:///perf.db`, `postgresql://host/perf`."""

from __future__ import annotations

import contextlib
import json
import os
from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING, Any, ClassVar, Final

from ttbench_core.errors import ResultsFileError, TargetError, one_line
from ttbench_core.record.result import Result
from ttbench_core.record.tables.columns import row_of
from ttbench_core.sinks.json_text import parsed
from ttbench_core.sinks.needs import library
from ttbench_core.sinks.places import check_file, without_password
from ttbench_core.sinks.protocol import Sink

if TYPE_CHECKING:
    from sqlalchemy import URL, Connection, Engine

__all__ = ["SqlSink"]

_EXTRA: Final = {"postgresql": "postgresql"}
#: The drivers that the extras bring, where a URL names none.
_DRIVER: Final = {"postgresql": "postgresql+pg8000"}
_WRITTEN: Final = (
    "write sqlite:///perf.db, or postgresql://USER:PASSWORD@HOST/NAME with %40, %3A and %2F for"
    " @, : and / in a password"
)
#: Longer than many writers need one after the other.
_PATIENCE_S: Final = 120
_BATCH: Final = 500


class SqlSink(Sink):
    """Keeps each result as a row of the table `ttbench_results`, in a transaction of its own.

    Makes and upgrades the table. A run that is kept twice is there once.

    Args:
        url: a URL of SQLAlchemy.
    """

    takes_url: ClassVar[bool] = True

    def __init__(self, url: str) -> None:
        self._engine: Final = _engine(url, writes=True)

    @staticmethod
    def check(url: str) -> None:
        """Find out whether URL and libraries are right, without connecting; see `SinkFactory`."""
        engine = _engine(url, writes=True)
        engine.dispose()
        if engine.dialect.name == "sqlite":
            check_file(Path(str(engine.url.database)))

    def write(self, result: Result) -> None:
        """Insert one row; see `Sink`."""
        from ttbench_core.sinks.sql.schema import added_once, upgrade

        record = result.to_record()
        row = {**row_of(record), "record": json.dumps(record, allow_nan=False)}
        row["run_id"] = row["run_id"] or None
        with _told(), self._engine.begin() as connection:
            upgrade(connection)
            connection.execute(added_once(connection), row)

    @staticmethod
    def records(url: str) -> Iterator[tuple[str, Any]]:
        """Read whole records back, in the order they were kept; see `Readable`."""
        engine = _engine(url, writes=False)
        shown = without_password(url)
        try:
            _refuse_missing(engine.url)
            with _told(), engine.connect() as connection:
                for number, text in enumerate(_texts(connection, shown)):
                    where = f"{shown}@{number}"
                    yield where, parsed(where, text)
        except TargetError as error:
            raise ResultsFileError(f"cannot read {shown}: {error}") from error
        finally:
            engine.dispose()

    def close(self) -> None:
        """Give back what is held open."""
        self._engine.dispose()


def _engine(text: str, *, writes: bool) -> Engine:
    dialect = text.partition(":")[0].partition("+")[0].lower()
    sqlalchemy = library("sqlalchemy", extra=_EXTRA.get(dialect, "sql"))
    try:
        url = sqlalchemy.make_url(text)
        if "@" in (url.host or "") or (dialect == "sqlite" and url.query):
            raise ValueError
        url = url.set(drivername=_DRIVER.get(url.drivername, url.drivername))
        if dialect == "sqlite":
            _refuse_memory(url)
            return _sqlite(url, writes=writes)
        engine: Engine = sqlalchemy.create_engine(url, poolclass=sqlalchemy.NullPool)
        return engine
    except ModuleNotFoundError as error:
        raise TargetError(
            f"it needs {error.name}, which is not installed:"
            f" pip install 'ttbench-core[{_EXTRA.get(dialect, 'sql')}]'"
        ) from error
    except (sqlalchemy.exc.ArgumentError, sqlalchemy.exc.NoSuchModuleError, ValueError) as error:
        # what the library says of a URL may hold its password
        raise TargetError(f"that is no URL of a database: {_WRITTEN}") from error


def _sqlite(url: URL, *, writes: bool) -> Engine:
    """Give an engine whose transactions are SQLite's own, and begin by taking the lock."""
    from sqlalchemy import NullPool, create_engine, event

    engine = create_engine(url, poolclass=NullPool, connect_args={"timeout": _PATIENCE_S})

    @event.listens_for(engine, "connect")
    def _let_us_begin(connection: Any, _record: object) -> None:
        connection.isolation_level = None
        connection.execute("PRAGMA synchronous = FULL")

    @event.listens_for(engine, "begin")
    def _begin(connection: Connection) -> None:
        # two writers that first read and then write would end in a deadlock
        connection.exec_driver_sql("BEGIN IMMEDIATE" if writes else "BEGIN")

    return engine


def _refuse_memory(url: URL) -> None:
    name = url.database
    if not name or name == ":memory:" or name.startswith("file:"):
        raise TargetError("it names no file: sqlite:///perf.db, or sqlite:////home/me/perf.db")


def _refuse_missing(url: URL) -> None:
    if url.get_backend_name() == "sqlite" and not os.path.lexists(str(url.database)):
        raise ResultsFileError(f"there is no file {url.database}")


def _texts(connection: Connection, shown: str) -> Iterator[str]:
    from sqlalchemy import inspect, select

    from ttbench_core.sinks.sql.schema import RESULTS

    if not inspect(connection).has_table(RESULTS.name):
        raise ResultsFileError(f"{shown} holds no results: it has no table {RESULTS.name}")
    query = select(RESULTS.c.record).order_by(RESULTS.c.id)
    for row in connection.execution_options(yield_per=_BATCH).execute(query):
        yield str(row[0])


@contextlib.contextmanager
def _told() -> Iterator[None]:
    """Say in one line what a database says in many."""
    from sqlalchemy import exc

    try:
        yield
    except exc.InterfaceError as error:
        reason = f"the database cannot be reached ({one_line(error.orig or error)})"
        raise TargetError(f"{reason}: is it up, are host and port right?") from error
    except exc.DBAPIError as error:
        raise TargetError(f"the database says: {one_line(error.orig or error)}") from error
    except (exc.SQLAlchemyError, UnicodeError) as error:  # the latter of a damaged file
        raise TargetError(one_line(error)) from error
