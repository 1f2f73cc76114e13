"""Heartbeats in a database: a row for each driver of a sweep that runs."""

from __future__ import annotations

from collections.abc import Iterator

import sqlalchemy as sa
from sqlalchemy.dialects import postgresql, sqlite

from ttbench_core.sinks.sql.schema import HEARTBEATS

__all__ = ["drop", "keep", "texts"]


def keep(connection: sa.Connection, name: str, text: str) -> None:
    """Write a heartbeat in place of the last one of the same name."""
    insert = postgresql.insert if connection.dialect.name == "postgresql" else sqlite.insert
    connection.execute(
        insert(HEARTBEATS).on_conflict_do_update(index_elements=["name"], set_={"heartbeat": text}),
        {"name": name, "heartbeat": text},
    )


def drop(connection: sa.Connection, name: str) -> None:
    """Remove a heartbeat, if there is one."""
    connection.execute(sa.delete(HEARTBEATS).where(HEARTBEATS.c.name == name))


def texts(connection: sa.Connection) -> Iterator[tuple[str, str]]:
    """Yield names and heartbeats; none where the table is of an older ttbench."""
    if sa.inspect(connection).has_table(HEARTBEATS.name):
        for row in connection.execute(sa.select(HEARTBEATS.c.name, HEARTBEATS.c.heartbeat)):
            yield str(row[0]), str(row[1])
