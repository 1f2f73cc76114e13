"""Keeping a result whose target failed, in a file that needs no lock."""

from __future__ import annotations

import re
import secrets
import tempfile
from collections.abc import Iterator
from pathlib import Path
from typing import Final

from ttbench_core.errors import TargetError
from ttbench_core.record.result import Result
from ttbench_core.sinks.files import create_file
from ttbench_core.sinks.json import append_record, new_list
from ttbench_core.sinks.locking import exclusive_lock
from ttbench_core.sinks.redaction import HIDDEN
from ttbench_core.sinks.target_checks import working_folder
from ttbench_core.sinks.targets import Target

__all__ = ["rescue"]

_DEFAULT_SUFFIX: Final = ".json"
_RESCUE_PREFIX: Final = "post_error_"
#: Rescue files with a number that are tried before one with a random name.
_MAX_NUMBERED_FILES: Final = 9
#: For another process that writes the same rescue file; then the next name is tried.
_WAIT_S: Final = 1.0
#: Characters.
_MAX_NAME: Final = 100


def rescue(result: Result, target: Target) -> Path | None:
    """Store a result that its target did not take.

    A new file is made, which fails if there is one of that name, so that no lock is needed. To
    rescue files of earlier results it is appended where their lock can be had.

    Returns the file; None if no folder can be written.
    """
    record = result.to_json().encode()
    for folder in _folders(target):
        for path in _paths(folder, _file_name(target)):
            try:
                create_file(path, new_list(record))
            except FileExistsError:
                if not _append(path, record):
                    continue
            except OSError:
                break
            return path
    return None


def _append(path: Path, record: bytes) -> bool:
    """Append to a rescue file; returns whether that was possible."""
    try:
        with exclusive_lock(path, timeout_s=_WAIT_S) as real:
            append_record(real, record)
    except (OSError, TargetError):
        return False
    return True


def _folders(target: Target) -> Iterator[Path]:
    place = target.place
    # a folder that is part of the secret would be shown with the name of the rescue file
    is_beside = isinstance(place, Path) and Path(target.as_named).parent == Path(str(target)).parent
    if isinstance(place, Path) and is_beside:
        yield place.parent
    if (start := target.start or working_folder()) is not None:
        yield start
    yield Path(tempfile.gettempdir())


def _paths(folder: Path, name: str) -> Iterator[Path]:
    yield folder / f"{_RESCUE_PREFIX}{name}"
    for number in range(2, _MAX_NUMBERED_FILES + 1):
        yield folder / f"{_RESCUE_PREFIX}{number}_{name}"
    yield folder / f"{_RESCUE_PREFIX}{secrets.token_hex(8)}_{name}"


def _file_name(target: Target) -> str:
    """Return the name of the rescue file without its prefix: `perf.json`, `perf.db.json`."""
    shown = str(target)
    if isinstance(target.place, Path) and shown == str(target.as_named):
        name = target.place.name
    else:
        name = _name_of_url(shown)[-_MAX_NAME:].lstrip(".") or "results"
    return name if name.endswith(_DEFAULT_SUFFIX) else f"{name}{_DEFAULT_SUFFIX}"


def _name_of_url(shown: str) -> str:
    """Return the last part of a URL without parameters, or its scheme if that part is hidden."""
    parts = re.split("[/:]", shown.partition("?")[0].rstrip("/:"))
    part = next((one for one in (parts[-1], parts[0]) if HIDDEN not in one), "")
    return re.sub(r"[^A-Za-z0-9_.-]+", "_", part)
