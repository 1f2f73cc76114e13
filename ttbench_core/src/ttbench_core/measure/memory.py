"""Peak memory of this process over a run."""

from __future__ import annotations

import resource
import sys
from pathlib import Path
from typing import Final

import psutil

__all__ = ["HostMemory"]

_CLEAR_REFS: Final = Path("/proc/self/clear_refs")
_STATUS: Final = Path("/proc/self/status")
#: Written to clear_refs, this resets the kernel's peak to the present size (proc(5)).
_RESET_PEAK: Final = "5"
#: getrusage counts in KiB on Linux, in bytes on macOS.
_MAXRSS_UNIT: Final = 1 if sys.platform == "darwin" else 1024


class HostMemory:
    """Resident memory since construction: the size at the start, and the peak.

    Where the kernel lets a process reset its own peak, the peak is this run's and
    `scope` is `run`; elsewhere it is the process's since it began, and `scope` is
    `process`.
    """

    def __init__(self) -> None:
        self.baseline_bytes: Final = int(psutil.Process().memory_info().rss)
        self.scope: Final = "run" if _reset_peak() else "process"

    def peak_bytes(self) -> int:
        """Give the highest resident size so far."""
        if self.scope == "run":
            for line in _STATUS.read_text(encoding="ascii").splitlines():
                if line.startswith("VmHWM:"):
                    return int(line.split()[1]) * 1024
        return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * _MAXRSS_UNIT


def _reset_peak() -> bool:
    try:
        _CLEAR_REFS.write_text(_RESET_PEAK, encoding="ascii")
    except OSError:
        return False
    return "VmHWM:" in _STATUS.read_text(encoding="ascii")
