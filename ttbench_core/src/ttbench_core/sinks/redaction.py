"""Hiding the secret parts of places: passwords of URLs, and what a sink's `redact` hides.

Whatever names a place in a message, a table or a file name takes its text from here.
"""

from __future__ import annotations

import json
import re
from collections import Counter
from collections.abc import Iterable
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
        shown: the same as `shown_place` gives it; each part of `place` that is not in it, or
            less often, is hidden in the text, also where it is percent-encoded or escaped as
            by `repr` or in JSON.
    """
    # counted, because the secret may also be the name of the host, say
    hidden = _parts(str(place)) - _parts(shown)
    wholes = _escaped([str(place)])
    parts = _escaped(
        spelling for part in hidden for spelling in (part, unquote(part), quote(part, ""))
    )
    patterns = [*map(re.escape, _longest_first(wholes)), *map(_part_pattern, _longest_first(parts))]
    return re.sub(
        "|".join(patterns),
        lambda match: shown if match[0] in wholes else HIDDEN,
        text,
        flags=re.IGNORECASE,
    )


def _parts(text: str) -> Counter[str]:
    return Counter(_SEPARATORS.split(text))


def _escaped(texts: Iterable[str]) -> set[str]:
    """Return texts with their spellings in representations and in JSON; none is empty."""
    spellings = set()
    for text in filter(None, texts):
        # repr escapes ' only in a text that has both kinds of quotes
        both_quotes = repr(f"'\"{text}")[len("'\\'\"") : -1]
        in_json = (json.dumps(text)[1:-1], json.dumps(text, ensure_ascii=False)[1:-1])
        spellings |= {text, repr(text)[1:-1], both_quotes, *in_json}
    return spellings


def _longest_first(texts: Iterable[str]) -> list[str]:
    return sorted(texts, key=lambda text: (-len(text), text))


def _part_pattern(part: str) -> str:
    pattern = re.escape(part)
    return pattern if len(part) >= _MIN_CHARACTERS else rf"(?<!\w){pattern}(?!\w)"
