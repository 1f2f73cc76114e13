"""Columns for the options of a model and of an engine."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0003"
down_revision = "0002"


def upgrade() -> None:
    """Let runs be told apart by options that a model or an engine has of its own."""
    for name in ("model_options", "engine_options"):
        op.add_column("ttbench_results", sa.Column(name, sa.Text))
