"""Measurements in fresh processes: one process alone can be consistently off.

The parent waits without using CPU time; each child imports, builds, warms up and measures by
itself.
"""
