"""Which runs of one key are replicates: they share software, commit and machine."""

from __future__ import annotations

from collections.abc import Iterable, Mapping

from ttbench_core.record.result import Result

__all__ = ["are_replicates", "without_duplicates"]


def are_replicates(one: Result, other: Result) -> bool:
    """Return whether runs of one key share software and commit, and the machine.

    That is the host, or the cell of a sweep: its key has the kind of the machine, and a sweep
    may measure the rounds of a cell on several hosts of that.
    """
    if _software(one) != _software(other):
        return False
    cell = _sweep_cell(one)
    return one.machine_name == other.machine_name or (
        cell is not None and cell == _sweep_cell(other)
    )


def without_duplicates(results: Iterable[Result]) -> tuple[Result, ...]:
    """Return runs each once: one that was appended twice is one replicate."""
    last = {result.run_id or str(id(result)): result for result in results}
    return tuple(last.values())


def _software(result: Result) -> tuple[object, ...]:
    versions = sorted((str(name), str(one)) for name, one in result.versions.items())
    commit = result.git or {"hash": result.hash}
    return (*versions, str(commit.get("hash")), bool(commit.get("dirty")))


def _sweep_cell(result: Result) -> str | None:
    cell = result.sweep.get("cell") if isinstance(result.sweep, Mapping) else None
    return cell if isinstance(cell, str) and cell else None
