"""The parts of a sweep that different machines run."""
