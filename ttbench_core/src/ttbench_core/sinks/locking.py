"""Locking a file for writing, also on file systems that have no locks."""

from __future__ import annotations

import contextlib
import errno
import fcntl
import os
from collections.abc import Iterator
from pathlib import Path
from typing import Final

from ttbench_core.sinks.deadline import Deadline
from ttbench_core.sinks.files import remove_leftovers
from ttbench_core.sinks.writer_mark import mark_path, marked

__all__ = ["LOCK_TIMEOUT_S", "exclusive_lock", "lock_path"]

#: Longer than any append takes; a lock held this long is a writer that hangs.
LOCK_TIMEOUT_S: Final = 60.0
#: Before the umask of the user takes its bits away.
_LOCK_FILE_MODE: Final = 0o666
#: Lock files that are removed by others while they are waited for, before the mark must do.
_MAX_LOCK_FILES: Final = 10
#: `flock` says so where another process has the lock.
_TAKEN: Final = (errno.EAGAIN, errno.EWOULDBLOCK, errno.EACCES)


@contextlib.contextmanager
def exclusive_lock(path: Path, *, timeout_s: float | None = None) -> Iterator[Path]:
    """Be the only one to write a file; yields the file behind any symbolic links.

    Takes the lock of the system on the hidden file `.<name>.lock`, which stays, and marks the
    writing by a folder `.<name>.writer`, which does not. The mark alone excludes other writers
    where the system refuses the lock, or its file was removed; the lock tells that the writer of
    an old mark of another machine is gone.

    Args:
        path: the file, which need not exist.
        timeout_s: seconds to wait for another writer, by default a minute.

    Raises `TargetError` when another writer is there all this time.
    """
    real = Path(os.path.realpath(path))
    deadline = Deadline(LOCK_TIMEOUT_S if timeout_s is None else timeout_s)
    with (
        _system_lock(lock_path(real), deadline) as has_lock,
        marked(mark_path(real), has_lock=has_lock, deadline=deadline),
    ):
        remove_leftovers(real)
        yield real


def lock_path(path: Path) -> Path:
    """Return the path of the lock file of `path`."""
    return path.with_name(f".{path.name}.lock")


@contextlib.contextmanager
def _system_lock(path: Path, deadline: Deadline) -> Iterator[bool]:
    """Hold the lock of the system on a file; yields whether the system gives one."""
    for _ in range(_MAX_LOCK_FILES):
        descriptor = _open_lock_file(path)
        if descriptor is None:
            break
        try:
            has_lock = _lock(descriptor, path, deadline)
            if not has_lock or _is_at(path, descriptor):
                yield has_lock
                return
        finally:
            # unlocked before it is closed: a process that was forked meanwhile has it open as well
            with contextlib.suppress(OSError):
                fcntl.flock(descriptor, fcntl.LOCK_UN)
            with contextlib.suppress(OSError):
                os.close(descriptor)
    yield False


def _is_at(path: Path, descriptor: int) -> bool:
    """Return whether an open file is still at its path: what was removed excludes nobody."""
    try:
        return os.path.samestat(os.fstat(descriptor), path.lstat())
    except OSError:
        return False


def _open_lock_file(path: Path) -> int | None:
    """Open a lock file, also one of another user; None if it cannot be opened."""
    flags = os.O_NOFOLLOW | os.O_NONBLOCK | os.O_CLOEXEC
    for mode in (os.O_RDWR | os.O_CREAT, os.O_RDONLY):
        with contextlib.suppress(OSError):
            return os.open(path, flags | mode, _LOCK_FILE_MODE)
    return None


def _lock(descriptor: int, path: Path, deadline: Deadline) -> bool:
    while True:
        try:
            fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except OSError as error:
            if error.errno not in _TAKEN:
                return False
        else:
            return True
        deadline.wait(f"another process has been writing it for {deadline} ({path})")
