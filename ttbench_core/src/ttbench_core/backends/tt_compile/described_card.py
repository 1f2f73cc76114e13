"""A card that is described in a file, for the libraries of Tenstorrent in this process."""

from __future__ import annotations

import contextlib
import os
import shutil
import tempfile
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Final

__all__ = ["CardFolder", "described_card"]

_DESCRIPTION: Final = Path(__file__).with_name("blackhole_p150.yaml")
#: What else would choose a device, or another description.
_UNSET: Final = (
    *("TT_VISIBLE_DEVICES", "TT_METAL_VISIBLE_DEVICES", "TT_METAL_SIMULATOR"),
    "TT_COMPILE_ONLY_SYSTEM_DESC",
)


@dataclass(frozen=True)
class CardFolder:
    """What the libraries write for one run; removed at its end."""

    folder: Path

    def kernel_count(self) -> int:
        """Count the kernels that were built: each has a folder in that of its source."""
        return sum(one.is_dir() for one in self.folder.glob("cache/**/kernels/*/*"))


@contextlib.contextmanager
def described_card() -> Iterator[CardFolder]:
    """Let the libraries find a described card and no other; enter it before they are imported.

    They read the variables once, and keep what they have opened: this is for a process of its own.
    """
    folder = Path(tempfile.mkdtemp(prefix="ttbench-tt-compile-"))
    wanted: dict[str, str | None] = {**_variables(folder), **dict.fromkeys(_UNSET)}
    before = {name: os.environ.get(name) for name in wanted}
    _set(wanted)
    try:
        yield CardFolder(folder)
    finally:
        _set(before)
        shutil.rmtree(folder, ignore_errors=True)


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
