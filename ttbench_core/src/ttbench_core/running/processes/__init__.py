"""A measurement repeated in fresh processes: one process can sit tightly on a wrong number.

The parent waits without using any CPU time; each child imports, builds, warms
up and measures by itself, one after the other.
"""

from ttbench_core.running.processes.child import Watch
from ttbench_core.running.processes.repeated import measure_in_processes

__all__ = ["Watch", "measure_in_processes"]
