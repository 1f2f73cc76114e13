"""How Alembic reaches the database: by the connection that the sink has."""

from __future__ import annotations

from alembic import context

from ttbench_core.sinks.sql.schema import VERSION_TABLE

# the sink's transaction is the migration's: no other one is begun here
context.configure(
    connection=context.config.attributes["connection"],
    version_table=VERSION_TABLE,
    transactional_ddl=False,
)
context.run_migrations()
