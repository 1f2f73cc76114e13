"""Reading the values of an untrusted object of the format, with errors that name file and key."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from typing import Any, Final

from ttbench_core.errors import ResultsFileError

__all__ = ["Fields", "require_plain"]

_MAX_DEPTH: Final = 20
#: Far more than any of their files has: a file with more is none of theirs.
_MAX_ENTRIES: Final = 10_000
_MAX_CHARACTERS: Final = 100_000
_MAX_NUMBER: Final = 1e100
_MAX_NAME: Final = 60


class Fields:
    """The values of one object, by their keys.

    A key that is missing, null, -1 or an empty text is unknown: None.

    Args:
        where: the place of the file's object, for messages.
        values: the object.
        path: the keys that lead to it, as `config.`; empty for the whole.
    """

    def __init__(self, where: str, values: Mapping[str, Any], path: str = "") -> None:
        self._where: Final = where
        self._values: Final = values
        self._path: Final = path

    def fault(self, name: str, what: str) -> ResultsFileError:
        """Return the error that a value is not what the format has there."""
        return _fault(self._where, self._path + name, what)

    def object(self, name: str) -> Fields:
        """Return the object at a key, an empty one where it is unknown."""
        value = self._values.get(name)
        if not isinstance(value, (Mapping, type(None))):
            raise self.fault(name, "is no object")
        return Fields(self._where, value or {}, f"{self._path}{name}.")

    def objects(self, name: str) -> Iterator[Fields]:
        """Yield the objects of a list, which must be there."""
        value = self._values.get(name)
        if not isinstance(value, list):
            raise self.fault(name, "is no list")
        for number, one in enumerate(value):
            if not isinstance(one, Mapping):
                raise self.fault(f"{name}[{number}]", "is no object")
            yield Fields(self._where, one, f"{self._path}{name}[{number}].")

    @property
    def is_empty(self) -> bool:
        """Whether it has no keys."""
        return not self._values

    def text(self, name: str) -> str | None:
        """Return the text at a key."""
        value = self._values.get(name)
        if not isinstance(value, (str, type(None))):
            raise self.fault(name, "is no text")
        return value or None

    def flag(self, name: str) -> bool | None:
        """Return whether something is so."""
        value = self._values.get(name)
        if not isinstance(value, (bool, type(None))):
            raise self.fault(name, "is neither true nor false")
        return value

    def number(self, name: str) -> float | int | None:
        """Return the number at a key, of either sign."""
        value = self._values.get(name)
        if value is None:
            return None
        if isinstance(value, bool) or not isinstance(value, (int, float)):
            raise self.fault(name, "is no number")
        return value

    def positive(self, name: str) -> float | int | None:
        """Return the number at a key; zero is unknown too, as of what was not measured."""
        value = self.number(name)
        if value is None or value in (0, -1):
            return None
        if value < 0:
            raise self.fault(name, f"is {value}: below zero there is only -1, for none")
        return value

    def count(self, name: str) -> int | None:
        """Return a whole number above zero."""
        value = self.positive(name)
        if value is not None and value != int(value):
            raise self.fault(name, f"is {value}, and no whole number")
        return None if value is None else int(value)


def require_plain(where: str, value: Any) -> None:
    """Raise `ResultsFileError` if an object is larger or deeper than a file of the format is.

    Args:
        where: its place, for messages.
        value: any JSON value.
    """
    _require_plain(where, value, "", 0)


def _require_plain(where: str, value: Any, path: str, depth: int) -> None:
    if depth > _MAX_DEPTH:
        raise _fault(where, path, f"is nested more than {_MAX_DEPTH} times")
    if isinstance(value, str):
        if len(value) > _MAX_CHARACTERS:
            raise _fault(where, path, f"is a text of {len(value):,} characters")
    elif isinstance(value, (int, float)):
        # NaN is below nothing; a whole number may be too large for a float
        if not abs(value) <= _MAX_NUMBER:
            raise _fault(where, path, "is a number beyond all that is measured")
    elif isinstance(value, (Mapping, Sequence)):
        if len(value) > _MAX_ENTRIES:
            raise _fault(where, path, f"has {len(value):,} entries")
        for name, one in _entries(value):
            _require_plain(where, one, f"{path}.{name}" if path else name, depth + 1)


def _entries(value: Mapping[str, Any] | Sequence[Any]) -> Iterator[tuple[str, Any]]:
    if isinstance(value, Mapping):
        yield from value.items()
    else:
        yield from ((str(number), one) for number, one in enumerate(value))


def _fault(where: str, path: str, what: str) -> ResultsFileError:
    # the names of keys are untrusted as well
    name = path if len(path) <= _MAX_NAME else f"{path[:_MAX_NAME]}..."
    shown = name if name.isprintable() and name.isascii() else ascii(name)
    return ResultsFileError(f"{where} is no result of tt-forge: {shown or 'it'} {what}")
