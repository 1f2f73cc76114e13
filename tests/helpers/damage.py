"""Damaging bytes and JSON values at random: files and records that nobody should have written."""

from __future__ import annotations

import copy
import json
import random
from collections.abc import Callable, Iterator
from itertools import islice
from pathlib import Path
from typing import Any

MAX_COPIED = 50
DATA = Path(__file__).parents[1] / "data"
#: A clear screen, the one-character CSI, a right-to-left override, and markup of rich and HTML.
HOSTILE = "\x1b[2J\x9b2J\u202e[/x]<script>alert(1)</script>"
#: A terminal acts on these.
RAW = frozenset(
    [chr(code) for code in (*range(32), *range(127, 160)) if chr(code) != "\n"]
    + [*"\u200e\u200f\u2028\u2029\u202a\u202b\u202c\u202d\u202e\u2066\u2067\u2068\u2069"]
)
JUNK = (
    *(
        b"\x1b[2J",
        b"\x9b2J",
        b"\0",
        b"\0" * 4096,
        b"\xef\xbb\xbf",
        b"\xff",
        b"\xc3",
        b"\xed\xa0\x80",
    ),
    *(
        b"\n",
        b"\r",
        b"\r\n",
        b"\t",
        b" ",
        b"\\",
        b'"',
        b"'",
        b",",
        b":",
        b";",
        b"{",
        b"}",
        b"[",
        b"]",
    ),
    *("\u202e".encode(), "\u2028".encode(), b"\\ud800", b"\\u0000", b"NaN", b"-Infinity", b"null"),
    *(b"[" * 3000, b'{"a":' * 3000, b"9" * 5000, b"1e999", b"-", b"=cmd()", b"0x10", b"1_000"),
)
TEXTS = (
    *(
        "",
        " ",
        "x",
        HOSTILE,
        "\ud800",
        "\0",
        "a\r\nb",
        "a\nb",
        "\t",
        "\ufeff",
        "=1+1",
        "'",
        '"',
        ",",
    ),
    *(
        "NaN",
        "inf",
        "-1",
        "1e400",
        "9" * 5000,
        "true",
        "null",
        "[]",
        "{}",
        "x" * 70_000,
        "-0",
        "\u2028",
    ),
    *("\u0661", "1_0", " 1", "0" * 32, "../../x", "https://u:p@h", "\U0001f600" * 50, "%s", "{0}"),
)
NUMBERS = (
    *(0, 1, -1, 2, 2**31, 2**53 + 1, 2**63, 2**64, -(2**70), 10**400, -(10**4299), 0.5, -0.0),
    *(1e-320, 1e308, float("nan"), float("inf"), float("-inf"), 1e15, 1e-9, True, False, None),
)


def odd_value(rng: random.Random, depth: int = 0) -> Any:
    """Give any JSON value, mostly a small one."""
    kind = rng.randrange(8 if depth < 3 else 5)
    if kind < 3:
        return rng.choice(NUMBERS)
    if kind < 5:
        return rng.choice(TEXTS)
    if kind == 5:
        return [odd_value(rng, depth + 1) for _ in range(rng.randrange(4))]
    if kind == 6:
        return {rng.choice(TEXTS): odd_value(rng, depth + 1) for _ in range(rng.randrange(4))}
    return _nested(rng.choice((5, 60, 150)))


def _nested(depth: int) -> list[Any]:
    value: list[Any] = []
    for _ in range(depth):
        value = [value]
    return value


def paths_of(value: Any, path: tuple[Any, ...] = ()) -> Iterator[tuple[Any, ...]]:
    """Yield the place of every value in a JSON value."""
    entries = value.items() if isinstance(value, dict) else ()
    entries = enumerate(value) if isinstance(value, list) else entries
    for key, one in entries:
        yield (*path, key)
        yield from paths_of(one, (*path, key))


def damaged_value(rng: random.Random, whole: Any) -> Any:
    """Replace, move, remove or add some of the values in a JSON value."""
    odd = copy.deepcopy(whole)
    for _ in range(rng.choice((1, 1, 1, 2, 4, 30))):
        places = list(paths_of(odd))
        if not places:
            break
        *parents, key = rng.choice(places)
        holder = odd
        for one in parents:
            holder = holder[one]
        action = rng.randrange(8)
        if action == 0:
            del holder[key]
        elif action == 1 and isinstance(holder, dict):
            holder[rng.choice(TEXTS)] = holder.pop(key)
        elif action == 2 and isinstance(holder, list):
            holder.extend([holder[key]] * rng.choice((1, 3)))
        elif action == 3:
            source = odd
            for one in rng.choice(places):
                source = source[one]
            # a copy of a copy would soon be larger than the memory
            if len(list(islice(paths_of(source), MAX_COPIED))) < MAX_COPIED:
                holder[key] = copy.deepcopy(source)
        else:
            holder[key] = odd_value(rng)
    return odd


def flip(rng: random.Random, content: bytes) -> bytes:
    changed = bytearray(content)
    for _ in range(rng.choice((1, 1, 2, 8, 64))):
        if changed:
            changed[rng.randrange(len(changed))] ^= 1 << rng.randrange(8)
    return bytes(changed)


def overwrite(rng: random.Random, content: bytes) -> bytes:
    junk = rng.choice(JUNK)
    at = rng.randrange(len(content) + 1)
    return content[:at] + junk + content[at + len(junk) :]


def truncate(rng: random.Random, content: bytes) -> bytes:
    return content[: rng.randrange(len(content) + 1)]


def behead(rng: random.Random, content: bytes) -> bytes:
    return content[rng.randrange(len(content) + 1) :]


def insert(rng: random.Random, content: bytes) -> bytes:
    at = rng.choice((0, len(content), rng.randrange(len(content) + 1)))
    return content[:at] + rng.choice(JUNK) + content[at:]


def _span(rng: random.Random, content: bytes) -> tuple[int, int]:
    start = rng.randrange(len(content) + 1)
    return start, min(len(content), start + rng.choice((1, 2, 10, 100, 5000)))


def duplicate(rng: random.Random, content: bytes) -> bytes:
    start, end = _span(rng, content)
    return content[:end] + content[start:]


def cut(rng: random.Random, content: bytes) -> bytes:
    start, end = _span(rng, content)
    return content[:start] + content[end:]


def swap_lines(rng: random.Random, content: bytes) -> bytes:
    lines = content.splitlines(keepends=True)
    rng.shuffle(lines)
    return b"".join(lines)


MUTATORS: tuple[Callable[[random.Random, bytes], bytes], ...] = (
    *(flip, overwrite, truncate, behead, insert, insert, duplicate, cut, swap_lines),
)


def damaged_bytes(rng: random.Random, content: bytes) -> bytes:
    """Damage a content once, or a few times."""
    for _ in range(rng.choice((1, 1, 1, 2, 3))):
        content = rng.choice(MUTATORS)(rng, content)
    return content


def record_of_a_run() -> dict[str, Any]:
    """Give a record as a run of the fake engine left it."""
    found: dict[str, Any] = json.loads((DATA / "record_of_a_run.json").read_text("utf-8"))
    return found
