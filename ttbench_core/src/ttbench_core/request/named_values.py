"""Options by name, as `-B NAME=VALUE` gives them and `engine_options={...}` of `run`."""

from __future__ import annotations

import re
import shlex
from collections.abc import Iterable, Mapping
from typing import Final

from ttbench_core.errors import OptionError
from ttbench_core.request.credentials import HIDDEN, hide_in_word
from ttbench_core.request.declared_options import plain_value

__all__ = ["check_named_values", "named_values_as_text", "parse_named_values"]

_NAME: Final = re.compile(r"[A-Za-z_][A-Za-z0-9_]*")


def check_named_values(what: str, given: object) -> dict[str, object]:
    """Check options by name, and give them as plain values.

    Args:
        what: the keyword, for messages.
        given: a mapping of names to numbers, booleans and texts.

    Raises `OptionError`.
    """
    if given is None:
        return {}
    if not isinstance(given, Mapping):
        raise OptionError(f"{what} is a mapping of names to values, not {given!r}")
    values: dict[str, object] = {}
    for name, value in given.items():
        if not isinstance(name, str) or not _NAME.fullmatch(name):
            raise OptionError(f"{what}: {name!r} is no name of an option")
        plain = plain_value(value)
        if plain is not None and not isinstance(plain, (str, int, float)):
            raise OptionError(f"{what}: {name} is a number, a text or a boolean, not {plain!r}")
        values[name] = plain
    return values


def parse_named_values(flag: str, words: Iterable[str]) -> dict[str, object]:
    """Read `NAME=VALUE` words; a name alone means true, and the last of two of a name counts.

    Args:
        flag: how they are given, for messages.
        words: what was typed.

    Raises `OptionError`.
    """
    values: dict[str, object] = {}
    for word in words:
        name, equals, value = word.partition("=")
        if not _NAME.fullmatch(name):
            shown = hide_in_word(f"{name}={HIDDEN}" if equals and value else word)
            raise OptionError(f"{flag} {shown!r} sets no option: write {flag} NAME=VALUE")
        values[name] = value if equals else True
    return values


def named_values_as_text(values: object) -> str | None:
    """Give options of a record as one text, in the order of their names; None for none.

    Args:
        values: a mapping, or the text of one, as a record that was read from a table has it.
    """
    if isinstance(values, str):
        return values or None
    if not isinstance(values, Mapping) or not values:
        return None
    return shlex.join(f"{name}={values[name]}" for name in sorted(values, key=str))
