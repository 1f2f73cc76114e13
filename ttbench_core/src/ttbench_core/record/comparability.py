"""Which runs no other is compared with, because what they measured is not a device."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any, Final

from ttbench_core.record.compiled import COMPILED

__all__ = ["COMPILED_ONLY", "EMULATED", "incomparable_reason", "left_out_texts"]

COMPILED_ONLY: Final = "compiled only"
EMULATED: Final = "on an emulated device"
#: Of PyBuda, which imitate a card on the host; its older records say no more.
_EMULATED_DEVTYPES: Final = ("golden", "model")


def incomparable_reason(record: Mapping[str, Any]) -> str | None:
    """Say why nothing compares a run, `COMPILED_ONLY` or `EMULATED`; None for one that counts.

    Args:
        record: `Result.to_record()`, or the fields of a Result.
    """
    if record.get("status") == COMPILED:
        return COMPILED_ONLY
    return EMULATED if _is_on_emulated_device(record) else None


def left_out_texts(counts: Mapping[str, int]) -> Iterator[str]:
    """Say how many runs are left out: `1 run compiled only, left out`.

    Args:
        counts: by the reason.
    """
    for reason, count in counts.items():
        yield f"{count:,} run{'' if count == 1 else 's'} {reason}, left out"


def _is_on_emulated_device(record: Mapping[str, Any]) -> bool:
    effective = record.get("effective")
    if not isinstance(effective, Mapping):
        return False
    if effective.get("emulated_device") is True:
        return True
    return record.get("backend") == "pybuda" and effective.get("devtype") in _EMULATED_DEVTYPES
