"""The secrets of a command line: what its messages and names must not show."""

from __future__ import annotations

import os
import re
import shlex
from collections.abc import Callable, Iterable, Iterator, Sequence
from typing import Final, TypeAlias

from ttbench_core.backends.engine_options import variables_of
from ttbench_core.record.environment import is_recorded
from ttbench_core.request.credentials import (
    hide_credentials,
    is_known_secret,
    is_worth_hiding,
    names_secret,
    passwords_in,
)

__all__ = ["message_without_secrets", "secrets_of_words"]

#: `-e`, `--env`, and what they may be mistyped as.
_VARIABLES_FLAG: Final = re.compile(r"-[eE]|--e[a-z]*", re.IGNORECASE)
_FLAGS_FLAG: Final = "--vs"
#: A flag and its value in one word: `--env=A=1`, `-eA=1`.
_WITH_VALUE: Final = re.compile(r"(--[^=\s]+)=(.*)|(-e)=?(.+)", re.DOTALL)
#: Where the path of a file may begin in a message, and end.
_PATH_BEGINS: Final = re.compile(r"(?:^|(?<=[\s'\"`(]))(?=\S*/)")
_PATH_ENDS: Final = re.compile(r"(?=[\s'\"`;:,)])|[.]?$")
#: Longer than those of most systems, in characters.
_MAX_PATH: Final = 1024
#: Gives what is secret of a variable and its value; nothing where its value may be shown.
_SecretOf: TypeAlias = Callable[[str, str], str]
#: The name of a variable, as most are spelled, and what is mistyped for one.
_VARIABLE: Final = re.compile(r"[A-Z_][A-Z0-9_.-]*")


def secrets_of_words(
    words: Sequence[str], backend: str | None = None, *, short: bool = False
) -> frozenset[str]:
    """Return the values in a command line that may be secret.

    Those are the values of variables, passwords of URLs, and values of flags and parameters whose
    name says that they are secret.

    Args:
        words: the command line.
        backend: the one whose variables may be shown, beside those that every record has.
        short: whether a value as short as an ordinary word is returned by itself; without it,
            such a value is returned together with its name, so that only words are hidden that
            give the variable.
    """
    patterns = variables_of(backend)

    def secret_of(name: str, value: str) -> str:
        bare = value.strip("'\"")
        if is_recorded(name, patterns) or not is_worth_hiding(bare):
            return ""
        alone = short or names_secret(name) or is_known_secret(bare)
        return value if alone else f"{name}={value}"

    found = _secrets(words, secret_of)
    return frozenset(one for one in found if one and is_worth_hiding(one))


def message_without_secrets(message: str, secrets: Iterable[str]) -> str:
    """Return a message without secrets; paths that exist stay, such as that of a rescue file.

    Args:
        message: what is to be shown, of one or several lines.
        secrets: see `secrets_of_words`.
    """
    known = frozenset(secrets)
    shown, done = [], 0
    for begin, end in _paths_in(message):
        shown += [hide_credentials(message[done:begin], known), message[begin:end]]
        done = end
    return "".join([*shown, hide_credentials(message[done:], known)])


def _paths_in(message: str) -> Iterator[tuple[int, int]]:
    """Yield where paths that exist, with at least one `/`, begin and end."""
    done = 0
    for start in _PATH_BEGINS.finditer(message):
        if start.end() < done:
            continue
        line = message[start.end() :].split("\n", 1)[0][:_MAX_PATH]
        # the longest first: a name may hold spaces
        for stop in reversed([match.start() for match in _PATH_ENDS.finditer(line)]):
            if "/" in line[1:stop] and os.path.lexists(line[:stop]):
                done = start.end() + stop
                yield start.end(), done
                break


def _secrets(words: Sequence[str], secret_of: _SecretOf) -> Iterator[str]:
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
            yield from _secrets(_split(value), secret_of)
        elif not is_flag:
            yield from _values(flag, value, secret_of)
        flag = word if is_flag else ""


def _values(flag: str, word: str, secret_of: _SecretOf) -> Iterator[str]:
    """Yield the values of variables in a word, or all of it after a flag such as `--api-key`."""
    if names_secret(flag):
        yield word
    of_variables = _VARIABLES_FLAG.fullmatch(flag) is not None
    for piece in _split(word):
        name, equals, value = piece.partition("=")
        is_variable = of_variables or names_secret(name) or _VARIABLE.fullmatch(name)
        if equals and is_variable:
            secret = secret_of(name, value)
            yield secret
            yield secret.strip("'\"")


def _split(text: str) -> list[str]:
    try:
        return shlex.split(text)
    except ValueError:  # an open quote: hide what it may have held together, and each word
        name, _, rest = text.partition("=")
        return [*text.split(), f"{name.split()[-1] if name.split() else ''}={rest}"]
