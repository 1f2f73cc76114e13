"""The contract of a sink: what stores results, and reads them back."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING, Any, Protocol

from ttbench_core.record.result import Result

if TYPE_CHECKING:
    from typing_extensions import Self

__all__ = ["HeartbeatKeeper", "Place", "Readable", "Redacting", "Sink", "SinkFactory"]

#: A file for a sink that is registered by a suffix, a URL for one registered by a scheme.
Place = Path | str


class Sink(Protocol):
    """**Protocol:** stores results; a context manager. A sink may derive from it, but need not.

    `write` returns only when the result is safe: a crash right after it loses
    nothing, and a crash during it loses no earlier result. It raises
    `TargetError` when the place holds something else, `OSError` when it cannot
    be written. Several sinks may be open on one place at once, also in other
    processes: none loses a result of another.
    `ttbench_core.testing.check_sink` checks this contract, docs/sinks.md explains it.
    """

    def write(self, result: Result) -> None:
        """Store one result.

        `result.to_json()` gives it as one line of strict JSON in ASCII, `result.to_record()` as
        a dictionary of plain JSON values, which hold no NaN. `docs/results.md` lists the keys.
        """

    def close(self) -> None:
        """Release open resources; by default there are none. May be called again."""
        return  # a body, so that subclasses need not define one

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *exc_info: object) -> None:
        self.close()


class SinkFactory(Protocol):
    """**Protocol:** what is registered under `ttbench.sinks`, by suffix or by scheme.

    A factory for a suffix is called with a path. A factory whose attribute
    `takes_url` is true is chosen by `NAME:...` instead, and called with the whole text.

    A factory may have `check(place)`, which is called before anything is
    measured and raises `TargetError` for a place that cannot be used: a missing
    library, a malformed URL. It does not connect.

    A factory whose places may be relative to the working directory has `absolute(place)`,
    which gives the same place independent of it: a pack may change it during a run. Files
    need none.

    A factory whose places hold a secret has `redact(place)`: see `Redacting`.
    """

    def __call__(self, place: Any) -> Sink:
        """Open a sink on a place, which need not exist."""


class Readable(Protocol):
    """**Protocol:** what a sink factory also has if its places can be read back."""

    def records(self, place: Any) -> Iterator[tuple[str, Any]]:
        """Yield the location and the value of every record, in the order they were stored.

        A value is the JSON value that was stored. Raises `ResultsFileError`
        where the place holds something else.
        """


class HeartbeatKeeper(Protocol):
    """**Protocol:** what a sink factory also has if `ttbench sweep --status` can see what runs.

    Heartbeats of files are files beside them, which needs none of this.
    """

    def keep_heartbeat(self, place: Any, name: str, text: str) -> None:
        """Keep a text under a name, in place of the last one; it is no result."""

    def drop_heartbeat(self, place: Any, name: str) -> None:
        """Forget the text of a name; none is no error."""

    def heartbeats(self, place: Any) -> Iterator[tuple[str, str]]:
        """Yield the names and the texts that are kept; none where there is nothing yet."""


class Redacting(Protocol):
    """**Protocol:** what a sink factory also has if its places have a secret part, as webhooks do.

    Passwords of URLs are hidden without it.
    """

    def redact(self, place: Any) -> str:
        """Return a place without its secret part, as it may be printed and logged.

        It is part of messages, and of the name of the file that holds a result which could not
        be stored. What it leaves out is also hidden in the errors that the sink raises. If it
        raises or returns no text, only the scheme is shown.
        """
