"""Replacing a file atomically: no reader and no crash ever sees half of it."""

from __future__ import annotations

import contextlib
import os
import re
import secrets
from collections.abc import Iterator
from pathlib import Path
from typing import Final

from filelock import FileLock, Timeout

from ttbench_core.errors import TargetError

__all__ = ["exclusive_lock", "lock_path", "replace_file"]

#: Longer than any append takes; a lock held this long is a writer that hangs.
_LOCK_TIMEOUT_S: Final = 120.0
_NEW_FILE_MODE: Final = 0o666


@contextlib.contextmanager
def exclusive_lock(path: Path) -> Iterator[Path]:
    """Lock a file for writing; yields the file behind any symbolic links.

    The lock is a hidden file beside it, `.<name>.lock`, which is not removed. Raises
    `TargetError` when another writer holds it for two minutes.
    """
    real = Path(os.path.realpath(path))
    lock = FileLock(lock_path(real), timeout=_LOCK_TIMEOUT_S, mode=_NEW_FILE_MODE)
    try:
        lock.acquire()
    except Timeout as error:
        raise TargetError(
            f"another process has been writing it for {_LOCK_TIMEOUT_S:.0f} s ({lock.lock_file})"
        ) from error
    try:
        _remove_leftovers(real)
        yield real
    finally:
        lock.release()


def lock_path(path: Path) -> Path:
    """Return the path of the lock file of `path`."""
    return path.with_name(f".{path.name}.lock")


def replace_file(path: Path, *parts: bytes) -> None:
    """Put new content in place of a file in one step; call it inside `exclusive_lock`.

    Writes a temporary file, flushes it to disk, renames it, and flushes the
    folder. Keeps the file's permissions. On any error the file is unchanged.
    """
    temporary = path.with_name(f".{path.name}.{secrets.token_hex(8)}.tmp")
    mode = path.stat().st_mode & 0o7777 if path.exists() else None
    try:
        descriptor = os.open(temporary, os.O_CREAT | os.O_EXCL | os.O_WRONLY, _NEW_FILE_MODE)
        with os.fdopen(descriptor, "wb") as file:
            for part in parts:
                file.write(part)
            file.flush()
            if mode is not None:
                os.fchmod(file.fileno(), mode)
            os.fsync(file.fileno())
        temporary.replace(path)
    except BaseException:
        with contextlib.suppress(OSError):
            temporary.unlink()
        raise
    _flush_folder(path.parent)


def _remove_leftovers(path: Path) -> None:
    """Remove temporary files of killed writers: under the lock there is no other writer."""
    leftover = re.compile(rf"\.{re.escape(path.name)}\.[0-9a-f]{{16}}\.tmp")
    for entry in path.parent.iterdir():
        if leftover.fullmatch(entry.name):
            with contextlib.suppress(OSError):
                entry.unlink()


def _flush_folder(folder: Path) -> None:
    # the new content is in place: a file system that cannot flush folders must not make it
    # look lost
    with contextlib.suppress(OSError):
        descriptor = os.open(folder, os.O_RDONLY)
        try:
            os.fsync(descriptor)
        finally:
            os.close(descriptor)
