"""Checks of the files that results and reports are written to, and texts for messages."""

from __future__ import annotations

import os
import tempfile
from pathlib import Path
from typing import Final

from ttbench_core.errors import TargetError, TtbenchError, one_line
from ttbench_core.sinks.file_owners import require_replaceable

__all__ = ["check_file", "error_reason", "require_regular_file", "working_folder"]

#: File systems allow 255 bytes; names of lock, temporary and rescue files are up to 40 longer.
_MAX_NAME_BYTES: Final = 200
#: Folders whose names are devices and streams of processes: `/dev/stdout` may be a file behind it.
_STREAMS: Final = frozenset({"/dev", "/dev/fd", "/proc/self/fd"})


def check_file(path: Path) -> None:
    """Raise `TargetError` if a path cannot be written as a file."""
    if not path.name or path.is_dir():
        raise TargetError(f"cannot write results to {str(path)!r}: it is a folder; name a file")
    require_regular_file(path)
    _require_writable(path)


def error_reason(error: BaseException) -> str:
    """Return in one line why a target cannot be used."""
    if isinstance(error, TtbenchError):
        return str(error)
    if isinstance(error, OSError) and error.errno is not None:
        return os.strerror(error.errno)
    return one_line(error)


def working_folder() -> Path | None:
    """Return the working directory; None if it was removed."""
    try:
        return Path.cwd()
    except OSError:
        return None


def require_regular_file(path: Path) -> None:
    """Raise `TargetError` if the path exists and is not a regular file, or names a stream."""
    is_stream = path.parent.as_posix() in _STREAMS
    if is_stream or (path.exists() and not path.is_file()):
        raise TargetError(
            f"cannot write results to {path}: it is not a regular file; name one, such as perf.json"
        )


def _require_writable(path: Path) -> None:
    real = Path(os.path.realpath(path))
    if len(os.fsencode(real.name)) > _MAX_NAME_BYTES:
        raise TargetError(
            f"cannot write results to {path}: its name is longer than {_MAX_NAME_BYTES} bytes"
        )
    try:
        require_replaceable(real)
    except TargetError as error:
        raise TargetError(f"cannot write results to {path}: {error}") from error
    if not real.parent.is_dir():
        raise TargetError(
            f"cannot write results to {path}: there is no folder {real.parent}; make it first"
        )
    if not os.access(real.parent, os.W_OK | os.X_OK):
        raise TargetError(f"cannot write results to {path}: its folder is read-only")
    try:
        # some folders, such as /proc, report that they are writable and are not
        with tempfile.TemporaryFile(dir=real.parent):
            pass
    except OSError as error:
        raise TargetError(
            f"cannot write results to {path}: its folder takes no files ({error_reason(error)})"
        ) from error
