"""Progress of a sweep: on a terminal, in a pipe, in a notebook."""

from __future__ import annotations

import contextlib
import sys
from collections.abc import Callable, Iterator, Sequence
from html import escape
from importlib import import_module
from typing import Any, Final

from ttbench_core.record.formatting import printable
from ttbench_core.record.html_tables import titled_table
from ttbench_core.running.progress import in_notebook
from ttbench_core.sweeps.progress.progress import (
    SILENT_SWEEP,
    CellOutcome,
    SweepObserver,
    SweepState,
)
from ttbench_core.sweeps.progress.progress_text import cell_line, state_text

__all__ = ["LinesDisplay", "NotebookDisplay", "show_sweep"]

_REDRAWS_PER_S: Final = 1
_LAST_ROWS: Final = 30


@contextlib.contextmanager
def show_sweep(
    write_line: Callable[[str], None], *, shown: bool | None = None
) -> Iterator[SweepObserver]:
    """Show a sweep for as long as the context lasts.

    On a terminal: a line for each cell that has ended, those that run, and a bar. In a notebook:
    a bar and a table that grows. In a pipe: a line for each cell.

    Args:
        write_line: writes a line, where there is neither a terminal nor a notebook.
        shown: False shows nothing; None and True show what fits.
    """
    if shown is False:
        yield SILENT_SWEEP
    elif in_notebook():
        yield NotebookDisplay()
    elif sys.stdout.isatty():
        with _terminal() as display:
            yield display
    else:
        yield LinesDisplay(write_line)


class LinesDisplay:
    """A line for each cell that has ended."""

    def __init__(self, write_line: Callable[[str], None]) -> None:
        self._write: Final = write_line

    def began(self, sentences: Sequence[str], state: SweepState) -> None:
        """Write what is to be known, and how much there is."""
        for sentence in sentences:
            self._write(sentence)
        self._write(f"{state.total} runs: {state_text(state)}")

    def started(self, state: SweepState) -> None:
        """Write nothing."""

    def ended(self, outcome: CellOutcome, state: SweepState) -> None:
        """Write what came of it."""
        self._write(cell_line(outcome, state))

    def waiting(self, sentence: str) -> None:
        """Write why nothing runs."""
        self._write(sentence)


class NotebookDisplay:
    """A bar, and a table that grows."""

    def __init__(self) -> None:
        self._rows: list[tuple[str, str]] = []
        self._sentences: list[str] = []
        self._handle: Any = None

    def began(self, sentences: Sequence[str], state: SweepState) -> None:
        """Show what is to be known."""
        self._sentences += sentences
        self._draw(state)

    def started(self, state: SweepState) -> None:
        """Show what runs."""
        self._draw(state)

    def ended(self, outcome: CellOutcome, state: SweepState) -> None:
        """Add a row."""
        _, _, text = cell_line(outcome, state).partition(f"{outcome.label}: ")
        self._rows.append((printable(outcome.label), printable(text)))
        self._draw(state)

    def waiting(self, sentence: str) -> None:
        """Show why nothing runs."""
        self._sentences.append(sentence)

    def html(self, state: SweepState) -> str:
        """Give what is shown; every text is escaped."""
        said = "".join(f"<div>{escape(printable(one))}</div>" for one in self._sentences)
        ended = state.done + state.failed + state.refused
        bar = f"<progress max='{state.total}' value='{ended}'></progress> "
        running = f": {', '.join(state.running)}" if state.running else ""
        text = escape(printable(state_text(state) + running))
        return f"{said}{bar}{text}{titled_table(('run', 'result'), self._rows[-_LAST_ROWS:])}"

    def _draw(self, state: SweepState) -> None:
        shown: Any = import_module("IPython.display")
        drawn = shown.HTML(self.html(state))
        if self._handle is None:
            self._handle = shown.display(drawn, display_id=True)
        else:
            self._handle.update(drawn)


@contextlib.contextmanager
def _terminal() -> Iterator[SweepObserver]:
    from rich.progress import BarColumn, Progress, TextColumn, TimeElapsedColumn

    bars = Progress(
        TextColumn("{task.description}", markup=False),
        BarColumn(),
        TimeElapsedColumn(),
        # what is measured is in another process, and a bar is drawn in less than a millisecond
        refresh_per_second=_REDRAWS_PER_S,
        transient=True,
    )
    with bars:
        yield _TerminalDisplay(bars)


class _TerminalDisplay(LinesDisplay):
    def __init__(self, bars: Any) -> None:
        super().__init__(self._print)
        self._bars: Final = bars
        self._all: Final = bars.add_task("", total=None)
        self._tasks: dict[str, Any] = {}

    def began(self, sentences: Sequence[str], state: SweepState) -> None:
        super().began(sentences, state)
        self._update(state)

    def started(self, state: SweepState) -> None:
        self._update(state)

    def ended(self, outcome: CellOutcome, state: SweepState) -> None:
        super().ended(outcome, state)
        self._update(state)

    def _update(self, state: SweepState) -> None:
        for label in [name for name in self._tasks if name not in state.running]:
            self._bars.remove_task(self._tasks.pop(label))
        for label in state.running:
            if label not in self._tasks:
                self._tasks[label] = self._bars.add_task(printable(label), total=None)
        self._bars.update(
            self._all,
            description=printable(state_text(state)),
            total=state.total,
            completed=state.total - state.left,
        )

    def _print(self, line: str) -> None:
        self._bars.console.print(printable(line), markup=False, highlight=False, soft_wrap=True)
