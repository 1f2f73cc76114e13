"""The contract of a sink: a place that keeps results, and gives them back."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING, Any, Protocol

from ttbench_core.record.result import Result

if TYPE_CHECKING:
    from typing_extensions import Self

__all__ = ["Place", "Readable", "Sink", "SinkFactory"]

#: A file for a sink that is registered by a suffix, a URL for one registered by a scheme.
Place = Path | str


class Sink(Protocol):
    """**Protocol:** keeps results; a context manager. It can be derived from, and need not.

    `write` returns only when the result is safe: a crash right after it loses
    nothing, and a crash during it loses no earlier result. It raises
    `TargetError` when the place holds something else, `OSError` when it cannot
    be written.
    """

    def write(self, result: Result) -> None:
        """Keep one result."""

    def close(self) -> None:
        """Give back what is held open: nothing, unless a sink says otherwise."""
        return  # a body, so that what derives from this class need not have one

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *exc_info: object) -> None:
        self.close()


class SinkFactory(Protocol):
    """**Protocol:** what is registered under `ttbench.sinks`, by suffix or by scheme.

    By suffix it is called with a path; a factory whose attribute `takes_url` is
    true is meant by `NAME:...` instead, and called with the whole text.

    A factory may have `check(place)`, which is called before anything is
    measured and raises `TargetError` for a place that cannot be: a library
    that is missing, a malformed URL. It does not connect.
    """

    def __call__(self, place: Any) -> Sink:
        """Open a sink on a place, which need not exist."""


class Readable(Protocol):
    """**Protocol:** what a sink factory has too, if its places can be read back."""

    def records(self, place: Any) -> Iterator[tuple[str, Any]]:
        """Give every record with where it stands, in the order they were kept.

        A record is the JSON value that it was kept as. Raises
        `ResultsFileError` where the place holds something else.
        """
