"""What is asked of a run: options, checked once and frozen."""
