"""The request of a run: options, checked once and frozen."""
