"""Files of other users: which of them can be replaced, and keeping their owner and permissions."""

from __future__ import annotations

import contextlib
import os
import pwd
import stat
from pathlib import Path
from typing import Final

from ttbench_core.errors import TargetError

__all__ = ["keep_owner", "require_replaceable"]

_ROOT: Final = 0


def keep_owner(descriptor: int, before: os.stat_result) -> None:
    """Give a new file the owner, group and permissions of the file that it replaces.

    Only root can give a file to another user. Permissions are kept, but nobody gets one that
    they did not have: those of a group that the user may not give count for nobody, unless all
    others have them as well.
    """
    for owner, group in ((before.st_uid, before.st_gid), (-1, before.st_gid)):
        with contextlib.suppress(OSError):
            os.fchown(descriptor, owner, group)
            break
    now = os.fstat(descriptor)
    mode = stat.S_IMODE(before.st_mode)
    if (now.st_uid, now.st_gid) != (before.st_uid, before.st_gid):
        mode &= ~(stat.S_ISUID | stat.S_ISGID)
    if now.st_gid != before.st_gid:
        mode &= ~stat.S_IRWXG | (mode & stat.S_IRWXO) << 3
    os.fchmod(descriptor, mode)


def require_replaceable(path: Path) -> None:
    """Raise `TargetError` for a file whose content cannot be replaced by this user.

    That needs no permission to write the file itself, unless its owner took it away from all,
    but to read it, and to write its folder.
    """
    try:
        file, folder = path.stat(), path.parent.stat()
    except FileNotFoundError:
        return
    user, owner = os.geteuid(), _name_of(file.st_uid)
    if not os.access(path, os.W_OK) and (file.st_uid == user or not file.st_mode & stat.S_IWUSR):
        raise TargetError(
            f"{path} is read-only (it belongs to {owner}, mode {stat.S_IMODE(file.st_mode):04o})"
        )
    if not os.access(path, os.R_OK):
        raise TargetError(
            f"{path} cannot be read: it belongs to {owner}, mode {stat.S_IMODE(file.st_mode):04o}"
        )
    if folder.st_mode & stat.S_ISVTX and user not in (_ROOT, file.st_uid, folder.st_uid):
        raise TargetError(
            f"{path} belongs to {owner}, and in {path.parent}, which has the sticky bit, only its"
            " owner can replace it; name a file of your own"
        )


def _name_of(user: int) -> str:
    try:
        return pwd.getpwuid(user).pw_name
    except KeyError:
        return f"user {user}"
