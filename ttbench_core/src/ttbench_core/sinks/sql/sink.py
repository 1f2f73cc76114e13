"""Results in a SQL database, through SQLAlchemy: `sqlite:///perf.db`, `postgresql://host/perf`."""

from __future__ import annotations

import contextlib
import json
import os
from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING, Any, ClassVar, Final

from ttbench_core.errors import NoResultsYetError, ResultsFileError, TargetError, one_line
from ttbench_core.record.result import Result
from ttbench_core.record.tables.columns import row_of
from ttbench_core.sinks.json_reading import parse_json
from ttbench_core.sinks.optional_libraries import import_library, missing_library
from ttbench_core.sinks.protocol import Sink
from ttbench_core.sinks.redaction import hide_password
from ttbench_core.sinks.target_checks import check_file

if TYPE_CHECKING:
    from sqlalchemy import URL, Connection, Engine

__all__ = ["SqlSink"]

_EXTRA: Final = {"postgresql": "postgresql"}
#: Drivers that the extras install, for URLs that name none.
_DEFAULT_DRIVER: Final = {"postgresql": "postgresql+pg8000"}
_URL_HINT: Final = (
    "write sqlite:///perf.db, or postgresql://USER:PASSWORD@HOST/NAME with %40, %3A and %2F for"
    " @, : and / in a password"
)
#: More than many writers need when they wait for each other.
_LOCK_TIMEOUT_S: Final = 120
_BATCH_ROWS: Final = 500


class SqlSink(Sink):
    """Stores each result as a row of the table `ttbench_results`, in a transaction of its own.

    Creates and upgrades the table. A run that is stored twice has one row.

    Args:
        url: a SQLAlchemy URL.
    """

    takes_url: ClassVar[bool] = True

    def __init__(self, url: str) -> None:
        self._engine: Final = _engine(url, writes=True)

    @staticmethod
    def check(url: str) -> None:
        """Check the URL and the libraries, without connecting; see `SinkFactory`."""
        engine = _engine(url, writes=True)
        engine.dispose()
        if engine.dialect.name == "sqlite":
            check_file(Path(str(engine.url.database)))

    @staticmethod
    def absolute(url: str) -> str:
        """Return a URL whose file of SQLite has an absolute path; see `SinkFactory`.

        A path that no URL can hold, because of a question mark in it, stays relative.
        """
        sqlalchemy = import_library("sqlalchemy", extra="sql")
        parsed = sqlalchemy.make_url(url)
        if parsed.get_backend_name() != "sqlite":
            return url
        place = os.path.abspath(str(parsed.database))  # noqa: PTH100 - links stay
        found: str = parsed.set(database=place).render_as_string(hide_password=False)
        return found if sqlalchemy.make_url(found).database == place else url

    def write(self, result: Result) -> None:
        """Insert one row; see `Sink`."""
        from ttbench_core.sinks.sql.schema import insert_if_absent, upgrade

        record = result.to_record()
        row = {**row_of(record), "record": json.dumps(record, allow_nan=False)}
        row["run_id"] = row["run_id"] or None
        with _database_errors(), self._engine.begin() as connection:
            upgrade(connection)
            connection.execute(insert_if_absent(connection), row)

    @staticmethod
    def records(url: str) -> Iterator[tuple[str, Any]]:
        """Read whole records back, in the order they were stored; see `Readable`."""
        engine = _engine(url, writes=False)
        shown = hide_password(url)
        try:
            _require_existing(engine.url)
            with _database_errors(), engine.connect() as connection:
                for number, text in enumerate(_record_texts(connection, shown)):
                    where = f"{shown}@{number}"
                    yield where, parse_json(where, text)
        except TargetError as error:
            raise ResultsFileError(f"cannot read {shown}: {error}") from error
        finally:
            engine.dispose()

    @staticmethod
    def keep_heartbeat(url: str, name: str, text: str) -> None:
        """Write a row of `ttbench_heartbeats`; see `HeartbeatKeeper`."""
        from ttbench_core.sinks.sql import heartbeats
        from ttbench_core.sinks.sql.schema import upgrade

        with _writing(url) as connection:
            upgrade(connection)
            heartbeats.keep(connection, name, text)

    @staticmethod
    def drop_heartbeat(url: str, name: str) -> None:
        """Remove a row of `ttbench_heartbeats`; see `HeartbeatKeeper`."""
        from ttbench_core.sinks.sql import heartbeats

        with _writing(url) as connection:
            heartbeats.drop(connection, name)

    @staticmethod
    def heartbeats(url: str) -> Iterator[tuple[str, str]]:
        """Yield the rows of `ttbench_heartbeats`; see `HeartbeatKeeper`."""
        from ttbench_core.sinks.sql import heartbeats

        engine = _engine(url, writes=False)
        try:
            _require_existing(engine.url)
            with _database_errors(), engine.connect() as connection:
                yield from heartbeats.texts(connection)
        except NoResultsYetError:
            return
        finally:
            engine.dispose()

    def close(self) -> None:
        """Close the connections."""
        self._engine.dispose()


