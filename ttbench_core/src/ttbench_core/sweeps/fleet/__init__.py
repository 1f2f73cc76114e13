"""A sweep on many machines, through an engine that owns them."""
