"""The record of one run, and how it is shown.

The keys of the original script are at the top level under their names: `total_time`,
`total_samples`, `samples_per_sec`, `args`, `arch`, `machine_name`, `hash`,
`date`, and `error` if the run failed. `docs/results.md` lists all keys.
Times in seconds are the headline's; everything measured is in whole ns.
"""

from __future__ import annotations

import dataclasses
import json
import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, Final

from ttbench_core.record.comparability import incomparable_reason
from ttbench_core.record.compiled import COMPILED
from ttbench_core.record.html_tables import labelled_table
from ttbench_core.record.summary import (
    label_of,
    one_line_summary,
    outputs_are_right,
    summary_rows,
    text_of,
)

__all__ = ["LOST", "SCHEMA_VERSION", "Result"]

#: The phase of a failed run that ended with the machine that it ran on.
LOST: Final = "lost"

SCHEMA_VERSION: Final = 4


@dataclass(frozen=True)
class Result:
    """One run: what was requested, what ran, what was measured.

    `status` is `ok`, `failed`, `interrupted`, `compiled` of an engine that compiles only, or, in
    a sweep, `refused`. Numbers that were not measured are None, never zero.
    """

    status: str
    #: End-to-end seconds of a pass: the geometric mean over the replicates, which are the
    #: passes of one process, or the geometric means of several processes.
    total_time: float | None
    #: Samples of one pass.
    total_samples: int | None
    #: Samples of one pass over its time: the estimate of `confidence`.
    samples_per_sec: float | None
    #: Every option by its long flag, with the value that ran.
    args: Mapping[str, Any]
    #: Architecture of the device: `x86_64`, `sm_90`.
    arch: str | None
    machine_name: str
    #: Git commit of the pack's checkout, else of ttbench's, else None.
    hash: str | None
    date: str | None
    #: Why the run failed, in one line.
    error: str | None = None
    run_id: str = ""
    #: UTC, ISO 8601.
    started_at: str = ""
    #: Every option as it was requested, None where it was not.
    requested: Mapping[str, Any] = field(default_factory=dict)
    #: How the engine actually ran it.
    effective: Mapping[str, Any] = field(default_factory=dict)
    model: Mapping[str, Any] = field(default_factory=dict)
    backend: str | None = None
    devices: Sequence[Mapping[str, Any]] = ()
    host: Mapping[str, Any] = field(default_factory=dict)
    versions: Mapping[str, str] = field(default_factory=dict)
    environment: Mapping[str, str] = field(default_factory=dict)
    git: Mapping[str, Any] | None = None
    #: Duration of each phase, in the order they ran.
    phases_ns: Mapping[str, int] = field(default_factory=dict)
    warmup: Mapping[str, Any] | None = None
    #: Each pass with `process`, `e2e_ns`, `push_ns`, `pop_ns`, and `token_ns` where it generates.
    passes: Sequence[Mapping[str, Any]] = ()
    #: The pass that an error or Ctrl-C ended early: the inputs that were complete.
    partial_pass: Mapping[str, Any] | None = None
    #: Maximum number of inputs in flight at once.
    in_flight: int | None = None
    #: Why no further pass was measured: `rule`, `reason`, `have`, `want`.
    stopping: Mapping[str, Any] | None = None
    #: 95 % interval of samples per second, and what it is over.
    confidence: Mapping[str, Any] | None = None
    #: Whether the number can be trusted: `verdict` and `findings`.
    verdict: Mapping[str, Any] | None = None
    #: From push to output of each input.
    latency: Mapping[str, Any] | None = None
    #: Of a model that generates: `ttft`, `tpot`, `itl`, tokens and rates.
    generation: Mapping[str, Any] | None = None
    #: From each output to the next.
    output_interval: Mapping[str, Any] | None = None
    #: Rate once the pipeline is full, and the share that filling it takes.
    steady: Mapping[str, Any] | None = None
    littles_law: Mapping[str, Any] | None = None
    #: What the harness costs for each input.
    overhead: Mapping[str, Any] | None = None
    #: What else the machine did during the passes.
    host_during: Mapping[str, Any] | None = None
    #: Temperature and power of the devices `before` and `after` the passes, by which `source`.
    device_readings: Mapping[str, Any] | None = None
    #: Whether the outputs are right.
    verification: Mapping[str, Any] | None = None
    #: Floating-point operations of an input.
    cost: Mapping[str, Any] | None = None
    #: How close the rate comes to the peak of this machine.
    roofline: Mapping[str, Any] | None = None
    energy: Mapping[str, Any] | None = None
    #: Facts of each process, where there were several; empty for one.
    processes: Sequence[Mapping[str, Any]] = ()
    #: `run_id` of the run that this one took turns with.
    paired_with: str | None = None
    #: Of a run of a sweep: which sweep, cell and round it is of.
    sweep: Mapping[str, Any] | None = None
    memory: Mapping[str, Any] = field(default_factory=dict)
    trace: Mapping[str, Any] | None = None
    #: The file that the compiled model was saved to: `file`, `size_bytes`.
    image: Mapping[str, Any] | None = None
    #: Of a result that another tool wrote: what it wrote and what is known of it.
    foreign: Mapping[str, Any] | None = None
    #: Sentences that readers of the numbers must know.
    notes: Sequence[str] = ()
    #: What failed: `phase`, `kind`, `message`.
    failure: Mapping[str, Any] | None = None
    schema_version: int = SCHEMA_VERSION

    @property
    def ok(self) -> bool:
        """Whether the run measured, and finished without an error."""
        return self.status == "ok"

    @property
    def is_compiled_only(self) -> bool:
        """Whether its engine compiled the model and measured nothing: nothing compares it."""
        return self.status == COMPILED

    @property
    def is_comparable(self) -> bool:
        """Whether it may be compared: not of a run that compiled only or of an emulated device."""
        return self.incomparable_reason is None

    @property
    def incomparable_reason(self) -> str | None:
        """Why nothing compares it; None for a run that may be compared."""
        return incomparable_reason(vars(self))

    @property
    def samples_per_input(self) -> int:
        """Samples of one input: its microbatch, or the tokens generated for it."""
        return int(self.model.get("samples_per_input") or self.args["microbatch"])

    @property
    def is_lost(self) -> bool:
        """Whether it ended with the machine that it ran on: that says nothing of the run."""
        return not self.ok and (self.failure or {}).get("phase") == LOST

    @property
    def outputs_are_right(self) -> bool:
        """Whether verification did not fail; True where there was none."""
        return outputs_are_right(vars(self))

    @property
    def is_stable(self) -> bool:
        """Whether there is a verdict and it is not `unstable`."""
        return self.verdict is not None and self.verdict.get("verdict") != "unstable"

    @property
    def label(self) -> str:
        """Model and configuration, for people."""
        return label_of(vars(self))

    def to_record(self) -> dict[str, Any]:
        """Give the record as plain JSON values; `error` only when there is one.

        Values that JSON does not have become text, and NaN and infinity null, so that
        a record can be stored whatever a backend or pack has put into it.
        """
        record = {
            field.name: _json_value(getattr(self, field.name)) for field in dataclasses.fields(self)
        }
        if record["error"] is None:
            del record["error"]
        return record

    @classmethod
    def from_record(cls, record: Mapping[str, Any]) -> Result:
        """Read a record back; keys that this version does not know are left out.

        Reads records of the original script too, which have only its own keys;
        its error records count as failed. Raises `KeyError` where one of those
        keys is missing.
        """
        known = {field.name for field in dataclasses.fields(cls)}
        # null means "not known", as the default of every field does
        values = {
            name: value for name, value in record.items() if name in known and value is not None
        }
        if "status" not in values:
            values["status"] = "failed" if "error" in record else "ok"
        original = (
            "total_time",
            "total_samples",
            "samples_per_sec",
            "args",
            "arch",
            "machine_name",
        )
        for name in (*original, "hash", "date"):
            values[name] = record[name]
        return cls(**values)

    def to_json(self) -> str:
        """Give the record as one line of strict JSON, in ASCII.

        ASCII, because a file name may contain bytes that are not valid in any encoding.
        """
        return json.dumps(self.to_record(), allow_nan=False)

    def summary(self) -> list[tuple[str, str]]:
        """Give the most important facts, as (label, text) pairs."""
        return summary_rows(vars(self))

    def __repr__(self) -> str:
        return f"<Result {one_line_summary(vars(self))}>"

    def _repr_html_(self) -> str:
        return labelled_table([*self.summary(), ("status", text_of(self.status))])


def _json_value(value: Any) -> Any:
    if isinstance(value, Mapping):
        return {str(key): _json_value(one) for key, one in value.items()}
    if isinstance(value, (list, tuple)):
        return [_json_value(one) for one in value]
    if isinstance(value, float):
        return value if math.isfinite(value) else None
    if value is None or isinstance(value, (str, int)):
        return value
    return str(value)
