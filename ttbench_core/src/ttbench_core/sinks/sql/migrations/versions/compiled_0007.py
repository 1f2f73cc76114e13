"""A column for what a run compiled that measures nothing."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0007"
down_revision = "0006"


def upgrade() -> None:
    """Let the runs that compiled only be told apart."""
    op.add_column("ttbench_results", sa.Column("compiled", sa.Text))
