"""Hiding what looks like a credential, in a word, a message or a record.

Hidden are passwords of URLs, tokens of well-known services, values whose name says that they are
secret, and wherever they appear the values that a command line or an environment gave to such
names. Paths and options (`lanes=4`, `num_frames=8`, `new_tokens=16`) stay as they are.
"""

from __future__ import annotations

import os
import re
from collections.abc import Iterable, Mapping
from typing import Any, Final
from urllib.parse import quote, unquote

__all__ = [
    "HIDDEN",
    "hide_credentials",
    "hide_in_record",
    "hide_in_word",
    "hide_parts",
    "is_worth_hiding",
    "names_secret",
    "passwords_in",
    "secrets_of_environment",
]

#: What is shown in place of a secret.
HIDDEN: Final = "***"
_SECRET_NAME: Final = re.compile(
    r"pass(?:w|phrase|code)|(?<![a-z])pass(?![a-z])|pwd|secret|token(?!s|i|_count|_id)"
    r"|(?<![a-z])(?:api|access|private|signing|auth)?[_-]?key(?![a-z])|credential"
    r"|(?<![a-z])auth(?![a-z])|authorization|signature|bearer|cookie",
    re.IGNORECASE,
)
#: The working folder, which a shell sets.
_FOLDER_NAMES: Final = ("PWD", "OLDPWD")
#: What is too common to be secret, and would be hidden in too many places.
_COMMON_VALUE: Final = re.compile(r"-?\d{0,3}|true|false|on|off|yes|no|none|auto", re.IGNORECASE)
_NAMED_VALUE: Final = re.compile(
    r"(?<![\w.-])(?P<name>[A-Za-z_-][\w.-]*)=(?!<not recorded>|\*\*\*)"
    r"(?P<value>'[^']+'|\"[^\"]+\"|[^\s,;&'\"()]*[^\s,;&'\"():])"
)
#: `scheme://user:password@`; the first up to the last @ of a word, as a password may hold one.
_URL_OF_WORD: Final = re.compile(r"(?P<kept>://[^/:@]*:)(?P<secret>.*)(?=@)", re.DOTALL)
#: In a message; the placeholder of a remedy stays.
_URL: Final = re.compile(r"(?P<kept>://[^/:@\s]*:)(?!PASSWORD@HOST)(?P<secret>\S*)(?=@)")
#: `https://token@host`: services of the web take a token as the user.
_URL_TOKEN: Final = re.compile(r"(?P<kept>https?://)(?P<secret>[^/:@\s]+)(?=@)", re.IGNORECASE)
#: A URL whose slashes are forgotten: `scheme:user:password@host`, `scheme//user:password@host`.
_MISTYPED_URL: Final = re.compile(
    r"(?P<kept>(?<![\w./+-])[A-Za-z][\w+.-]*(?::/{0,3}|/{1,3})[^\s/:@'\"=]+:)"
    r"(?!PASSWORD@HOST)(?P<secret>[^\s@/\\][^\s@]*)(?=@)"
)
#: `user:password@host`. `mlflow:NAME@-1` and `mlflow:NAME@1a2b` name a record by its position or
#: the start of its run_id.
_USER_AND_PASSWORD: Final = re.compile(
    r"(?P<kept>(?<![\w./+-])[^\s/:@'\"=(]+:)(?P<secret>[^\s@/\\][^\s@]*)"
    r"(?=@(?!\d+(?!\w|[.:]\w)|[0-9a-fA-F]{4,}(?![\w/-]|[.:]\w))[A-Za-z0-9\[])"
)
_BEARER: Final = re.compile(r"(?P<kept>\bbearer\s+)(?P<secret>[\w.~+/=-]{8,})", re.IGNORECASE)
_SERVICE_TOKEN: Final = re.compile(
    r"(?P<kept>)(?P<secret>\b(?:hf_|gh[opsur]_|github_pat_|glpat-|xox[abprs]-|sk-|AKIA|ASIA)"
    r"[A-Za-z0-9_-]{12,}|\beyJ[\w-]{8,}\.[\w-]{8,}\.[\w-]+)"
)
_PATTERNS: Final = (
    *(_URL, _URL_TOKEN, _MISTYPED_URL, _USER_AND_PASSWORD),
    *(_BEARER, _SERVICE_TOKEN),
)
_PARAMETER: Final = re.compile(
    r"(?P<kept>[?&;](?P<name>[^=&;\s]*)=)(?P<value>[^&;\s'\"]*[^&;\s'\":])"
)
#: A shorter secret is replaced in a text only where it is a word of its own.
_MIN_CHARACTERS: Final = 4
#: Parts of a record that hold numbers alone, and many of them.
_NUMBERS_OF_RECORD: Final = ("passes", "partial_pass")


