"""Alembic's environment: migrations run on the connection of the sink."""

from __future__ import annotations

from alembic import context

from ttbench_core.sinks.sql.schema import VERSION_TABLE

# the migration is part of the sink's transaction: none is begun here
context.configure(
    connection=context.config.attributes["connection"],
    version_table=VERSION_TABLE,
    transactional_ddl=False,
)
context.run_migrations()