@contextlib.contextmanager
def _writing(url: str) -> Iterator[Connection]:
    engine = _engine(url, writes=True)
    try:
        with _database_errors(), engine.begin() as connection:
            yield connection
    finally:
        engine.dispose()


def _engine(text: str, *, writes: bool) -> Engine:
    dialect = text.partition(":")[0].partition("+")[0].lower()
    extra = _EXTRA.get(dialect, "sql")
    sqlalchemy = import_library("sqlalchemy", extra=extra)
    try:
        url = sqlalchemy.make_url(text)
        if "@" in (url.host or "") or (dialect == "sqlite" and url.query):
            raise ValueError
        url = url.set(drivername=_DEFAULT_DRIVER.get(url.drivername, url.drivername))
        if dialect == "sqlite":
            _require_file(url)
            return _sqlite(url, writes=writes)
        engine: Engine = sqlalchemy.create_engine(url, poolclass=sqlalchemy.NullPool)
        return engine
    except ModuleNotFoundError as error:
        raise missing_library(error.name, extra=extra) from error
    except (sqlalchemy.exc.ArgumentError, sqlalchemy.exc.NoSuchModuleError, ValueError) as error:
        # the library's message may contain the password of the URL
        raise TargetError(f"that is no URL of a database: {_URL_HINT}") from error


def _sqlite(url: URL, *, writes: bool) -> Engine:
    """Return an engine whose write transactions take the lock when they begin."""
    from sqlalchemy import NullPool, create_engine, event

    engine = create_engine(url, poolclass=NullPool, connect_args={"timeout": _LOCK_TIMEOUT_S})

    @event.listens_for(engine, "connect")
    def _disable_autobegin(connection: Any, _record: object) -> None:
        connection.isolation_level = None
        connection.execute("PRAGMA synchronous = FULL")

    @event.listens_for(engine, "begin")
    def _begin(connection: Connection) -> None:
        # two writers that read first and write later would deadlock
        connection.exec_driver_sql("BEGIN IMMEDIATE" if writes else "BEGIN")

    return engine


def _require_file(url: URL) -> None:
    name = url.database
    if not name or name == ":memory:" or name.startswith("file:"):
        raise TargetError("it names no file: sqlite:///perf.db, or sqlite:////home/me/perf.db")


def _require_existing(url: URL) -> None:
    if url.get_backend_name() == "sqlite" and not os.path.lexists(str(url.database)):
        raise NoResultsYetError(f"there is no file {url.database}")


def _record_texts(connection: Connection, shown: str) -> Iterator[str]:
    from sqlalchemy import inspect, select

    from ttbench_core.sinks.sql.schema import RESULTS

    if not inspect(connection).has_table(RESULTS.name):
        raise NoResultsYetError(f"{shown} holds no results: it has no table {RESULTS.name}")
    query = select(RESULTS.c.record).order_by(RESULTS.c.id)
    for row in connection.execution_options(yield_per=_BATCH_ROWS).execute(query):
        yield str(row[0])


@contextlib.contextmanager
def _database_errors() -> Iterator[None]:
    """Raise errors of the database as a `TargetError` of one line."""
    from sqlalchemy import exc

    try:
        yield
    except exc.InterfaceError as error:
        reason = f"the database cannot be reached ({one_line(error.orig or error)})"
        raise TargetError(f"{reason}: is it up, are host and port right?") from error
    except exc.DBAPIError as error:
        raise TargetError(f"the database says: {one_line(error.orig or error)}") from error
    except (exc.SQLAlchemyError, UnicodeError) as error:  # UnicodeError: a damaged file
        raise TargetError(one_line(error)) from error
