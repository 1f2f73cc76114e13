"""The CPU quota of this process's control group, and how long the group was throttled.

Reads both versions of Linux's interface. Inside a container the group's own
path may not be visible; then its files are at the root of the mount.
"""

from __future__ import annotations

from pathlib import Path
from typing import Final

__all__ = ["CpuGroup"]

_MOUNT: Final = Path("/sys/fs/cgroup")
_MEMBERSHIP: Final = Path("/proc/self/cgroup")
_NS_PER_US: Final = 1000


class CpuGroup:
    """The CPU controller that holds this process.

    Args:
        mount: where control groups are mounted.
        membership: the file that names the groups of this process.
    """

    def __init__(self, mount: Path = _MOUNT, membership: Path = _MEMBERSHIP) -> None:
        self._folder: Final = _group_folder(mount, _read_lines(membership))

    def throttled_ns(self) -> int | None:
        """Give how long the group has been throttled so far; None where nothing counts it."""
        counters = dict(
            line.split(" ", 1) for line in _read_lines(self._folder / "cpu.stat") if " " in line
        )
        if "throttled_usec" in counters:
            return int(counters["throttled_usec"]) * _NS_PER_US
        if "throttled_time" in counters:
            return int(counters["throttled_time"])
        return None

    def quota_cores(self) -> float | None:
        """Give how many cores' worth of time the group may use; None without a limit."""
        words = " ".join(_read_lines(self._folder / "cpu.max")).split()
        if not words:
            quota = [*_read_lines(self._folder / "cpu.cfs_quota_us"), ""][0]
            period = [*_read_lines(self._folder / "cpu.cfs_period_us"), ""][0]
            words = [quota, period]
        if not all(word.isdigit() and int(word) > 0 for word in words):
            return None
        return int(words[0]) / int(words[1])


def _group_folder(mount: Path, memberships: list[str]) -> Path:
    for line in memberships:
        _, controllers, path = (*line.split(":", 2), "", "")[:3]
        unified = controllers == ""
        if not unified and "cpu" not in controllers.split(","):
            continue
        base = mount if unified else mount / "cpu"
        for folder in (base / path.lstrip("/"), base):
            if (folder / "cpu.stat").exists():
                return folder
    return mount


def _read_lines(file: Path) -> list[str]:
    try:
        return file.read_text(encoding="ascii", errors="replace").splitlines()
    except OSError:
        return []
