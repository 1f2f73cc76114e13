"""Of a run that compiled only: what was compiled, in words."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Final

from ttbench_core.record.formatting import format_duration

__all__ = ["COMPILED", "compiled_text"]

#: The status of a run whose engine compiles and does not measure.
COMPILED: Final = "compiled"

_NS_PER_S: Final = 1e9
#: Of counts and seconds: records come from anywhere.
_MAX: Final = 1e9


def compiled_text(record: Mapping[str, Any]) -> str | None:
    """Give what was compiled and how long that took; None for a run that measures.

    Args:
        record: `Result.to_record()`, or the fields of a Result.
    """
    effective = record.get("effective")
    if not isinstance(effective, Mapping):
        return None
    if isinstance(kept := effective.get("compiled_only"), str):
        return kept  # of a table, which has less than a record
    if record.get("status") != COMPILED:
        return None
    parts = (_duration(effective.get("engine_compile_s")), _kernels(effective))
    return ", ".join(filter(None, parts)) or None


def _kernels(effective: Mapping[str, Any]) -> str:
    count = effective.get("kernels")
    if not isinstance(count, int) or not 0 <= count < _MAX:
        return ""
    took = _duration(effective.get("kernel_build_s"))
    return f"{count} kernel{'' if count == 1 else 's'}{' ' if took else ''}{took}"


def _duration(seconds: object) -> str:
    if not isinstance(seconds, (int, float)) or not 0 <= seconds < _MAX:
        return ""
    return f"in {format_duration(seconds * _NS_PER_S)}"
