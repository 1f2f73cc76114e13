"""Everything that the command line writes: for people, for programs, and for a terminal.

No other module of the command line writes to a stream (a test looks for ways around). Text for
people goes through `printable` wherever it is written: what comes from a pack, a record or a file
name may hold anything, including escape sequences and markup of rich. What programs read is
exact in a file or a pipe; a terminal would run its control characters, so there they are escaped.
"""

from __future__ import annotations

import contextlib
import os
import sys
from collections.abc import Callable, Iterable, Iterator, Sequence
from typing import TYPE_CHECKING, Final, TextIO

from ttbench_core.record.formatting import printable

if TYPE_CHECKING:
    from rich.console import RenderableType
    from rich.table import Table

__all__ = [
    "discard",
    "flush_or_discard",
    "print_bars",
    "print_exact",
    "print_line",
    "print_pairs",
    "print_table",
    "print_text",
    "report_line",
    "report_text",
    "status_line",
]

#: Wider than any table: a pipe has no width.
_UNCUT_WIDTH: Final = 10_000
_BAR_WIDTH: Final = 40


def print_line(text: str = "") -> None:
    """Print a line for people."""
    print(printable(text))


def print_text(text: str) -> None:
    """Print lines for people: tabs become spaces, other control characters escapes."""
    print(_printable_lines(text.expandtabs()), end="")


def print_exact(text: str, end: str = "\n") -> None:
    """Print what programs read: exact, but on a terminal control characters are escaped."""
    print(_printable_lines(text) if sys.stdout.isatty() else text, end=end)


def print_pairs(rows: Iterable[tuple[str, str]]) -> None:
    """Print labels and texts in two columns; long texts are not cut."""
    shown = [(printable(label), printable(text)) for label, text in rows]
    width = max((len(label) for label, _ in shown), default=0)
    for label, text in shown:
        print(f"{label:<{width}}  {text}")


def print_bars(title: str, bars: Sequence[tuple[str, float, str]]) -> None:
    """Print a bar for each label, as long as its value says beside the largest, and a text.

    Args:
        title: what the values are.
        bars: label, value from 0 on, and the value as text.
    """
    from rich.bar import Bar
    from rich.table import Table
    from rich.text import Text

    maximum = max((value for _, value, _ in bars), default=0) or 1
    table = Table.grid(padding=(0, 1))
    for label, value, text in bars:
        bar = Bar(maximum, 0, value, width=_BAR_WIDTH)
        table.add_row(Text(printable(label)), bar, Text(printable(text)))
    print_line(title)
    _print_rich(table)


def print_table(header: Sequence[str], rows: Iterable[Sequence[str]]) -> None:
    """Print a table; as wide as the terminal, and uncut where there is none.

    Where not even the longest words of its columns fit, each row is printed as lines of a title
    and a cell.
    """
    from rich.box import SIMPLE_HEAD
    from rich.table import Table
    from rich.text import Text

    table = Table(box=SIMPLE_HEAD, pad_edge=False, show_edge=False)
    for title in header:
        table.add_column(Text(printable(title)), overflow="fold")
    kept = [list(row) for row in rows]
    for row in kept:
        table.add_row(*(Text(printable(cell)) for cell in row))
    if _fits(table):
        _print_rich(table)
        return
    for number, row in enumerate(kept):
        if number:
            print_line()
        print_pairs([pair for pair in zip(header, row, strict=True) if pair[1]])


def report_line(text: str) -> None:
    """Print a line on stderr, for people; one that takes no text changes nothing else."""
    _report(f"ttbench: {printable(text)}\n")


def report_text(text: str) -> None:
    """Print lines, such as a traceback, on stderr."""
    _report(_printable_lines(text))


@contextlib.contextmanager
def status_line(*, shown: bool) -> Iterator[Callable[[str], None]]:
    """Show on stderr what is being done, for as long as the context lasts."""
    if not shown:
        yield lambda _: None
        return
    from rich.console import Console
    from rich.text import Text

    with Console(stderr=True).status("") as status:
        yield lambda text: status.update(Text(printable(text)))


def discard(stream: TextIO) -> None:
    """Let what a stream still holds, and what it gets, go nowhere.

    Its reader has gone, or it is full: Python must not try to write it at exit.
    """
    with contextlib.suppress(OSError, ValueError):  # a stream without a file, or a closed one
        os.dup2(os.open(os.devnull, os.O_WRONLY), stream.fileno())


def flush_or_discard(stream: TextIO) -> None:
    """Write what a stream still holds; where that fails, Python must not try it again at exit."""
    try:
        stream.flush()
    except (OSError, ValueError):
        discard(stream)


def _report(text: str) -> None:
    try:
        sys.stderr.write(text)
        sys.stderr.flush()
    except (OSError, ValueError):
        # the exit code must say what happened, not that nobody could be told
        discard(sys.stderr)


def _fits(table: Table) -> bool:
    from rich.console import Console
    from rich.measure import Measurement

    console = Console(width=_width())
    longest_words = Measurement.get(console, console.options.update(width=_UNCUT_WIDTH), table)
    return longest_words.minimum <= console.width


def _width() -> int | None:
    return None if sys.stdout.isatty() else _UNCUT_WIDTH


def _print_rich(table: RenderableType) -> None:
    """Print what rich draws; rich itself would end the process where the reader has gone."""
    from rich.console import Console

    console = Console(width=_width())
    with console.capture() as drawn:
        console.print(table)
    print(drawn.get(), end="")


def _printable_lines(text: str) -> str:
    lines = text.replace("\r\n", "\n").split("\n")
    return "\n".join(map(printable, lines))
