"""The tables of results and of heartbeats, and their migrations."""

from __future__ import annotations

import contextlib
import logging
from collections.abc import Iterator
from pathlib import Path
from typing import Final

import sqlalchemy as sa
from sqlalchemy.dialects import postgresql, sqlite

from ttbench_core.errors import TargetError
from ttbench_core.record.tables.columns import COLUMNS

__all__ = ["HEAD", "HEARTBEATS", "RESULTS", "VERSION_TABLE", "insert_if_absent", "upgrade"]

#: The newest revision under `migrations/versions`.
HEAD: Final = "0007"
VERSION_TABLE: Final = "ttbench_schema"
#: An arbitrary number that no other program uses for an advisory lock.
_LOCK_ID: Final = 0x7474_6265_6E63
_TYPES: Final = {str: sa.Text, int: sa.BigInteger, float: sa.Double, bool: sa.Boolean}

_METADATA: Final = sa.MetaData()
RESULTS: Final = sa.Table(
    "ttbench_results",
    _METADATA,
    sa.Column("id", sa.BigInteger().with_variant(sa.Integer, "sqlite"), primary_key=True),
    *(
        sa.Column(one.name, _TYPES[one.kind](), unique=one.name == "run_id" or None)
        for one in COLUMNS
    ),
    sa.Column("record", sa.Text, nullable=False),
)
#: The drivers of sweeps that run now.
HEARTBEATS: Final = sa.Table(
    "ttbench_heartbeats",
    _METADATA,
    sa.Column("name", sa.Text, primary_key=True),
    sa.Column("heartbeat", sa.Text, nullable=False),
)
_VERSION: Final = sa.Table(VERSION_TABLE, _METADATA, sa.Column("version_num", sa.String(32)))


def insert_if_absent(connection: sa.Connection) -> sa.Insert:
    """Return the statement that inserts a row, unless its run has one already."""
    insert = postgresql.insert if connection.dialect.name == "postgresql" else sqlite.insert
    return insert(RESULTS).on_conflict_do_nothing(index_elements=["run_id"])


def upgrade(connection: sa.Connection) -> None:
    """Upgrade the tables to this version inside the current transaction.

    One writer at a time does so. Raises `TargetError` for a table of a newer ttbench.
    """
    if _version(connection) == HEAD:
        return
    if connection.dialect.name == "postgresql":
        connection.execute(sa.select(sa.func.pg_advisory_xact_lock(_LOCK_ID)))
    version = _version(connection)
    if version == HEAD:
        return
    if version is not None and version > HEAD:
        raise TargetError(
            f"its table is of version {version}, and this ttbench knows up to {HEAD}:"
            " upgrade ttbench-core"
        )
    _run_migrations(connection)


def _version(connection: sa.Connection) -> str | None:
    if not sa.inspect(connection).has_table(VERSION_TABLE):
        return None
    version = connection.execute(sa.select(_VERSION.c.version_num)).scalar_one_or_none()
    return None if version is None else str(version)


def _run_migrations(connection: sa.Connection, revision: str = "head") -> None:
    from alembic import command
    from alembic.config import Config

    config = Config()
    config.set_main_option("script_location", str(Path(__file__).with_name("migrations")))
    config.attributes["connection"] = connection
    with _quiet_alembic():
        command.upgrade(config, revision)


@contextlib.contextmanager
def _quiet_alembic() -> Iterator[None]:
    logger = logging.getLogger("alembic")
    level = logger.level
    logger.setLevel(logging.WARNING)
    try:
        yield
    finally:
        logger.setLevel(level)
