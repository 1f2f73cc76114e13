"""Reading files of JSON that anyone may have written, one record at a time."""

from __future__ import annotations

import codecs
import contextlib
import json
import math
import os
import re
from collections.abc import Iterator
from io import BufferedReader
from pathlib import Path
from typing import Any, Final

from ttbench_core.errors import ResultsFileError

__all__ = ["listed", "opened", "parsed", "refused"]

_CHUNK: Final = 1 << 22
_SQLITE: Final = b"SQLite format 3\0"
_BLANK: Final = re.compile(r"[ \t\n\r]*")


@contextlib.contextmanager
def opened(path: Path) -> Iterator[BufferedReader]:
    """Open a file of results; raises `ResultsFileError` for whatever is none."""
    with refused(path):
        if not path.name or path.is_dir():
            raise ResultsFileError(f"{str(path)!r} is a folder: name a file of results")
        if path.is_char_device() or path.is_block_device():
            raise ResultsFileError(f"{path} is a device: name a file of results")
        with path.open("rb") as file:
            yield file


@contextlib.contextmanager
def refused(path: Path) -> Iterator[None]:
    """Say what the system says of a file in our own words."""
    try:
        yield
    except FileNotFoundError as error:
        raise ResultsFileError(f"there is no file {path}") from error
    except UnicodeDecodeError as error:
        raise ResultsFileError(f"{path} is no JSON: it is not UTF-8") from error
    except OSError as error:
        reason = os.strerror(error.errno) if error.errno is not None else "it failed"
        raise ResultsFileError(f"cannot read {path}: {reason}") from error
    except ValueError as error:  # a name with a null character
        if isinstance(error, ResultsFileError):
            raise
        raise ResultsFileError(f"cannot read {str(path)!r}: no file has such a name") from error


def parsed(where: str, text: str) -> Any:
    """Parse one JSON value; what is no finite number becomes None."""
    with _faults_of(where, text):
        return _DECODER.decode(text)


def listed(path: Path) -> Iterator[tuple[str, Any]]:
    """Give the values of a JSON list, each as soon as it is read, or the one value of an object.

    Only a part of the file is in memory at once. A fault is told when it is reached.
    """
    with opened(path) as file:
        if file.peek(len(_SQLITE)).startswith(_SQLITE):
            raise ResultsFileError(f"{path} is a database of SQLite: name it sqlite:///{path}")
        text = _Text(file)
        first = text.peek()
        if not first:
            raise ResultsFileError(f"{path} is empty: it holds no list of results")
        if first == "[":
            yield from _elements(path, text)
            return
        whole = parsed(str(path), text.rest())
    if not isinstance(whole, dict):
        raise ResultsFileError(f"{path} is JSON but no list of results")
    yield str(path), whole


def _elements(path: Path, text: _Text) -> Iterator[tuple[str, Any]]:
    text.take()
    number, whole = 0, text.peek() == "]"
    while not whole:
        value, found = text.value()
        if not found:
            break
        yield f"{path}@{number}", value
        number += 1
        whole = text.peek() != ","
        if not whole:
            text.take()
    if whole and text.take() == "]" and not text.peek():
        return
    # the parser of whole texts says what is wrong, and where
    parsed(str(path), path.read_bytes().decode("utf-8-sig"))
    raise ResultsFileError(f"{path} changed while it was read")


class _Text:
    """A text that is read as far as it is needed."""

    def __init__(self, file: BufferedReader) -> None:
        self._file = codecs.getreader("utf-8-sig")(file)
        self._buffer = ""
        self._at = 0
        self._ended = False
        self._chunk = _CHUNK

    def peek(self) -> str:
        """Give the next letter that is not blank, without taking it; empty at the end."""
        while True:
            self._at = _end_of_blank(self._buffer, self._at)
            if self._at < len(self._buffer) or self._ended:
                return self._buffer[self._at : self._at + 1]
            self._refill()

    def take(self) -> str:
        """Give the next letter that is not blank and go behind it."""
        letter = self.peek()
        self._at += 1
        return letter

    def value(self) -> tuple[Any, bool]:
        """Take the next value; says whether there is a whole one."""
        self.peek()
        self._chunk = _CHUNK
        while True:
            try:
                value, end = _DECODER.raw_decode(self._buffer, self._at)
            except (ValueError, RecursionError):
                if self._ended:
                    return None, False
                self._refill()
                continue
            if end == len(self._buffer) and not self._ended:
                self._refill()  # a number may go on
                continue
            self._at = end
            return value, True

    def rest(self) -> str:
        """Give everything that was not taken."""
        while not self._ended:
            self._refill()
        return self._buffer[self._at :]

    def _refill(self) -> None:
        read = self._file.read(self._chunk)
        # twice as much the next time, so that a value of any length costs its length
        self._chunk *= 2
        self._ended = not read
        self._buffer = self._buffer[self._at :] + read
        self._at = 0


def _end_of_blank(text: str, at: int) -> int:
    match = _BLANK.match(text, at)
    return match.end() if match else at


@contextlib.contextmanager
def _faults_of(where: str, text: str) -> Iterator[None]:
    try:
        yield
    except json.JSONDecodeError as error:
        place = f"line {error.lineno}, column {error.colno}"
        if "\n" not in text.rstrip():
            place = f"column {error.colno}"
        raise ResultsFileError(f"{where} is no JSON: {error.msg} at {place}") from error
    except ValueError as error:  # a number with thousands of digits
        raise ResultsFileError(f"{where} is no JSON that can be read: {error}") from error
    except RecursionError as error:
        raise ResultsFileError(f"{where} is nested too deeply for a result") from error


def _finite(text: str) -> float | None:
    value = float(text)
    return value if math.isfinite(value) else None


_DECODER: Final = json.JSONDecoder(parse_constant=lambda _: None, parse_float=_finite)
