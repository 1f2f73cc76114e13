"""What the table of results was, revision by revision (Alembic)."""
