"""What can be appended to can be read back: both are decided by reading it.

A sink reads a file as `show` does before it appends to it, and so does the check of a target
before anything runs.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable
from pathlib import Path
from typing import Any

from ttbench_core.errors import ResultsFileError, TargetError
from ttbench_core.record.record_checks import result_of

__all__ = ["count_results", "require_readable"]


def count_results(records: Iterable[tuple[str, Any]]) -> int:
    """Count what a file holds, before something is appended to it.

    Args:
        records: location and value of each, as the sink of the file reads them.

    Raises `TargetError` where the file holds anything else than results.
    """
    count = 0
    try:
        for where, record in records:
            result_of(where, record)
            count += 1
    except ResultsFileError as error:
        raise TargetError(
            f"cannot append results: {error}; repair the file or name another one"
        ) from error
    return count


def require_readable(path: Path, factory: object) -> None:
    """Raise `TargetError` if a file is there and holds something else than results.

    Args:
        path: the file, which need not exist.
        factory: of the sink; one that does not read its places back checks nothing.
    """
    records: Callable[[Path], Iterable[tuple[str, Any]]] | None = getattr(factory, "records", None)
    if records is not None and path.exists():
        count_results(records(path))
