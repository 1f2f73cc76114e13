"""Reading untrusted JSON files, one record at a time."""

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

__all__ = ["open_results_file", "parse_json", "read_json_list"]

_CHUNK_BYTES: Final = 1 << 22
_SQLITE_MAGIC: Final = b"SQLite format 3\0"
_WHITESPACE: Final = re.compile(r"[ \t\n\r]*")


@contextlib.contextmanager
def open_results_file(path: Path) -> Iterator[BufferedReader]:
    """Open a file of results; raises `ResultsFileError` if it cannot be read as a file."""
    with _file_errors(path):
        if not path.name or path.is_dir():
            raise ResultsFileError(f"{str(path)!r} is a folder: name a file of results")
        if path.is_char_device() or path.is_block_device():
            raise ResultsFileError(f"{path} is a device: name a file of results")
        with path.open("rb") as file:
            yield file


@contextlib.contextmanager
def _file_errors(path: Path) -> Iterator[None]:
    """Raise errors of reading a file as `ResultsFileError`."""
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


def parse_json(where: str, text: str) -> Any:
    """Parse one JSON value; numbers that are not finite become None."""
    with _parse_errors(where, text):
        return _DECODER.decode(text)


def read_json_list(path: Path) -> Iterator[tuple[str, Any]]:
    """Yield each value of a JSON list as soon as it is read, or a single object.

    Only a part of the file is in memory at once. An error is raised when it is reached.
    """
    with open_results_file(path) as file:
        if file.peek(len(_SQLITE_MAGIC)).startswith(_SQLITE_MAGIC):
            raise ResultsFileError(f"{path} is a database of SQLite: name it sqlite:///{path}")
        text = _TextReader(file)
        first = text.peek()
        if not first:
            raise ResultsFileError(f"{path} is empty: it holds no list of results")
        if first == "[":
            yield from _list_items(path, text)
            return
        whole = parse_json(str(path), text.rest())
    if not isinstance(whole, dict):
        raise ResultsFileError(f"{path} is JSON but no list of results")
    yield str(path), whole


def _list_items(path: Path, text: _TextReader) -> Iterator[tuple[str, Any]]:
    text.take()
    number, is_complete = 0, text.peek() == "]"
    while not is_complete:
        value, found = text.value()
        if not found:
            break
        yield f"{path}@{number}", value
        number += 1
        is_complete = text.peek() != ","
        if not is_complete:
            text.take()
    if is_complete and text.take() == "]" and not text.peek():
        return
    # parsing the whole text raises an error with the position
    parse_json(str(path), path.read_bytes().decode("utf-8-sig"))
    raise ResultsFileError(f"{path} changed while it was read")


class _TextReader:
    """A text that is read only as far as it is needed."""

    def __init__(self, file: BufferedReader) -> None:
        self._file = file
        self._decoder = codecs.getincrementaldecoder("utf-8-sig")()
        self._buffer = ""
        self._at = 0
        self._ended = False
        self._chunk = _CHUNK_BYTES

    def peek(self) -> str:
        """Return the next character that is not whitespace, without taking it; empty at the end."""
        while True:
            self._at = _skip_whitespace(self._buffer, self._at)
            if self._at < len(self._buffer) or self._ended:
                return self._buffer[self._at : self._at + 1]
            self._refill()

    def take(self) -> str:
        """Take the next character that is not whitespace."""
        character = self.peek()
        self._at += 1
        return character

    def value(self) -> tuple[Any, bool]:
        """Take the next value; also return whether there is a complete one."""
        self.peek()
        self._chunk = _CHUNK_BYTES
        while True:
            try:
                value, end = _DECODER.raw_decode(self._buffer, self._at)
            except (ValueError, RecursionError):
                if self._ended:
                    return None, False
                self._refill()
                continue
            if end == len(self._buffer) and not self._ended:
                self._refill()  # a number may continue
                continue
            self._at = end
            return value, True

    def rest(self) -> str:
        """Return everything that was not taken yet."""
        while not self._ended:
            self._refill()
        return self._buffer[self._at :]

    def _refill(self) -> None:
        read = self._file.read(self._chunk)
        # at the end, a character that was cut is an error
        text = self._decoder.decode(read, final=not read)
        # doubled each time, so that reading a long value takes time in proportion to its length
        self._chunk *= 2
        self._ended = not read
        self._buffer = self._buffer[self._at :] + text
        self._at = 0


def _skip_whitespace(text: str, at: int) -> int:
    match = _WHITESPACE.match(text, at)
    return match.end() if match else at


@contextlib.contextmanager
def _parse_errors(where: str, text: str) -> Iterator[None]:
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
