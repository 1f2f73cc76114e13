"""An index for the history of a model."""

from __future__ import annotations

from alembic import op

revision = "0002"
down_revision = "0001"


def upgrade() -> None:
    """Let the runs of one configuration be found in the order of time."""
    op.create_index("ttbench_results_history", "ttbench_results", ["model", "config", "started_at"])
