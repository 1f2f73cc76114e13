"""Sweeps: many runs of one definition; what is asked, which runs that makes, in which order."""
