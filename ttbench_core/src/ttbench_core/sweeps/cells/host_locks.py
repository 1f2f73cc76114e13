"""Locks of this machine: on a device, on the whole machine, on a sweep.

A lock is one of the system (`flock`) on a file in the folder for temporary files, so every user
of the machine sees it. It belongs to the open file: a process that is started with the
descriptor holds it too, and it is free when the last of them has ended, however they ended.
"""

from __future__ import annotations

import contextlib
import errno
import fcntl
import hashlib
import math
import os
import stat
import tempfile
import time
from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING, Final

from ttbench_core.errors import RequestError

if TYPE_CHECKING:
    from typing_extensions import Self

__all__ = ["MACHINE", "HostLock", "HostLockError", "lock_folder"]

#: The name of the lock on the whole machine: a run on the processor has it alone, one on another
#: device shares it.
MACHINE: Final = "machine"
_FOLDER_MODE: Final = 0o1777
_FILE_MODE: Final = 0o666
_POLL_S: Final = 0.2
_MAX_OWNER_BYTES: Final = 400
_TAKEN: Final = (errno.EAGAIN, errno.EWOULDBLOCK, errno.EACCES)


class HostLockError(RequestError):
    """A lock of this machine cannot be taken at all; the message names its file."""


class HostLock:
    """A lock by name; a context manager.

    Args:
        name: any text; equal names exclude each other. It is not shown.
        shown: what it is called in messages.
        shared: whether others may have it shared at the same time.
        owner: what others are told who wait for it.

    Raises `HostLockError` where its file cannot be opened.
    """

    def __init__(
        self, name: str, *, shown: str | None = None, shared: bool = False, owner: str = ""
    ) -> None:
        self.name: Final = name if shown is None else shown
        self._shared: Final = shared
        self._owner: Final = owner
        self._path: Final = lock_folder() / f"{hashlib.sha256(name.encode()).hexdigest()[:24]}.lock"
        self._descriptor: int | None = None

    def fileno(self) -> int:
        """Give the descriptor that another process inherits to hold the lock too."""
        if self._descriptor is None:
            raise ValueError(f"the lock on {self.name} is not held")
        return self._descriptor

    def take(self) -> bool:
        """Take the lock if it is free; return whether it is held now."""
        if self._descriptor is not None:
            return True
        descriptor = _opened(self._path)
        try:
            fcntl.flock(
                descriptor, (fcntl.LOCK_SH if self._shared else fcntl.LOCK_EX) | fcntl.LOCK_NB
            )
        except OSError as error:
            os.close(descriptor)
            if error.errno in _TAKEN:
                return False
            raise HostLockError(
                f"the lock {self._path} cannot be taken: {error.strerror}"
            ) from error
        self._descriptor = descriptor
        self._write_owner()
        return True

    def wait(
        self, on_wait: Callable[[str], None] = lambda _: None, timeout_s: float = math.inf
    ) -> bool:
        """Take the lock as soon as it is free; return whether it is held now.

        Args:
            on_wait: is called once with a sentence where it is not free at once.
            timeout_s: seconds to wait at most.
        """
        if self.take():
            return True
        on_wait(f"waiting for {self.name}: {self.holder()} has it")
        deadline_s = time.monotonic() + timeout_s
        while not self.take():
            if time.monotonic() > deadline_s:
                return False
            time.sleep(_POLL_S)
        return True

    def release(self) -> None:
        """Give it back here; a process that has inherited it keeps it. May be called twice."""
        if self._descriptor is not None:
            os.close(self._descriptor)
            self._descriptor = None

    def _write_owner(self) -> None:
        if self._shared or self._descriptor is None:
            return
        with contextlib.suppress(OSError):  # a file of another user is opened for reading alone
            os.ftruncate(self._descriptor, 0)
            text = f"process {os.getpid()}{f', {self._owner}' if self._owner else ''}"
            os.pwrite(self._descriptor, text.encode()[:_MAX_OWNER_BYTES], 0)

    def holder(self) -> str:
        """Say who had the lock last, as its file tells."""
        try:
            text = self._path.read_bytes()[:_MAX_OWNER_BYTES].decode("utf-8", "replace")
        except OSError:
            text = ""
        return text or "another process"

    def __enter__(self) -> Self:
        self.wait()
        return self

    def __exit__(self, *exc_info: object) -> None:
        self.release()


def lock_folder() -> Path:
    """Give the folder of the locks, which all users of the machine may write to.

    Raises `HostLockError` for a link in its place: anybody may have put it there.
    """
    folder = Path(tempfile.gettempdir()) / "ttbench-locks"
    try:
        with contextlib.suppress(FileExistsError):
            folder.mkdir()
            folder.chmod(_FOLDER_MODE)
        if not stat.S_ISDIR(folder.lstat().st_mode):
            raise HostLockError(f"{folder} is no folder: remove it")
    except OSError as error:
        raise HostLockError(f"the folder {folder} cannot be made: {error.strerror}") from error
    return folder


def _opened(path: Path) -> int:
    """Open a lock file, also one of another user, and no link that somebody has put there."""
    flags = os.O_NOFOLLOW | os.O_NONBLOCK | os.O_CLOEXEC
    refusal: OSError | None = None
    for mode in (os.O_RDWR, os.O_RDWR | os.O_CREAT, os.O_RDONLY):
        try:
            descriptor = os.open(path, flags | mode, _FILE_MODE)
        except OSError as error:
            refusal = error
            continue
        if stat.S_ISREG(os.fstat(descriptor).st_mode):
            with contextlib.suppress(OSError):  # whatever the umask is
                os.fchmod(descriptor, _FILE_MODE)
            return descriptor
        os.close(descriptor)
        break
    reason = "it is no file" if refusal is None else refusal.strerror
    raise HostLockError(f"the lock {path} cannot be opened: {reason}")
