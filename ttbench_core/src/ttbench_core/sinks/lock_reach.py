"""Whether a lock of the system on a file is seen by every machine that has the file."""

from __future__ import annotations

import os
import re
from collections.abc import Collection
from pathlib import Path
from typing import Final

__all__ = ["locks_reach_all_machines"]

_MOUNTS: Final = Path("/proc/self/mountinfo")
#: File systems that one kernel alone has mounted for writing.
_OF_ONE_MACHINE: Final = frozenset(
    [
        "bcachefs",
        "btrfs",
        "exfat",
        "ext2",
        "ext3",
        "ext4",
        "f2fs",
        "jfs",
        "ntfs3",
        "overlay",
        "ramfs",
        "reiserfs",
        "tmpfs",
        "vfat",
        "xfs",
        "zfs",
    ]
)
_NFS: Final = ("nfs", "nfs4")
#: Options with which a client of NFS keeps its locks to itself.
_NFS_LOCAL: Final = frozenset(("nolock", "local_lock=flock", "local_lock=all"))
_ESCAPED: Final = re.compile(r"\\([0-7]{3})")


def locks_reach_all_machines(folder: Path) -> bool:
    """Return whether a lock in a folder excludes processes of other machines and containers.

    So it is on a local disk, and on NFS and Lustre unless they are mounted with locks of each
    machine for itself. Of any other file system it cannot be known: FUSE, say, keeps them in the
    machine unless its server does more.

    Args:
        folder: which exists.
    """
    kind, options = _mount_of(folder)
    if kind in _NFS:
        return not _NFS_LOCAL.intersection(options)
    if kind == "lustre":
        return "flock" in options
    return kind in _OF_ONE_MACHINE


def _mount_of(folder: Path) -> tuple[str, Collection[str]]:
    """Return type and options of the file system of a folder; empty if they are unknown."""
    try:
        text = _MOUNTS.read_text(encoding="utf-8", errors="surrogateescape")
    except OSError:
        return "", ()
    real = Path(os.path.realpath(folder))
    depth, found = -1, ("", "")
    for line in text.splitlines():
        place, _, source = (part.split() for part in line.partition(" - "))
        point = Path(_ESCAPED.sub(lambda code: chr(int(code[1], 8)), place[4]))
        # of several mounts on one folder the last one is seen
        if real.is_relative_to(point) and len(point.parts) >= depth:
            depth, found = len(point.parts), (source[0], f"{place[5]},{source[-1]}")
    return found[0], found[1].split(",")
