"""A column for the machine of a run."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0005"
down_revision = "0004"


def upgrade() -> None:
    """Let the runs of one kind of machine be found."""
    op.add_column("ttbench_results", sa.Column("machine", sa.Text))
