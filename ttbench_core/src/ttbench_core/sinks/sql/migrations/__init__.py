"""Alembic revisions of the table of results."""
