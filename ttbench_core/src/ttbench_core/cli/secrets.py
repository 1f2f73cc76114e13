"""The secrets of a command line: what its messages and names must not show."""

from __future__ import annotations

import re
import shlex
from collections.abc import Callable, Iterator, Sequence
from typing import Final

from ttbench_core.backends.engine_options import variables_of
from ttbench_core.record.environment import is_recorded
from ttbench_core.request.credentials import is_worth_hiding, names_secret, passwords_in

__all__ = ["secrets_of_words"]

#: `-e`, `--env`, and what they may be mistyped as.
_VARIABLES_FLAG: Final = re.compile(r"-[eE]|--e[a-z]*", re.IGNORECASE)
_FLAGS_FLAG: Final = "--vs"
#: A flag and its value in one word: `--env=A=1`, `-eA=1`.
_WITH_VALUE: Final = re.compile(r"(--[^=\s]+)=(.*)|(-e)=?(.+)", re.DOTALL)
#: The name of a variable, as most are spelled, and what is mistyped for one.
_VARIABLE: Final = re.compile(r"[A-Z_][A-Z0-9_.-]*")


def secrets_of_words(words: Sequence[str], backend: str | None = None) -> frozenset[str]:
    """Return the values in a command line that may be secret.

    Those are the values of variables, passwords of URLs, and values of flags and parameters whose
    name says that they are secret.

    Args:
        words: the command line.
        backend: the one whose variables may be shown, beside those that every record has.
    """
    patterns = variables_of(backend)

    def is_shown(name: str) -> bool:
        return is_recorded(name, patterns)

    return frozenset(filter(is_worth_hiding, _secrets(words, is_shown)))


def _secrets(words: Sequence[str], is_shown: Callable[[str], bool]) -> Iterator[str]:
    flag = ""
    for word in words:
        # the value of --vs begins with a dash, too
        joined = None if flag == _FLAGS_FLAG else _WITH_VALUE.fullmatch(word)
        value = word
        if joined is not None:
            flag, value = joined[1] or joined[3], joined[2] or joined[4] or ""
        is_flag = joined is None and flag != _FLAGS_FLAG and word.startswith("-")
        yield from passwords_in(value)
        if flag == _FLAGS_FLAG:
            yield from _secrets(_split(value), is_shown)
        elif not is_flag:
            yield from _values(flag, value, is_shown)
        flag = word if is_flag else ""


def _values(flag: str, word: str, is_shown: Callable[[str], bool]) -> Iterator[str]:
    """Yield the values of variables in a word, or all of it after a flag such as `--api-key`."""
    if names_secret(flag):
        yield word
    of_variables = _VARIABLES_FLAG.fullmatch(flag) is not None
    for piece in _split(word):
        name, equals, value = piece.partition("=")
        is_variable = of_variables or names_secret(name) or _VARIABLE.fullmatch(name)
        if equals and is_variable and not is_shown(name):
            yield value
            yield value.strip("'\"")


def _split(text: str) -> list[str]:
    try:
        return shlex.split(text)
    except ValueError:  # an open quote: hide what it may have held together, and each word
        name, _, rest = text.partition("=")
        return [*text.split(), f"{name.split()[-1] if name.split() else ''}={rest}"]
