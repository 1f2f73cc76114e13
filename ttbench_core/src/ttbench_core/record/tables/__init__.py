"""Results as rows: their columns, conditions on them, and tables of text."""
