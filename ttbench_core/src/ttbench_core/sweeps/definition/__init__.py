"""What a sweep is, and the ways to write one."""
