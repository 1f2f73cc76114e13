"""Replacing a file atomically: no reader and no crash ever sees half of it."""

from __future__ import annotations

import contextlib
import os
import re
import secrets
from pathlib import Path
from typing import Final

__all__ = ["create_file", "remove_leftovers", "replace_file"]

_NEW_FILE_MODE: Final = 0o666


def replace_file(path: Path, *parts: bytes) -> None:
    """Put new content in place of a file in one step, under `exclusive_lock`.

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


def create_file(path: Path, content: bytes) -> None:
    """Write a file that is not there yet, flushed to disk; this needs no lock.

    Raises `FileExistsError` if there is one, also if it is a link to nothing. On any other error
    there is no file.
    """
    descriptor = os.open(path, os.O_CREAT | os.O_EXCL | os.O_WRONLY, _NEW_FILE_MODE)
    try:
        with os.fdopen(descriptor, "wb") as file:
            file.write(content)
            file.flush()
            os.fsync(file.fileno())
    except BaseException:
        with contextlib.suppress(OSError):
            path.unlink()
        raise
    _flush_folder(path.parent)


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
