"""Keeping results: which sink a target means, and what happens when it fails."""

from __future__ import annotations

import os
import tempfile
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from ttbench_core.errors import ResultNotStoredError, TargetError, one_line
from ttbench_core.registry import SINKS, discover, find, load
from ttbench_core.result import Result
from ttbench_core.sinks.json import JsonSink
from ttbench_core.sinks.protocol import SinkFactory

__all__ = ["Target", "check_target", "keep"]

_DEFAULT_SUFFIX: Final = "json"
_RESCUE_PREFIX: Final = "post_error_"
#: Files beside the target that are tried, in case a rescue file is broken as well.
_RESCUE_TRIES: Final = 9


@dataclass(frozen=True)
class Target:
    """A file that results are appended to, and the sink that writes it."""

    path: Path
    open: SinkFactory


def check_target(target: str | Path) -> Target:
    """Find the sink for a file by its suffix; any other name gets `.json` appended.

    Found out before anything is measured: a folder, a device, a missing or a
    read-only place. Raises `TargetError`.
    """
    path = Path(target)
    if not str(target) or path.is_dir():
        raise TargetError(f"cannot write results to {str(target)!r}: it is a folder; name a file")
    _refuse_special(path)
    sinks = {plugin.name: plugin for plugin in discover(SINKS)}
    suffix = path.suffix.removeprefix(".").lower()
    if suffix not in sinks:
        path = path.with_name(f"{path.name}.{_DEFAULT_SUFFIX}")
        suffix = _DEFAULT_SUFFIX
        _refuse_special(path)
    _refuse_unwritable(path)
    return Target(path, load(find(SINKS, suffix, "sink")))


def keep(result: Result, target: Target) -> None:
    """Append a result to its target.

    If that fails, the result goes to `post_error_<name>` beside the target, or
    else into the working folder or the folder for temporary files, and
    `ResultNotStoredError` says where. The target is left as it was.
    """
    try:
        with target.open(target.path) as sink:
            sink.write(result)
    except Exception as error:  # whatever a sink raises, the result must not be lost
        rescued = _rescue(result, target.path)
        raise ResultNotStoredError(str(target.path), _reason(error), rescued, result) from error


def _rescue(result: Result, path: Path) -> Path | None:
    for refuge in _refuges(path):
        try:
            with JsonSink(refuge) as sink:
                sink.write(result)
        except Exception:  # noqa: BLE001, S112 - the next refuge is tried, and the last failure is told
            continue
        return refuge
    return None


def _refuges(path: Path) -> Iterator[Path]:
    name = path.name if path.suffix == f".{_DEFAULT_SUFFIX}" else f"{path.name}.{_DEFAULT_SUFFIX}"
    for folder in dict.fromkeys([path.parent, Path.cwd(), Path(tempfile.gettempdir())]):
        yield folder / f"{_RESCUE_PREFIX}{name}"
        for number in range(2, _RESCUE_TRIES + 1):
            yield folder / f"{_RESCUE_PREFIX}{number}_{name}"


def _refuse_special(path: Path) -> None:
    if path.exists() and not path.is_file():
        raise TargetError(
            f"cannot write results to {path}: it is not a regular file; name one, such as perf.json"
        )


def _refuse_unwritable(path: Path) -> None:
    real = Path(os.path.realpath(path))
    if real.exists() and not os.access(real, os.W_OK):
        raise TargetError(f"cannot write results to {path}: it is read-only")
    if not real.parent.is_dir():
        raise TargetError(
            f"cannot write results to {path}: there is no folder {real.parent}; make it first"
        )
    if not os.access(real.parent, os.W_OK | os.X_OK):
        raise TargetError(f"cannot write results to {path}: its folder is read-only")


def _reason(error: Exception) -> str:
    if isinstance(error, TargetError):
        return str(error)
    if isinstance(error, OSError) and error.errno is not None:
        return os.strerror(error.errno)
    return one_line(error)
