"""Several records of one measurement, each from a process of its own, as one."""

from __future__ import annotations

import uuid
from collections.abc import Mapping, Sequence
from dataclasses import replace
from typing import Any, Final

from ttbench_core.record.deriving import derive
from ttbench_core.record.result import Result
from ttbench_core.request.options import RunOptions
from ttbench_core.running.recorded_options import recorded_options

__all__ = ["combine_results"]

#: What each process says of itself.
_PROCESS_KEYS: Final = (
    "run_id",
    "status",
    "started_at",
    "phases_ns",
    "warmup",
    "stopping",
    "host_during",
    "device_readings",
    "overhead",
    "memory",
    "energy",
    "error",
)
#: In `effective`, of sessions that count it.
_COMPILATIONS: Final = "compilations_in_passes"


def combine_results(
    options: RunOptions, results: Sequence[Result], status: str | None = None
) -> Result:
    """Make one record of the processes' records.

    What all share, and what the first alone was asked for, is the first's.
    Passes are numbered by process; everything computed is computed again.

    Args:
        options: what was asked of the whole.
        results: at least one; the last one may be failed or interrupted.
        status: of the whole; that of the last that did not go through if not given.
    """
    first, last = results[0], results[-1]
    notes = dict.fromkeys(note for result in results for note in result.notes)
    raw = replace(
        first,
        run_id=uuid.uuid4().hex,
        status=status or _status(results),
        total_time=None,
        total_samples=None,
        samples_per_sec=None,
        confidence=None,
        verdict=None,
        steady=None,
        error=last.error,
        failure=last.failure,
        requested=recorded_options(options, results[0].backend),
        args={**first.args, **_options_of_the_whole(options)},
        effective=_combined_effective(results),
        passes=[
            {**one, "process": process}
            for process, result in enumerate(results)
            for one in result.passes
        ],
        partial_pass=last.partial_pass,
        energy=_energy(results),
        notes=list(notes),
        processes=[_process_facts(result) for result in results],
    )
    return derive(raw)


def _options_of_the_whole(options: RunOptions) -> dict[str, Any]:
    asked = options.as_requested()
    return {name: asked[name] for name in ("processes", "warmup", "verify", "pcc", "roofline")}


def _combined_effective(results: Sequence[Result]) -> Mapping[str, Any]:
    """Give the first one's, with what all of them compiled within the passes."""
    counts = [result.effective.get(_COMPILATIONS) for result in results]
    known = [int(count) for count in counts if count is not None]
    return {**results[0].effective, **({_COMPILATIONS: sum(known)} if known else {})}


def _status(results: Sequence[Result]) -> str:
    """Give that of the last one that did not go through, if there is one."""
    ended = [result.status for result in results if result.status != "ok"]
    return ended[-1] if ended else "ok"


def _process_facts(result: Result) -> Mapping[str, Any]:
    record = result.to_record()
    return {name: record.get(name) for name in _PROCESS_KEYS}


def _energy(results: Sequence[Result]) -> Mapping[str, Any] | None:
    """Sum it; None where a process could not read it."""
    found = [result.energy for result in results if result.energy]
    if len(found) < len(results):
        return None
    return {"joules": sum(one["joules"] for one in found), "source": found[0]["source"]}
