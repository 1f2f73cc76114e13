"""Hiding what looks like a credential, in a word, a message or a record.

Hidden are passwords of URLs, tokens of well-known services, values whose name says that they are
secret, and, as words of their own, the values that a command line or an environment gave to such
names. Paths and options (`lanes=4`, `num_frames=8`, `next_token=50256`) stay as they are.
"""

from __future__ import annotations

import json
import os
import re
from collections.abc import Iterable, Mapping
from typing import Final
from urllib.parse import quote, unquote

__all__ = [
    "HIDDEN",
    "escaped",
    "hide_credentials",
    "hide_in_report",
    "hide_in_word",
    "hide_parts",
    "is_known_secret",
    "is_worth_hiding",
    "longest_first",
    "names_secret",
    "part_pattern",
    "passwords_in",
    "secrets_of_environment",
    "spellings_of",
]

#: What is shown in place of a secret.
HIDDEN: Final = "***"
_SECRET_NAME: Final = re.compile(
    r"pass(?:w|phrase|code)|(?<![a-z])pass(?![a-z])|pwd|secret|token(?!s|i|_count|_id)"
    r"|(?<![a-z])(?:api|access|private|signing|auth)?[_-]?key(?![a-z])|credential"
    r"|(?<![a-z])auth(?![a-z])|authorization|signature|bearer|cookie",
    re.IGNORECASE,
)
#: What says that a `key` or `token` after it is secret: `api_key`, `hf_token`.
_SECRET_BEFORE: Final = re.compile(
    r"api|access|auth|bearer|gh|github|gitlab|hf|hub|private|refresh|secret|session|signing"
)
#: The working folder, which a shell sets.
_FOLDER_NAMES: Final = ("PWD", "OLDPWD")
#: What is too common to be secret, and would be hidden in too many places.
_COMMON_VALUE: Final = re.compile(
    r"-?\d{0,3}|true|false|on|off|yes|no|none|auto|(?:b?float|bfp|u?int)\d+", re.IGNORECASE
)
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
#: A shorter value of a variable is also an ordinary word: `cpu`, `fake`, `2026`.
_MIN_KNOWN: Final = 6
#: No word is as long: such a secret is hidden within others, too.
_LONGER_THAN_WORDS: Final = 16
#: What a word may begin after: no letter or digit, or an escape, as in `\\nword` and `%3Dword`.
_WORD_BEGINS: Final = (
    r"(?:(?<![^\W_])|(?<=\\[abfnrtv])|(?<=\\x[0-9a-f]{2})|(?<=\\u[0-9a-f]{4})|(?<=%[0-9a-f]{2})"
    r"|(?<=\dm))"
)
_WORD_ENDS: Final = r"(?![^\W_])"
_CHANGE: Final = re.compile(r"(?<=[A-Za-z])\d|(?<=\d)[A-Za-z]")
_MIN_RANDOM: Final = 8
_MIN_DIGITS: Final = 4


def names_secret(name: str) -> bool:
    """Return whether the name of a variable, parameter or flag says that its value is secret."""
    return name not in _FOLDER_NAMES and _SECRET_NAME.search(name) is not None


def is_worth_hiding(value: str) -> bool:
    """Return whether it could be a secret: no small number, common word or path that exists."""
    return _COMMON_VALUE.fullmatch(value) is None and not _is_path(value)


def is_known_secret(value: str) -> bool:
    """Return whether the value of a variable is hidden wherever a text has it as a word."""
    return len(value) >= _MIN_KNOWN and is_worth_hiding(value)


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


def hide_in_report(text: str) -> str:
    """Return what third-party code says about itself, without secrets of this process."""
    return hide_credentials(text, secrets_of_environment(os.environ))


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

    A secret that is no longer than words are is hidden only where it is a word of its own.
    """
    spellings = longest_first(spelling for one in secrets for spelling in spellings_of(one))
    if not spellings:
        return text
    return re.sub("|".join(map(part_pattern, spellings)), HIDDEN, text, flags=re.IGNORECASE)


def spellings_of(part: str) -> set[str]:
    """Return how a text may spell a part: percent-encoded, decoded, and escaped; none is empty."""
    return escaped((part, unquote(part), quote(part, "")))


def escaped(texts: Iterable[str]) -> set[str]:
    """Return texts with their spellings in representations and in JSON; none is empty."""
    spellings = set()
    for text in filter(None, texts):
        # repr escapes ' only in a text that has both kinds of quotes
        both_quotes = repr(f"'\"{text}")[len("'\\'\"") : -1]
        in_json = (json.dumps(text)[1:-1], json.dumps(text, ensure_ascii=False)[1:-1])
        spellings |= {text, repr(text)[1:-1], both_quotes, *in_json}
    return spellings


def longest_first(texts: Iterable[str]) -> list[str]:
    """Return texts in the order in which a pattern must try them."""
    return sorted(set(texts), key=lambda text: (-len(text), text))


def part_pattern(part: str, within_words_from: int = _LONGER_THAN_WORDS) -> str:
    """Return the pattern that finds a part in a text, in any case with `re.IGNORECASE`.

    Args:
        part: what to find; not empty.
        within_words_from: a part of fewer characters is found only as a word of its own.
    """
    pattern = re.escape(part)
    if len(part) >= within_words_from:
        return pattern
    begins = _WORD_BEGINS if part[0].isalnum() else ""
    return f"{begins}{pattern}{_WORD_ENDS if part[-1].isalnum() else ''}"


def secrets_of_environment(environment: Mapping[str, str]) -> frozenset[str]:
    """Return the values of variables whose name says that they are secret.

    Paths that exist are none, nor are values as short as ordinary words.
    """
    return frozenset(
        value
        for name, value in environment.items()
        if names_secret(name) and is_known_secret(value)
    )


def _without_parameter(match: re.Match[str]) -> str:
    secret = names_secret(match["name"]) or "pass" in match["name"].lower()
    return f"{match['kept']}{HIDDEN}" if secret else match[0]


def _without_named_value(match: re.Match[str]) -> str:
    name, value = match["name"], match["value"]
    secret = names_secret(name) and is_worth_hiding(value)
    if secret and _is_ambiguous(name):
        secret = _looks_random(value.strip("'\""))
    return f"{name}={HIDDEN}" if secret else match[0]


def _is_ambiguous(name: str) -> bool:
    """Return whether a name is a bare lower-case `key` or `token`, which need not be secret."""
    words = re.split(r"[_.-]", name)
    before = words[:-1]
    return (
        words[-1] in {"key", "token"}
        and name.islower()
        and not name.startswith("-")
        and not any(_SECRET_BEFORE.fullmatch(word) or names_secret(word) for word in before)
    )


def _looks_random(value: str) -> bool:
    """Return whether letters and digits are mixed as in no name: not in `torch.float32`."""
    digits = sum(map(str.isdigit, value))
    is_mixed = len(_CHANGE.findall(value)) > 1 or (digits >= _MIN_DIGITS and not value.isdigit())
    return len(value) >= _MIN_RANDOM and "." not in value and is_mixed


def _is_path(value: str) -> bool:
    """Return whether a value is a path that exists, or a list of such paths."""
    paths = value.split(os.pathsep)
    return all(one.startswith("/") and os.path.lexists(one) for one in paths)
