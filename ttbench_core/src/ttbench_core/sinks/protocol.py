"""The contract of a sink: a place that keeps results."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Protocol

from ttbench_core.result import Result

if TYPE_CHECKING:
    from typing_extensions import Self

__all__ = ["Sink", "SinkFactory"]


class Sink(Protocol):
    """**Protocol:** keeps results; a context manager.

    `write` returns only when the result is safe: a crash right after it loses
    nothing, and a crash during it loses no earlier result. It raises
    `TargetError` when the place holds something else, `OSError` when it cannot
    be written.
    """

    def write(self, result: Result) -> None:
        """Keep one result."""

    def close(self) -> None:
        """Give back what is held open."""

    def __enter__(self) -> Self: ...

    def __exit__(self, *exc_info: object) -> None: ...


class SinkFactory(Protocol):
    """**Protocol:** what is registered under `ttbench.sinks`, by a file's suffix."""

    def __call__(self, path: Path) -> Sink:
        """Open a sink on a file, which need not exist."""
