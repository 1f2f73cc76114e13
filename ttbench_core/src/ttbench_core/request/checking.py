"""Checks of single option values; each raises `OptionError` that names option, value and remedy."""

from __future__ import annotations

from enum import Enum
from typing import TypeVar

from ttbench_core.errors import OptionError, suggestion

__all__ = ["Spelled", "choice", "flag", "number", "required", "text", "whole", "word"]


class Spelled(str, Enum):
    """An option value that compares equal to its own spelling."""

    def __str__(self) -> str:
        return str(self.value)


_Choice = TypeVar("_Choice", bound=Spelled)


def text(name: str, value: object) -> None:
    """Refuse what is no text with something in it."""
    if not isinstance(value, str) or not value:
        raise OptionError(f"{name} must be a name, not {value!r}")


def required(name: str, value: int | None) -> int:
    """Refuse None."""
    if value is None:
        raise OptionError(f"{name} must be a whole number, not None")
    return value


def whole(
    name: str, value: int | None, *, least: int, most: int | None = None, zero: str = ""
) -> int | None:
    """Refuse what is no whole number within limits; None passes.

    Args:
        name: for the message.
        value: what was given.
        least: the lowest.
        most: the highest.
        zero: what 0 means, where it is allowed too.
    """
    if value is None:
        return None
    allowed = f"{least} to {most}" if most is not None else f"{least} or more"
    if zero:
        allowed += f", or 0 for {zero}"
        if value == 0 and not isinstance(value, bool):
            return value
    if isinstance(value, bool) or not isinstance(value, int):
        raise OptionError(f"{name} must be a whole number ({allowed}), not {value!r}")
    if value < least or (most is not None and value > most):
        raise OptionError(f"{name} must be {allowed}, not {value}")
    return value


def number(name: str, value: float | None, *, above: float, most: float) -> float | None:
    """Refuse what is no number within limits; None passes."""
    if value is None:
        return None
    fits = isinstance(value, (int, float)) and not isinstance(value, bool)
    if not fits or not above < value <= most:
        raise OptionError(
            f"{name} must be a number above {above:g} and at most {most:g}, not {value!r}"
        )
    return float(value)


def flag(name: str, value: object, *, optional: bool = False) -> None:
    """Refuse what is neither true nor false."""
    if not isinstance(value, bool) and not (optional and value is None):
        raise OptionError(f"{name} must be true or false, not {value!r}")


def choice(name: str, kind: type[_Choice], value: object) -> _Choice | None:
    """Give the member that a spelling means; None passes."""
    if value is None:
        return None
    return kind(word(name, [member.value for member in kind], value))


def word(name: str, spellings: list[str], value: object) -> str:
    """Refuse a spelling that is not among the known ones."""
    if value in spellings:
        return str(value)
    hint = suggestion(value, spellings) if isinstance(value, str) else ""
    raise OptionError(f"unknown {name} {value!r}: one of {', '.join(spellings)}{hint}")
