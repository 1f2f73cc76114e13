"""Environment variables: those of a run, as `--env` spells them, and those of interpreters."""

from __future__ import annotations

import os
import re
import shlex
from collections.abc import Mapping
from typing import Final

from ttbench_core.errors import OptionError
from ttbench_core.request.credentials import HIDDEN

__all__ = ["environment_of_others", "parse_variables", "variables_as_text"]

#: What would let another interpreter find the packages of this one.
_OF_THIS_PYTHON: Final = ("PYTHONPATH", "PYTHONHOME", "PYTHONEXECUTABLE", "__PYVENV_LAUNCHER__")
_NAME: Final = re.compile(r"[A-Za-z_][A-Za-z0-9_]*")


def variables_as_text(env: object) -> str | None:
    """Check `env`, and give a mapping as text; None where it sets nothing.

    Raises `OptionError` for anything else.
    """
    if env is None:
        return None
    if isinstance(env, Mapping):
        env = shlex.join(f"{name}={value}" for name, value in env.items())
    if not isinstance(env, str):
        kind = type(env).__name__
        raise OptionError(f'env is text such as "NAME=1 OTHER", or a mapping, not a {kind}')
    return env if parse_variables(env) else None


def parse_variables(env: str) -> dict[str, str]:
    """Read variables from their text; a name alone means 1.

    Raises `OptionError` for words that set none.
    """
    try:
        words = shlex.split(env)
    except ValueError as error:
        # not the text: it may hold a secret
        raise OptionError(f"--env cannot be read: {error}") from None
    return dict(_parse_variable(number, word) for number, word in enumerate(words, 1))


def environment_of_others() -> dict[str, str]:
    """Give the variables of this process that another interpreter gets: it has its own packages."""
    return {name: value for name, value in os.environ.items() if name not in _OF_THIS_PYTHON}


def _parse_variable(number: int, word: str) -> tuple[str, str]:
    name, equals, value = word.partition("=")
    if not equals and name.upper() != name:
        # not the word: it may be the rest of a value, and that a secret
        raise OptionError(
            f"--env: word {number} is no NAME=VALUE: quote a value that has blanks; NAME alone,"
            " in capitals, sets it to 1"
        )
    if not _NAME.fullmatch(name):
        named = f" ({name}={HIDDEN})" if equals and name.isprintable() else ""
        raise OptionError(
            f"--env: word {number}{named} sets no variable: write NAME=VALUE, or NAME for 1"
        )
    if "\0" in value:
        raise OptionError(f"--env {name}: a value cannot hold a null character")
    return name, value if equals else "1"
