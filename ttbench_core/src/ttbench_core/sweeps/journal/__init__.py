"""What the targets of a sweep tell of it: what is done, and who runs it."""
