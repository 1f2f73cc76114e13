"""Reading an object of tt-forge's benchmarks as a result.

What it does not say stays unknown. It has one value of what was measured, so the result has no
passes and no interval, unless ttbench wrote it, with the times of its passes. The object itself is
kept whole, in `foreign`.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Mapping
from typing import Any, Final

from ttbench_core.record.foreign_formats import TT_FORGE
from ttbench_core.record.record_checks import result_of
from ttbench_core.record.result import Result
from ttbench_core.results.tt_forge.fields import Fields, require_plain
from ttbench_core.results.tt_forge.measurements import Measurements, read_measurements
from ttbench_core.results.tt_forge.names import (
    BLOCK,
    CARRIED,
    HEADLINE,
    OWN_PROJECT,
    PASSES,
    REQUESTED_THREADS,
)
from ttbench_core.results.tt_forge.own_values import contradiction_in
from ttbench_core.results.tt_forge.told import told_of

__all__ = ["from_tt_forge"]

_NS_PER_MS: Final = 1e6
_RUN_ID_DIGITS: Final = 32


def from_tt_forge(where: str, record: Mapping[str, Any]) -> Result:
    """Return the result that an object of the format holds.

    Args:
        where: the place of the object, for messages.
        record: the object, which `is_tt_forge` recognised.

    Raises `ResultsFileError`, naming place and key, for what no file of the format has.
    """
    require_plain(where, record)
    fields = Fields(where, record)
    measured = read_measurements(fields)
    is_of_another = fields.object("config").object(BLOCK).is_empty
    run = told_of(fields, measured) if is_of_another else _kept(where, record["config"][BLOCK])
    notes = _texts(run.get("notes"))
    project = fields.text("project")
    read = {**run, **_measured(fields, measured, run)}
    if not is_of_another and (fault := contradiction_in(read, measured)):
        raise fields.fault(f"config.{BLOCK}", fault)
    return result_of(
        where,
        {
            **read,
            "status": "ok",
            "run_id": _identity(record),
            "notes": [_source_note(project, run), *notes],
            "foreign": {
                "format": TT_FORGE,
                "project": project,
                "run_id": run.get("run_id") or None,
                "notes": notes if is_of_another else [],
                "measurements": dict(measured.values),
                "record": dict(record),
            },
        },
    )


def _kept(where: str, block: Mapping[str, Any]) -> dict[str, Any]:
    """Return what a record of ttbench said when it was written in the format."""
    run: dict[str, Any] = {
        **dict.fromkeys(("arch", "hash", "date")),
        "args": {},
        "machine_name": "",
        **{name: block[name] for name in (*CARRIED, *HEADLINE, PASSES) if name in block},
        "requested": {"threads": block.get(REQUESTED_THREADS)},
    }
    # refuses what is no part of one
    result_of(f"{where}: config.{BLOCK}", {**dict.fromkeys(HEADLINE), **run})
    return run


def _measured(fields: Fields, measured: Measurements, run: Mapping[str, Any]) -> dict[str, Any]:
    """Return what was measured, as the record that ttbench wrote said it, else as the format."""
    new_tokens = fields.count("output_sequence_length")
    generation: dict[str, Any] = {} if new_tokens is None else {"new_tokens": new_tokens}
    if measured.ttft_ms is not None:
        generation["ttft"] = {"mean_ns": measured.ttft_ms * _NS_PER_MS}
    warmup = measured.warmup_inputs
    has_headline = all(run.get(name) for name in HEADLINE)
    headline = (measured.total_time_s, measured.total_samples, measured.samples_per_s)
    return {
        **({} if has_headline else dict(zip(HEADLINE, headline, strict=True))),
        "generation": run.get("generation") or generation or None,
        "warmup": None if warmup is None else {"inputs": warmup},
    }


def _identity(record: Mapping[str, Any]) -> str:
    """Return an identity for what was read: of the same object it is the same.

    It is not that of the record that ttbench wrote it of, which has more and would be hidden.
    """
    text = json.dumps(record, sort_keys=True)
    return hashlib.sha256(text.encode()).hexdigest()[:_RUN_ID_DIGITS]


def _source_note(project: str | None, run: Mapping[str, Any]) -> str:
    if run.get(PASSES):
        return "read back from the format of tt-forge, with the times of whole passes alone"
    if project == OWN_PROJECT:
        return "read back from the format of tt-forge, which has one value and no passes"
    source = f" of {project}" if project else ""
    return f"read from a file{source} in the format of tt-forge: one value, without passes"


def _texts(notes: Any) -> list[str]:
    return [str(one) for one in notes] if isinstance(notes, (list, tuple)) else []