def names_secret(name: str) -> bool:
    """Return whether the name of a variable, parameter or flag says that its value is secret."""
    return name not in _FOLDER_NAMES and _SECRET_NAME.search(name) is not None


def is_worth_hiding(value: str) -> bool:
    """Return whether a value could be a secret: it is neither a small number nor a common word."""
    return _COMMON_VALUE.fullmatch(value) is None


def hide_credentials(text: str, secrets: Iterable[str] = ()) -> str:
    """Return a text without what looks like a credential in it.

    Args:
        text: a message, or any other text.
        secrets: what is hidden anyway, percent-encoded or not.
    """
    shown = hide_parts(text, secrets)
    for pattern in _PATTERNS:
        shown = pattern.sub(rf"\g<kept>{HIDDEN}", shown)
    shown = _PARAMETER.sub(_without_parameter, shown)
    return _NAMED_VALUE.sub(_without_named_value, shown)


def hide_in_word(word: str) -> str:
    """Return a word, such as a target, without credentials: a password in it may have spaces."""
    return hide_credentials(_URL_OF_WORD.sub(rf"\g<kept>{HIDDEN}", word))


def passwords_in(word: str) -> frozenset[str]:
    """Return what `hide_in_word` hides of URLs and tokens in a word."""
    found = [match["secret"] for one in (_URL_OF_WORD, *_PATTERNS) for match in one.finditer(word)]
    named = [match for one in (_PARAMETER, _NAMED_VALUE) for match in one.finditer(word)]
    found += [match["value"].strip("'\"") for match in named if names_secret(match["name"])]
    return frozenset(filter(is_worth_hiding, found)) - {HIDDEN}


def hide_parts(text: str, secrets: Iterable[str]) -> str:
    """Return a text in which each secret is hidden, percent-encoded, escaped or not.

    A short secret is hidden only where it is a word of its own.
    """
    spellings = {
        spelling
        for one in secrets
        for spelling in (one, unquote(one), quote(one, ""), repr(one)[1:-1])
    }
    longest_first = sorted(spellings - {""}, key=lambda part: (-len(part), part))
    if not longest_first:
        return text
    pattern = "|".join(map(_part_pattern, longest_first))
    return re.sub(pattern, HIDDEN, text, flags=re.IGNORECASE)


def secrets_of_environment(environment: Mapping[str, str]) -> frozenset[str]:
    """Return the values of variables whose name says that they are secret; no paths that exist."""
    return frozenset(
        value
        for name, value in environment.items()
        if names_secret(name) and is_worth_hiding(value) and not _is_path(value)
    )


def hide_in_record(record: Mapping[str, Any], secrets: Iterable[str] = ()) -> dict[str, Any]:
    """Return a record as plain JSON values, without credentials in its texts."""
    known = frozenset(secrets)
    return {
        name: value if name in _NUMBERS_OF_RECORD else _hidden(value, known, name)
        for name, value in record.items()
    }


def _hidden(value: Any, secrets: frozenset[str], name: str = "") -> Any:
    if isinstance(value, str):
        return HIDDEN if names_secret(name) and value else hide_credentials(value, secrets)
    if isinstance(value, Mapping):
        return {key: _hidden(one, secrets, str(key)) for key, one in value.items()}
    if isinstance(value, (list, tuple)):
        return [_hidden(one, secrets) for one in value]
    return value


def _without_parameter(match: re.Match[str]) -> str:
    secret = names_secret(match["name"]) or "pass" in match["name"].lower()
    return f"{match['kept']}{HIDDEN}" if secret else match[0]


def _without_named_value(match: re.Match[str]) -> str:
    secret = names_secret(match["name"]) and is_worth_hiding(match["value"])
    return f"{match['name']}={HIDDEN}" if secret else match[0]


def _is_path(value: str) -> bool:
    return value.startswith("/") and os.path.lexists(value)


def _part_pattern(part: str) -> str:
    pattern = re.escape(part)
    return pattern if len(part) >= _MIN_CHARACTERS else rf"(?<!\w){pattern}(?!\w)"
