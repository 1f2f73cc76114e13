"""Lists and ranges as text: `1,8,32`, `1..64 x2`, `1..9 +2`."""

from __future__ import annotations

import re
from typing import Final

from ttbench_core.errors import OptionError

__all__ = ["MAX_VALUES", "integers", "split_list"]

#: More values of one axis are a mistake, such as a range without its step.
MAX_VALUES: Final = 10_000
_INTEGER: Final = re.compile(r"-?\d{1,18}")
_RANGE: Final = re.compile(
    r"(?P<first>\d{1,18})\s*\.\.\s*(?P<last>\d{1,18})(?:\s*(?P<kind>[x+])\s*(?P<step>\d{1,18}))?"
)
_HOW: Final = 'write a whole number, or a range such as "1..64 x2" or "1..9 +2"'
#: A comma that no backslash precedes.
_COMMA: Final = re.compile(r"(?<!\\),")


def split_list(text: str) -> tuple[str, ...]:
    r"""Split a text at its commas; `\,` is a comma within a value.

    Raises `OptionError` for a text that names nothing.
    """
    parts = [part.strip().replace("\\,", ",") for part in _COMMA.split(text)]
    if not all(parts):
        raise OptionError(f"{text!r} has an empty value: write values with commas between")
    return tuple(parts)


def integers(text: str) -> tuple[int, ...]:
    """Read whole numbers and ranges with commas between.

    `1..64 x2` doubles from 1 as long as it is at most 64, `1..9 +2` adds 2, `1..9` adds 1.

    Raises `OptionError`.
    """
    values = [value for part in split_list(text) for value in _part(part)]
    if len(values) > MAX_VALUES:
        raise OptionError(f"{text!r} has {len(values):,} values; at most {MAX_VALUES:,}")
    return tuple(values)


def _part(text: str) -> tuple[int, ...] | range:
    if _INTEGER.fullmatch(text):
        return (int(text),)
    match = _RANGE.fullmatch(text)
    if match is None:
        raise OptionError(f"{text!r} is no number and no range: {_HOW}")
    first, last, step = int(match["first"]), int(match["last"]), int(match["step"] or 1)
    if last < first:
        raise OptionError(f"{text!r} ends before it begins: write the smaller number first")
    if match["kind"] == "x":
        return _powers(text, first, last, step)
    if step == 0:
        raise OptionError(f"{text!r} never ends: add 1 or more")
    values = range(first, last + 1, step)
    if len(values) > MAX_VALUES:
        raise OptionError(f"{text!r} has {len(values):,} values; at most {MAX_VALUES:,}")
    return values


def _powers(text: str, first: int, last: int, factor: int) -> tuple[int, ...]:
    if first == 0 or factor < 2:
        raise OptionError(f"{text!r} never ends: begin at 1 or more, and multiply by 2 or more")
    values = [first]
    while values[-1] * factor <= last:
        values.append(values[-1] * factor)
    return tuple(values)
