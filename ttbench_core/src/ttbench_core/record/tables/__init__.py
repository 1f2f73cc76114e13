"""Results as rows: columns, conditions on them, and tables of text."""
