"""Checks of single option values; each raises `OptionError` that names option, value and remedy."""

from __future__ import annotations

from enum import Enum
from typing import TypeVar

from ttbench_core.errors import OptionError, suggestion

__all__ = [
    "OptionEnum",
    "check_choice",
    "check_flag",
    "check_integer",
    "check_number",
    "check_text",
    "check_word",
    "require",
]


class OptionEnum(str, Enum):
    """Values of an option; each compares equal to its spelling on the command line."""

    def __str__(self) -> str:
        return str(self.value)


_Choice = TypeVar("_Choice", bound=OptionEnum)


def check_text(name: str, value: object) -> None:
    """Refuse what is no text, and the empty text."""
    if not isinstance(value, str) or not value:
        raise OptionError(f"{name} must be a name, not {value!r}")


def require(name: str, value: int | None) -> int:
    """Refuse None, and give the number."""
    if value is None:
        raise OptionError(f"{name} must be a whole number, not None")
    return value


def check_integer(
    name: str, value: int | None, *, minimum: int, maximum: int | None = None, zero_means: str = ""
) -> int | None:
    """Refuse what is no whole number within limits, and give the number; None passes.

    Args:
        name: for the message.
        value: what was given.
        minimum: the lowest.
        maximum: the highest; None is no limit.
        zero_means: what 0 means, where it is allowed too.
    """
    if value is None:
        return None
    allowed = f"{minimum} to {maximum}" if maximum is not None else f"{minimum} or more"
    if zero_means:
        allowed += f", or 0 for {zero_means}"
        if value == 0 and not isinstance(value, bool):
            return value
    if isinstance(value, bool) or not isinstance(value, int):
        raise OptionError(f"{name} must be a whole number ({allowed}), not {value!r}")
    if value < minimum or (maximum is not None and value > maximum):
        raise OptionError(f"{name} must be {allowed}, not {value}")
    return value


def check_number(name: str, value: float | None, *, above: float, maximum: float) -> float | None:
    """Refuse what is no number within limits, and give the number; None passes."""
    if value is None:
        return None
    fits = isinstance(value, (int, float)) and not isinstance(value, bool)
    if not fits or not above < value <= maximum:
        raise OptionError(
            f"{name} must be a number above {above:g} and at most {maximum:g}, not {value!r}"
        )
    return float(value)


def check_flag(name: str, value: object, *, optional: bool = False) -> None:
    """Refuse what is neither true nor false."""
    if not isinstance(value, bool) and not (optional and value is None):
        raise OptionError(f"{name} must be true or false, not {value!r}")


def check_choice(name: str, kind: type[_Choice], value: object) -> _Choice | None:
    """Give the member of an enumeration by its spelling; None passes."""
    if value is None:
        return None
    return kind(check_word(name, [member.value for member in kind], value))


def check_word(name: str, spellings: list[str], value: object) -> str:
    """Refuse a spelling that is not among the known ones."""
    if value in spellings:
        return str(value)
    hint = suggestion(value, spellings) if isinstance(value, str) else ""
    raise OptionError(f"unknown {name} {value!r}: one of {', '.join(spellings)}{hint}")
