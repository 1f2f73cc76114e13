"""A SQL database: one result a row, in the columns of `docs/results.md` and as its whole record."""
