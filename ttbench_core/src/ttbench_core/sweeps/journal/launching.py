"""What started a sweep on this machine, as its records say it."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Final

__all__ = ["launch_facts"]

#: Variables that Slurm sets in a job; of an array the job is that of the array.
_SLURM: Final = {
    "job": ("SLURM_ARRAY_JOB_ID", "SLURM_JOB_ID"),
    "array_task": ("SLURM_ARRAY_TASK_ID",),
    "node": ("SLURMD_NODENAME",),
    "restarts": ("SLURM_RESTART_COUNT",),
}


def launch_facts(environ: Mapping[str, str]) -> dict[str, str]:
    """Give who started this process: `by` is `local` or `slurm`, with the facts of the job.

    Args:
        environ: variables of the process.
    """
    if "SLURM_JOB_ID" not in environ:
        return {"by": "local"}
    facts = {"by": "slurm", "restarts": "0"}
    for name, variables in _SLURM.items():
        found = next((environ[one] for one in variables if one in environ), None)
        if found is not None:
            facts[name] = found
    return facts
