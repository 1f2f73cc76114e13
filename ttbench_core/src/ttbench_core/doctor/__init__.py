"""What is installed here and can be used: the values behind `ttbench doctor`.

Nothing here imports an engine or a pack: those are asked in processes of their
own, so that one that crashes, hangs or prints is a fact like any other.
"""

from ttbench_core.doctor.diagnosis import Diagnosis, diagnose

__all__ = ["Diagnosis", "diagnose"]
