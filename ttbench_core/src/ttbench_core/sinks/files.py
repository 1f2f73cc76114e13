"""Replacing a file atomically: no reader and no crash ever sees half of it."""

from __future__ import annotations

import contextlib
import os
import re
import secrets
from pathlib import Path
from typing import Final

from ttbench_core.sinks.file_owners import keep_owner

__all__ = ["create_file", "remove_leftovers", "replace_file"]

_NEW_FILE_MODE: Final = 0o666
_PRIVATE_MODE: Final = 0o600


def replace_file(path: Path, *parts: bytes) -> None:
    """Put new content in place of a file in one step, under `exclusive_lock`.

    Writes a temporary file, flushes it to disk, renames it, and flushes the
    folder. Keeps the file's permissions, and its owner where this user may. On any error the
    file is unchanged.
    """
    temporary = _temporary(path)
    before = path.stat() if path.exists() else None
    try:
        # until it has the permissions of a file that others may not read, they must not read it
        mode = _NEW_FILE_MODE if before is None else _PRIVATE_MODE
        descriptor = os.open(temporary, os.O_CREAT | os.O_EXCL | os.O_WRONLY, mode)
        with os.fdopen(descriptor, "wb") as file:
            for part in parts:
                file.write(part)
            file.flush()
            if before is not None:
                keep_owner(file.fileno(), before)
            os.fsync(file.fileno())
        temporary.replace(path)
    except BaseException:
        with contextlib.suppress(OSError):
            temporary.unlink()
        raise
    _flush_folder(path.parent)


def create_file(path: Path, content: bytes) -> None:
    """Write a file that is not there yet, flushed to disk; this needs no lock.

    The file gets its name when it is complete, where the file system has hard links.

    Raises `FileExistsError` if there is one, also if it is a link to nothing. On any other error
    there is none, unless another process has replaced it meanwhile.
    """
    temporary = _temporary(path)
    try:
        _write_new(temporary, content)
        try:
            os.link(temporary, path)
        except FileExistsError:
            raise
        except OSError:  # no hard links here, or a writer of the file took this one for a leftover
            _write_new(path, content)
    finally:
        with contextlib.suppress(OSError):
            temporary.unlink()
    _flush_folder(path.parent)


def _write_new(path: Path, content: bytes) -> None:
    """Write a file that must not be there; removes it on an error, but none that replaced it."""
    descriptor = os.open(path, os.O_CREAT | os.O_EXCL | os.O_WRONLY, _NEW_FILE_MODE)
    own = os.fstat(descriptor)
    try:
        with os.fdopen(descriptor, "wb") as file:
            file.write(content)
            file.flush()
            os.fsync(file.fileno())
    except BaseException:
        with contextlib.suppress(OSError):
            if os.path.samestat(own, path.lstat()):
                path.unlink()
        raise


def _temporary(path: Path) -> Path:
    return path.with_name(f".{path.name}.{secrets.token_hex(8)}.tmp")


def remove_leftovers(path: Path) -> None:
    """Remove temporary files of killed writers; call it where there is no other writer."""
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
