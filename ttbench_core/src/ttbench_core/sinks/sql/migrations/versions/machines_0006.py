"""A column for the machine of a run."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0006"
down_revision = "0005"


def upgrade() -> None:
    """Let the runs of one kind of machine be found."""
    op.add_column("ttbench_results", sa.Column("machine", sa.Text))
