"""Records that were kept: reading, comparing, exporting and reporting them."""
