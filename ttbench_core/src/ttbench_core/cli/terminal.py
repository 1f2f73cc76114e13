"""Text for a terminal, or for whatever stdout is.

Everything that comes from a pack, a record or a file name goes through
`printable`: it may hold anything, including escape sequences.
"""

from __future__ import annotations

import sys
from collections.abc import Iterable, Sequence
from typing import Final

from ttbench_core.record.formatting import printable

__all__ = ["print_bars", "print_pairs", "print_table", "printable"]

#: Wider than any table: a pipe has no width.
_UNCUT_WIDTH: Final = 10_000
_BAR_WIDTH: Final = 40


def print_pairs(rows: Iterable[tuple[str, str]]) -> None:
    """Print labels and texts in two columns; long texts are not cut."""
    rows = list(rows)
    width = max((len(label) for label, _ in rows), default=0)
    for label, text in rows:
        print(f"{printable(label):<{width}}  {printable(text)}")


def print_bars(title: str, bars: Sequence[tuple[str, float, str]]) -> None:
    """Print a bar for each label, as long as its value says beside the largest, and a text.

    Args:
        title: what the values are.
        bars: label, value from 0 on, and the value as text.
    """
    from rich.bar import Bar
    from rich.console import Console
    from rich.table import Table
    from rich.text import Text

    maximum = max((value for _, value, _ in bars), default=0) or 1
    table = Table.grid(padding=(0, 1))
    for label, value, text in bars:
        bar = Bar(maximum, 0, value, width=_BAR_WIDTH)
        table.add_row(Text(printable(label)), bar, Text(printable(text)))
    print(printable(title))
    Console(width=None if sys.stdout.isatty() else _UNCUT_WIDTH).print(table)


def print_table(header: Sequence[str], rows: Iterable[Sequence[str]]) -> None:
    """Print a table; as wide as the terminal, and uncut where there is none."""
    from rich.box import SIMPLE_HEAD
    from rich.console import Console
    from rich.table import Table
    from rich.text import Text

    console = Console(width=None if sys.stdout.isatty() else _UNCUT_WIDTH)
    table = Table(box=SIMPLE_HEAD, pad_edge=False, show_edge=False)
    for title in header:
        table.add_column(title, overflow="fold")
    for row in rows:
        table.add_row(*(Text(printable(cell)) for cell in row))
    console.print(table)
