"""Exporting records to formats of other tools."""
