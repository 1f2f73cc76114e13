"""Columns for the sweep, the cell and the round of a run."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0004"
down_revision = "0003"


def upgrade() -> None:
    """Let the runs of a sweep be found, and those of one cell."""
    op.add_column("ttbench_results", sa.Column("sweep", sa.Text))
    op.add_column("ttbench_results", sa.Column("sweep_cell", sa.Text))
    op.add_column("ttbench_results", sa.Column("sweep_round", sa.BigInteger))
