"""Hiding the secret parts of places: passwords of URLs, and what a sink's `redact` hides.

Whatever names a place in a message, a table or a file name takes its text from here.
"""

from __future__ import annotations

import re
from pathlib import Path
from typing import Final
from urllib.parse import quote, unquote

from ttbench_core.request.credentials import HIDDEN, hide_in_word
from ttbench_core.sinks.protocol import Place

__all__ = ["HIDDEN", "hide_password", "hide_secrets", "scheme_alone", "shown_place"]

_SCHEME: Final = re.compile(r"[\w.+-]+:(//)?")
#: What separates the parts of a URL.
_SEPARATORS: Final = re.compile(r"[\s/:@?&=#;,]+")
#: A shorter part of a place is replaced in a text only where it is a word of its own.
_MIN_CHARACTERS: Final = 4


def hide_password(place: object) -> str:
    """Return a place as text without its password."""
    return hide_in_word(str(place))


def shown_place(place: Place, factory: object = None) -> str:
    """Return a place as it may be shown to anyone.

    Args:
        place: what the sink opens.
        factory: the sink; its `redact` is asked, if it has one. One that raises or
            returns no text must not reveal the place: then only the scheme is shown.
    """
    redact = getattr(factory, "redact", None)
    if redact is None:
        return hide_password(place)
    try:
        shown = redact(place)
    except Exception:  # noqa: BLE001 - whatever it raises, and the message may hold the secret
        shown = None
    return hide_password(shown) if isinstance(shown, str) and shown else scheme_alone(place)


def scheme_alone(place: Place) -> str:
    """Return the scheme of a URL, or the suffix of a file, with the rest hidden."""
    if isinstance(place, Path):
        return f"{HIDDEN}{place.suffix}"
    scheme = _SCHEME.match(place)
    return f"{scheme[0] if scheme else ''}{HIDDEN}"


def hide_secrets(text: str, place: Place, shown: str) -> str:
    """Return a text, such as that of an error, without the parts of a place that are hidden.

    Args:
        text: what a library or a sink said.
        place: what the sink opened.
        shown: the same as `shown_place` gives it; each part of `place` that is not in it
            is hidden in the text, percent-encoded or not.
    """
    whole = str(place)
    hidden = _parts(whole) - _parts(shown)
    if not hidden:
        return text
    spellings = {spelling for part in hidden for spelling in (part, unquote(part), quote(part, ""))}
    longest_first = sorted(spellings - {""}, key=lambda part: (-len(part), part))
    pattern = "|".join([re.escape(whole), *map(_part_pattern, longest_first)])
    return re.sub(
        pattern,
        lambda match: shown if match[0] == whole else HIDDEN,
        text,
        flags=re.IGNORECASE,
    )


def _parts(text: str) -> set[str]:
    return set(_SEPARATORS.split(text))


def _part_pattern(part: str) -> str:
    pattern = re.escape(part)
    return pattern if len(part) >= _MIN_CHARACTERS else rf"(?<!\w){pattern}(?!\w)"
