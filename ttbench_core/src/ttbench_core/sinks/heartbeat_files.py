"""Heartbeats beside a file of results: `perf.jsonl.running-HOST-PID` for each driver of a sweep."""

from __future__ import annotations

import contextlib
import hashlib
import os
import re
import secrets
import stat
from collections.abc import Iterator
from pathlib import Path
from typing import Final

__all__ = ["drop_file", "keep_file", "texts_of_files"]

_MARK: Final = ".running-"
#: Names of files have 255 bytes, and that of the results may have 200 of them.
_MAX_NAME: Final = 40
_DIGEST: Final = 8
_ODD: Final = re.compile(r"[^A-Za-z0-9._-]")
_MAX_BYTES: Final = 1 << 20
_FILE_MODE: Final = 0o666


def keep_file(results: Path, name: str, text: str) -> None:
    """Replace the file of a heartbeat in one step; raises `OSError`."""
    path = _path(results, name)
    draft = path.with_name(f".ttbench-{secrets.token_hex(8)}.tmp")
    try:
        # not flushed to disk: it is worth nothing after the machine has failed
        descriptor = os.open(draft, os.O_CREAT | os.O_EXCL | os.O_WRONLY, _FILE_MODE)
        with os.fdopen(descriptor, "w", encoding="utf-8") as file:
            file.write(text)
        draft.replace(path)
    except BaseException:
        with contextlib.suppress(OSError):
            draft.unlink()
        raise


def drop_file(results: Path, name: str) -> None:
    """Remove the file of a heartbeat, if there is one; raises `OSError`."""
    _path(results, name).unlink(missing_ok=True)


def texts_of_files(results: Path) -> Iterator[tuple[str, str]]:
    """Yield the names and the texts of the heartbeats beside a file; unreadable ones are none."""
    place = Path(os.path.realpath(results))
    start = f"{place.name}{_MARK}"
    try:
        names = sorted(one for one in os.listdir(place.parent) if one.startswith(start))  # noqa: PTH208
    except OSError:
        return
    for name in names:
        with contextlib.suppress(OSError, UnicodeDecodeError):
            yield name.removeprefix(start), _text(place.with_name(name))


def _path(results: Path, name: str) -> Path:
    place = Path(os.path.realpath(results))
    return place.with_name(f"{place.name}{_MARK}{_file_name(name)}")


def _file_name(name: str) -> str:
    """Give a name as the end of that of a file; such an end stays as it is."""
    safe = _ODD.sub("_", name)
    if safe == name and len(safe) <= _MAX_NAME:
        return name
    # hosts of a cluster may differ in what is left out alone
    digest = hashlib.sha256(name.encode("utf-8", "surrogatepass")).hexdigest()[:_DIGEST]
    return f"{digest}-{safe[-(_MAX_NAME - _DIGEST - 1) :]}"


def _text(path: Path) -> str:
    """Read a small file; no link, and nothing that would let a reader wait."""
    descriptor = os.open(path, os.O_RDONLY | os.O_NOFOLLOW | os.O_NONBLOCK | os.O_CLOEXEC)
    with os.fdopen(descriptor, "rb") as file:
        if not stat.S_ISREG(os.fstat(descriptor).st_mode):
            raise OSError(f"{path} is no file")
        return file.read(_MAX_BYTES).decode()
