"""A table of the sweeps that run now."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0005"
down_revision = "0004"


def upgrade() -> None:
    """Let the drivers of a sweep say that they run, and what."""
    op.create_table(
        "ttbench_heartbeats",
        sa.Column("name", sa.Text, primary_key=True),
        sa.Column("heartbeat", sa.Text, nullable=False),
    )
