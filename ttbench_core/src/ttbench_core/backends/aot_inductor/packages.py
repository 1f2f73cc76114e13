"""The file that keeps a compiled package: whether it can be written, and writing it."""

from __future__ import annotations

import contextlib
import os
import shutil
from pathlib import Path

from ttbench_core.errors import OptionError, TargetError, one_line

__all__ = ["check_package_file", "keep_package"]


def check_package_file(given: str, *, may_replace: bool, processes: int) -> None:
    """Refuse a file that a package cannot be kept in; raises `OptionError`.

    Args:
        given: of `-B package`.
        may_replace: whether a file that is there is replaced.
        processes: that compile, each after the other.
    """
    file = Path(given)
    if file.suffix != ".pt2":
        raise OptionError(f"-B package={given}: the name of the file must end in .pt2")
    if not file.parent.is_dir():
        raise OptionError(f"-B package={given}: there is no folder {file.parent}")
    if file.is_dir():
        raise OptionError(f"-B package={given} is a folder: name a file in it")
    if may_replace:
        return
    if file.exists():
        raise OptionError(f"-B package={given} exists: name another file, or add -B replace=true")
    if processes > 1:
        raise OptionError(
            f"-B package={given}: each of the {processes} processes compiles its own package; add"
            " -B replace=true to keep the last one, or leave out --processes"
        )


def keep_package(package: Path, given: str, *, may_replace: bool) -> None:
    """Copy a package to its file, which is complete or stays as it was.

    Args:
        package: that was compiled.
        given: of `-B package`.
        may_replace: as for `check_package_file`.

    Raises `OptionError` where the file has appeared meanwhile, `TargetError` where it cannot be
    written.
    """
    check_package_file(given, may_replace=may_replace, processes=1)
    file = Path(given)
    temporary = file.with_name(f".{file.stem}-{os.getpid()}.pt2")
    try:
        shutil.copyfile(package, temporary)
        temporary.replace(file)
    except BaseException as error:
        with contextlib.suppress(OSError):
            temporary.unlink()
        if isinstance(error, OSError):
            raise TargetError(f"-B package={given} cannot be written: {one_line(error)}") from error
        raise
