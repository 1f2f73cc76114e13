"""A card that is described in a file, for the libraries of Tenstorrent in this process."""

from __future__ import annotations

import contextlib
import fcntl
import os
import shutil
import tempfile
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from ttbench_core.backends.tt_compile.options import REPLACED, UNSET

__all__ = ["CardFolder", "described_card"]

_DESCRIPTION: Final = Path(__file__).with_name("blackhole_p150.yaml")
_PREFIX: Final = "ttbench-tt-compile-"
#: A file in the folder of a run that is locked as long as the run lives.
_LOCK: Final = "lock"


@dataclass(frozen=True)
class CardFolder:
    """What the libraries write for one run; removed at its end."""

    folder: Path
    #: Variables that the caller had set, and that do not count here.
    replaced: tuple[str, ...]

    def kernel_count(self) -> int:
        """Count the kernels that were built: each has a folder in that of its source."""
        return sum(one.is_dir() for one in self.folder.glob("cache/**/kernels/*/*"))


@contextlib.contextmanager
def described_card() -> Iterator[CardFolder]:
    """Let the libraries find a described card and no other; enter it before they are imported.

    They read the variables once, and keep what they have opened: this is for a process of its own.
    """
    _remove_stale_folders()
    folder = Path(tempfile.mkdtemp(prefix=_PREFIX))
    lock = _locked(folder)
    wanted: dict[str, str | None] = {**_variables(folder), **dict.fromkeys(UNSET)}
    before = {name: os.environ.get(name) for name in wanted}
    replaced = [one for one in REPLACED if before[one] not in (None, wanted[one])]
    _set(wanted)
    try:
        yield CardFolder(folder, tuple(replaced))
    finally:
        _set(before)
        shutil.rmtree(folder, ignore_errors=True)
        os.close(lock)


def _locked(folder: Path) -> int:
    """Lock a folder for this process, until it ends; gives the descriptor of the lock."""
    made = folder / f"{_LOCK}-new"
    descriptor = os.open(made, os.O_CREAT | os.O_RDWR, 0o600)
    fcntl.flock(descriptor, fcntl.LOCK_EX)
    made.rename(folder / _LOCK)  # nobody finds it before it is locked
    return descriptor


def _remove_stale_folders() -> None:
    """Remove the folders of this user's runs that were killed."""
    for folder in Path(tempfile.gettempdir()).glob(f"{_PREFIX}*"):
        with contextlib.suppress(OSError):  # it lives, is another's, or was removed just now
            if folder.lstat().st_uid == os.getuid():
                _remove_unless_locked(folder)


def _remove_unless_locked(folder: Path) -> None:
    descriptor = os.open(folder / _LOCK, os.O_RDWR | os.O_NOFOLLOW)
    try:
        fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
        shutil.rmtree(folder, ignore_errors=True)
    finally:
        os.close(descriptor)


def _variables(folder: Path) -> Mapping[str, str]:
    return {
        "TT_METAL_MOCK_CLUSTER_DESC_PATH": str(_DESCRIPTION),
        "TT_METAL_CACHE": f"{folder}/cache/",
        "TT_METAL_LOGS_PATH": str(folder),
        # a service for debuggers that listens on a port
        "TT_METAL_INSPECTOR": "0",
        "TT_METAL_INSPECTOR_RPC": "0",
        # the runtime and the compiler of kernels are unpacked there, and nothing removes them
        "TMPDIR": str(folder),
        # JAX reads constants back, which a described card cannot do: those are on the CPU
        "JAX_PLATFORMS": "cpu,tt",
        # each step of a described device is a message
        "TT_LOGGER_LEVEL": os.environ.get("TT_LOGGER_LEVEL", "error"),
        "TT_METAL_LOGGER_LEVEL": os.environ.get("TT_METAL_LOGGER_LEVEL", "error"),
    }


def _set(variables: Mapping[str, str | None]) -> None:
    for name, value in variables.items():
        if value is None:
            os.environ.pop(name, None)
        else:
            os.environ[name] = value
