"""What another tool's benchmarks wrote: recognised by its keys, never by its file; its notes."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Final

__all__ = ["TT_FORGE", "foreign_notes", "is_tt_forge"]

#: The name of the format that Tenstorrent's tt-forge, tt-xla and tt-forge-onnx benchmarks write.
TT_FORGE: Final = "tt-forge"
#: All its writers have these, and one of the second ones. A record of ttbench has no list of
#: measurements, and has the keys of the original script, of which these have none.
_ALWAYS: Final = frozenset({"model", "measurements"})
_EITHER: Final = frozenset({"run_type", "device_info"})
_NEVER: Final = frozenset({"args", "samples_per_sec", "total_time"})


def is_tt_forge(record: object) -> bool:
    """Return whether a JSON value is an object of that format, sound or damaged."""
    if not isinstance(record, Mapping):
        return False
    keys: set[Any] = set(record)
    return keys >= _ALWAYS and bool(keys & _EITHER) and not keys & _NEVER


def foreign_notes(foreign: Mapping[str, Any] | None) -> tuple[str, ...]:
    """Return what a reader of the rate of another tool's result must know.

    Args:
        foreign: the field of that name of a result, untrusted.
    """
    notes = (foreign or {}).get("notes")
    return tuple(map(str, notes)) if isinstance(notes, (list, tuple)) else ()
