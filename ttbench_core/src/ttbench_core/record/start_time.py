"""When a run started, as a number: records have it as text, and untrusted ones have any text."""

from __future__ import annotations

from datetime import datetime, timezone
from typing import Any

__all__ = ["epoch_ms"]


def epoch_ms(text: Any) -> float | None:
    """Return an ISO 8601 time as milliseconds since 1970; it is UTC if it has no time zone.

    None for anything else.
    """
    try:
        moment = datetime.fromisoformat(str(text).replace("Z", "+00:00"))
        aware = moment if moment.tzinfo else moment.replace(tzinfo=timezone.utc)
        return aware.timestamp() * 1e3
    except (OverflowError, ValueError):
        return None
