"""Which runs of one key are replicates: they share software, commit and machine."""

from __future__ import annotations

from collections.abc import Iterable, Mapping

from ttbench_core.record.result import Result

__all__ = ["are_replicates", "measured_run", "without_duplicates"]


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
    """Return runs each once: one that was appended twice is one replicate.

    So is a run and what was read back of it from another format, which holds less.
    """
    last: dict[str, Result] = {}
    for result in results:
        run = measured_run(result) or str(id(result))
        if result.foreign is None or run not in last or last[run].foreign is not None:
            last[run] = result
    return tuple(last.values())


def measured_run(result: Result) -> str:
    """Return the `run_id` of the run that was measured, also of one that was read back."""
    original = (result.foreign or {}).get("run_id")
    return original if isinstance(original, str) and original else result.run_id


def _software(result: Result) -> tuple[object, ...]:
    versions = sorted((str(name), str(one)) for name, one in result.versions.items())
    commit = result.git or {"hash": result.hash}
    return (*versions, str(commit.get("hash")), bool(commit.get("dirty")))


def _sweep_cell(result: Result) -> str | None:
    cell = result.sweep.get("cell") if isinstance(result.sweep, Mapping) else None
    return cell if isinstance(cell, str) and cell else None
