"""Keeping a result: which sink a target means, and what happens when it fails."""

from __future__ import annotations

import os
import tempfile
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from ttbench_core.errors import ResultNotStoredError, RunInterrupted, TargetError, one_line
from ttbench_core.registry import SINKS, discover, find, load
from ttbench_core.result import Result
from ttbench_core.sinks.files import lock_file
from ttbench_core.sinks.json import JsonSink
from ttbench_core.sinks.protocol import SinkFactory

__all__ = ["Target", "check_target", "keep"]

_DEFAULT_SUFFIX: Final = "json"
_RESCUE_PREFIX: Final = "post_error_"
#: Files beside the target that are tried, in case a rescue file is foreign as well.
_RESCUE_TRIES: Final = 9
#: File systems take 255 bytes; the names of lock, draft and rescue file are longer by up to 40.
_LONGEST_NAME_BYTES: Final = 200


@dataclass(frozen=True)
class Target:
    """A file that results are appended to, and the sink that writes it."""

    path: Path
    open: SinkFactory


def check_target(target: str | Path) -> Target:
    """Find the sink for a file by its suffix; any other name gets `.json` appended.

    Found out before anything is measured: a folder, a device, a name that no
    file can have, a missing or a read-only place. Raises `TargetError`.
    """
    try:
        return _checked(target)
    except (OSError, TypeError, ValueError) as error:
        raise TargetError(f"cannot write results to {str(target)!r}: {_reason(error)}") from error


def keep(result: Result, target: Target) -> None:
    """Append a result to its target.

    If that fails, the result goes to `post_error_<name>` beside the target, or
    else into the working folder or the folder for temporary files, and
    `ResultNotStoredError` says where. The target is left as it was. If Ctrl-C
    ends it, the same happens, and `RunInterrupted` is raised.
    """
    try:
        with target.open(target.path) as sink:
            sink.write(result)
    except KeyboardInterrupt:
        raise RunInterrupted(result, rescued=_rescue(result, target.path)) from None
    except Exception as error:  # whatever a sink raises, the result must not be lost
        rescued = _rescue(result, target.path)
        raise ResultNotStoredError(str(target.path), _reason(error), rescued, result) from error


def _checked(target: str | Path) -> Target:
    path = Path(target)
    if not str(target) or path.is_dir():
        raise TargetError(f"cannot write results to {str(target)!r}: it is a folder; name a file")
    _refuse_special(path)
    suffix = path.suffix.removeprefix(".").lower()
    if suffix not in {plugin.name for plugin in discover(SINKS)}:
        path = path.with_name(f"{path.name}.{_DEFAULT_SUFFIX}")
        suffix = _DEFAULT_SUFFIX
        _refuse_special(path)
    _refuse_unwritable(path)
    return Target(path, load(find(SINKS, suffix, "sink")))


def _refuse_special(path: Path) -> None:
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


def _rescue(result: Result, path: Path) -> Path | None:
    name = path.name if path.suffix == f".{_DEFAULT_SUFFIX}" else f"{path.name}.{_DEFAULT_SUFFIX}"
    for folder in dict.fromkeys([path.parent, Path.cwd(), Path(tempfile.gettempdir())]):
        for refuge in _refuges(folder, name):
            try:
                with JsonSink(refuge) as sink:
                    sink.write(result)
            except TargetError:
                continue
            except OSError:
                break
            return refuge
    return None


def _refuges(folder: Path, name: str) -> Iterator[Path]:
    yield folder / f"{_RESCUE_PREFIX}{name}"
    for number in range(2, _RESCUE_TRIES + 1):
        yield folder / f"{_RESCUE_PREFIX}{number}_{name}"


def _reason(error: Exception) -> str:
    if isinstance(error, TargetError):
        return str(error)
    if isinstance(error, OSError) and error.errno is not None:
        return os.strerror(error.errno)
    return one_line(error)
