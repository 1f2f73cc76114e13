"""The folder of a run in which Inductor, the compiler of torch, keeps what it has compiled.

torch has one folder for all of a user's processes, so that the time of a compilation would depend
on what has run before. A run therefore has a fresh folder, unless the user has named one.
"""

from __future__ import annotations

import contextlib
import getpass
import os
import re
import shutil
import tempfile
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Final, Literal

import torch

__all__ = ["CacheFolder", "compile_cache", "forget_compiled"]

_VARIABLE: Final = "TORCHINDUCTOR_CACHE_DIR"
#: Triton's folder: torch sets it to one within its own at the first kernel.
_TRITON_VARIABLE: Final = "TRITON_CACHE_DIR"
#: What torch replaces in the name of a user.
_NOT_IN_NAMES: Final = r'[\\/:*?"<>|]'


@dataclass(frozen=True)
class CacheFolder:
    """Where Inductor keeps what it has compiled."""

    #: Whether the run has made it, or the user has named it.
    kind: Literal["own", "given"]
    #: What the environment must have while something is compiled.
    variables: Mapping[str, str]

    @contextlib.contextmanager
    def used(self) -> Iterator[None]:
        """Let torch use the folder; at the end, only what the user has set stays set."""
        before = {
            name: os.environ[name] if _is_given(name) else None
            for name in (_VARIABLE, _TRITON_VARIABLE)
        }
        os.environ.update(self.variables)
        try:
            yield
        finally:
            for name, value in before.items():
                if value is None:
                    os.environ.pop(name, None)
                else:
                    os.environ[name] = value


@contextlib.contextmanager
def compile_cache() -> Iterator[CacheFolder]:
    """Give the folder of a run; one that the run has made is removed at the end."""
    if _is_given(_VARIABLE):
        yield CacheFolder("given", {})
        return
    folder = Path(tempfile.mkdtemp(prefix="ttbench-compile-"))
    variables = {_VARIABLE: str(folder)}
    if not _is_given(_TRITON_VARIABLE):
        variables[_TRITON_VARIABLE] = str(folder / "triton")
    try:
        yield CacheFolder("own", variables)
    finally:
        shutil.rmtree(folder, ignore_errors=True)
        # what is in memory would lead to files that are gone
        _clear_memory()


def forget_compiled() -> None:
    """Forget what this process has compiled; files of it stay.

    It would be reused, or count towards the limit beyond which torch silently runs eagerly.
    """
    torch._dynamo.reset()  # noqa: SLF001
    _clear_memory()


def _is_given(variable: str) -> bool:
    """Say whether the user has set a variable; torch sets both by itself, to a folder of its own.

    Set to that folder, it is not used and would say in a record what is not true.
    """
    value = os.environ.get(variable)
    if not value:
        return False
    given, default = Path(os.path.abspath(value)), _default_folder()  # noqa: PTH100 - resolves no links
    return given != default and default / "triton" not in given.parents


def _default_folder() -> Path:
    """Give the folder that torch takes by itself: it has the name of the user."""
    try:
        user = getpass.getuser()
    except (KeyError, ModuleNotFoundError, OSError):
        user = f"uid_{os.getuid()}" if hasattr(os, "getuid") else "unknown_user"
    name = f"torchinductor_{re.sub(_NOT_IN_NAMES, '_', user)}"
    return Path(os.path.abspath(Path(tempfile.gettempdir()) / name))  # noqa: PTH100 - as above


def _clear_memory() -> None:
    from torch._inductor import utils

    clear = getattr(utils, "clear_caches", None) or getattr(utils, "clear_inductor_caches", None)
    if clear is not None:  # the oldest versions of torch have none
        clear()
