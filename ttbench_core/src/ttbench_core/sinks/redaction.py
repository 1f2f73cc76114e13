"""Hiding the secret parts of places: passwords of URLs, and what a sink's `redact` hides.

Whatever names a place in a message, a table or a file name takes its text from here.
"""

from __future__ import annotations

import re
from collections import Counter
from pathlib import Path
from typing import Final

from ttbench_core.request.credentials import (
    HIDDEN,
    escaped,
    hide_in_word,
    longest_first,
    part_pattern,
    spellings_of,
)
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
        shown: the same as `shown_place` gives it; each part of `place` that is not in it, or
            less often, is hidden in the text, also where it is percent-encoded or escaped as
            by `repr` or in JSON.
    """
    # counted, because the secret may also be the name of the host, say
    hidden = _parts(str(place)) - _parts(shown)
    wholes = escaped([str(place)])
    parts = longest_first(spelling for part in hidden for spelling in spellings_of(part))
    patterns = [
        *map(re.escape, longest_first(wholes)),
        *(part_pattern(part, within_words_from=_MIN_CHARACTERS) for part in parts),
    ]
    return re.sub(
        "|".join(patterns),
        lambda match: shown if match[0] in wholes else HIDDEN,
        text,
        flags=re.IGNORECASE,
    )


def _parts(text: str) -> Counter[str]:
    return Counter(_SEPARATORS.split(text))
