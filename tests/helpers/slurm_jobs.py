"""The jobs of a Slurm that tests have started."""

from __future__ import annotations

import subprocess


def jobs() -> list[str]:
    """Give a line for each task that waits, runs or ends: `TASK STATE NODE`."""
    command = ["squeue", "--noheader", "--array", "--format=%K %T %N", "--states=all"]
    done = subprocess.run(command, capture_output=True, text=True, check=True)
    ended = ("COMPLETED", "CANCELLED", "FAILED", "TIMEOUT", "NODE_FAIL")
    return [one for one in done.stdout.splitlines() if one.split()[1] not in ended]
