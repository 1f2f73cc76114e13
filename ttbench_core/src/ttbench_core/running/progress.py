"""Progress of a run on the terminal or in a notebook; nothing is drawn during a timed pass."""

from __future__ import annotations

import contextlib
import sys
import time
from collections.abc import Iterator
from importlib.util import find_spec
from typing import Any, Final, Protocol

from ttbench_core.record.formatting import printable

__all__ = ["SILENT", "Observer", "in_notebook", "show_progress"]

_REDRAW_S: Final = 0.2


class Observer(Protocol):
    """**Protocol:** shows what a run does; called between passes only."""

    def phase(self, name: str) -> None:
        """A phase begins."""

    def note(self, sentence: str) -> None:
        """Something that the waiting user should know now; it holds no secret."""

    def passes(self, done: int, wanted: int | None) -> None:
        """So many passes are done, of so many at most."""


class _Silent:
    def phase(self, name: str) -> None:
        """Do nothing."""

    def note(self, sentence: str) -> None:
        """Do nothing."""

    def passes(self, done: int, wanted: int | None) -> None:
        """Do nothing."""


SILENT: Final[Observer] = _Silent()


@contextlib.contextmanager
def show_progress(label: str, shown: bool | None) -> Iterator[Observer]:
    """Show a progress bar for as long as the context lasts.

    Args:
        label: what runs.
        shown: whether to show one; None shows it on a terminal (on stderr) and
            in a notebook that has ipywidgets.
    """
    if not (_is_interactive() if shown is None else shown):
        yield SILENT
        return
    from rich.console import Console
    from rich.progress import BarColumn, Progress, TextColumn, TimeElapsedColumn

    bar = Progress(
        TextColumn("{task.description}", markup=False),
        BarColumn(),
        TimeElapsedColumn(),
        console=Console(stderr=not in_notebook()),
        # a refreshing thread would take the interpreter from the pass that is timed
        auto_refresh=False,
        transient=True,
    )
    with bar:
        yield _Bar(bar, printable(label))


class _Bar:
    def __init__(self, bar: Any, label: str) -> None:
        self._drawn_at_s = 0.0
        self._bar = bar
        self._label = label
        self._task = bar.add_task(label, total=None)

    def phase(self, name: str) -> None:
        """Name the phase beside the bar."""
        self._bar.update(self._task, description=f"{self._label}: {printable(name)}")
        self._bar.refresh()

    def note(self, sentence: str) -> None:
        """Print a line above the bar."""
        self._bar.console.print(f"note: {printable(sentence)}", markup=False, highlight=False)

    def passes(self, done: int, wanted: int | None) -> None:
        """Move the bar, no more often than an eye can follow."""
        self._bar.update(self._task, completed=done, total=wanted)
        now_s = time.monotonic()
        if now_s - self._drawn_at_s >= _REDRAW_S:
            self._drawn_at_s = now_s
            self._bar.refresh()


def _is_interactive() -> bool:
    if in_notebook():
        return find_spec("ipywidgets") is not None
    return sys.stderr is not None and sys.stderr.isatty()


def in_notebook() -> bool:
    """Return whether this is the kernel of a notebook."""
    ipython = sys.modules.get("IPython")
    shell = ipython.get_ipython() if ipython is not None else None
    return type(shell).__name__ == "ZMQInteractiveShell"
