"""A SQL database: one result per row, as the columns of `docs/results.md` and as a whole record."""
