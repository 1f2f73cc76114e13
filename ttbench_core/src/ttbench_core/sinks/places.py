"""Places that results and reports are written to: what can be one, and how it is named."""

from __future__ import annotations

import os
import re
import tempfile
from pathlib import Path
from typing import Final

from ttbench_core.errors import TargetError, one_line
from ttbench_core.sinks.files import lock_file

__all__ = ["check_file", "reason_of", "refuse_special", "without_password"]

#: File systems take 255 bytes; the names of lock, draft and rescue file are longer by up to 40.
_LONGEST_NAME_BYTES: Final = 200
#: Up to the last @: a password that should have been escaped is hidden as well.
_PASSWORD: Final = re.compile(r"(://[^/:@]*):.*@")
_SECRET: Final = re.compile(r"([?&][^=&]*pass[^=&]*=)[^&]*", re.IGNORECASE)


def without_password(target: object) -> str:
    """Give a target as it may be printed."""
    return _SECRET.sub(r"\1***", _PASSWORD.sub(r"\1:***@", str(target)))


def check_file(path: Path) -> None:
    """Raise `TargetError` for what cannot be written as a file, before anything runs."""
    if not path.name or path.is_dir():
        raise TargetError(f"cannot write results to {str(path)!r}: it is a folder; name a file")
    refuse_special(path)
    _refuse_unwritable(path)


def reason_of(error: Exception) -> str:
    """Say in one line why a place cannot be used."""
    if isinstance(error, TargetError):
        return str(error)
    if isinstance(error, OSError) and error.errno is not None:
        return os.strerror(error.errno)
    return one_line(error)


def refuse_special(path: Path) -> None:
    """Refuse what exists and is no regular file."""
    if path.exists() and not path.is_file():
        raise TargetError(
            f"cannot write results to {path}: it is not a regular file; name one, such as perf.json"
        )


def _refuse_unwritable(path: Path) -> None:
    real = Path(os.path.realpath(path))
    if len(os.fsencode(real.name)) > _LONGEST_NAME_BYTES:
        raise TargetError(
            f"cannot write results to {path}: its name is longer than {_LONGEST_NAME_BYTES} bytes"
        )
    for file in (real, lock_file(real)):
        if file.exists() and not os.access(file, os.W_OK):
            raise TargetError(f"cannot write results to {path}: {file} is read-only")
    if not real.parent.is_dir():
        raise TargetError(
            f"cannot write results to {path}: there is no folder {real.parent}; make it first"
        )
    if not os.access(real.parent, os.W_OK | os.X_OK):
        raise TargetError(f"cannot write results to {path}: its folder is read-only")
    try:
        # some folders, such as /proc, say that they can be written, and cannot
        with tempfile.TemporaryFile(dir=real.parent):
            pass
    except OSError as error:
        raise TargetError(
            f"cannot write results to {path}: its folder takes no files ({reason_of(error)})"
        ) from error
