"""Stored results: reading, comparing, exporting and reporting them."""
