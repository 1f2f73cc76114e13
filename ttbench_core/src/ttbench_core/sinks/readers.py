"""Finding the readers of many targets: what reads files of one suffix is looked up once."""

from __future__ import annotations

import os
from pathlib import Path
from typing import Final

from ttbench_core.sinks.protocol import SinkFactory
from ttbench_core.sinks.targets import Target, find_reader

__all__ = ["ReaderFinder"]


class ReaderFinder:
    """Gives what `find_reader` gives.

    Looking for what is installed takes milliseconds, which are seconds for a thousand files. One
    finder is for one command: a sink that is installed meanwhile is not found.
    """

    def __init__(self) -> None:
        self._sinks: Final[dict[str, SinkFactory]] = {}

    def __call__(self, target: str | Path) -> Target:
        """Find what reads a target back; raises what `find_reader` does."""
        suffix = _suffix_of_file(target)
        if suffix is None:
            return find_reader(target)
        if suffix not in self._sinks:
            self._sinks[suffix] = find_reader(target).open
        return Target(Path(target), self._sinks[suffix])


def _suffix_of_file(target: str | Path) -> str | None:
    """Return the suffix of a file that is there and can be no URL; None for other targets."""
    if isinstance(target, str) and (":" in target or not os.path.lexists(target)):
        return None
    path = Path(target)
    return path.suffix.lower() if os.path.lexists(path) else None
