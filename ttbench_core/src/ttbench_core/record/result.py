"""The record of one run, and how it looks.

The seed's keys stand at the top level under their names: `total_time`,
`total_samples`, `samples_per_sec`, `args`, `arch`, `machine_name`, `hash`,
`date`, and `error` if the run failed. All keys are told in `docs/results.md`.
Times in seconds are the headline's; everything measured is in whole ns.
"""

from __future__ import annotations

import dataclasses
import json
import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, Final

from ttbench_core.record.formatting import html_table
from ttbench_core.record.summary import label_of, one_line_summary, outputs_are_right, summary_rows

__all__ = ["SCHEMA_VERSION", "Result"]

SCHEMA_VERSION: Final = 3


@dataclass(frozen=True)
class Result:
    """One run: what was asked, what ran, what was measured.

    `status` is `ok`, `failed` or `interrupted`. Numbers that were not measured
    are None, never zero.
    """

    status: str
    #: End-to-end seconds of the median pass.
    total_time: float | None
    #: Samples of one pass.
    total_samples: int | None
    #: Samples per second of the median pass.
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
    #: Every option as it was asked, None where it was not.
    requested: Mapping[str, Any] = field(default_factory=dict)
    #: How the engine really ran it.
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
    #: The pass that an error or Ctrl-C cut short, as far as it went.
    partial_pass: Mapping[str, Any] | None = None
    #: Inputs in flight at once at most.
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
    #: What driving costs an input.
    overhead: Mapping[str, Any] | None = None
    #: What else the machine did during the passes.
    host_during: Mapping[str, Any] | None = None
    #: Whether the outputs are right.
    verification: Mapping[str, Any] | None = None
    #: Floating-point operations of an input.
    cost: Mapping[str, Any] | None = None
    #: How near the rate comes to what this machine can do.
    roofline: Mapping[str, Any] | None = None
    energy: Mapping[str, Any] | None = None
    #: Facts of each process, where there were several; empty for one.
    processes: Sequence[Mapping[str, Any]] = ()
    #: `run_id` of the run that this one took turns with.
    paired_with: str | None = None
    memory: Mapping[str, Any] = field(default_factory=dict)
    trace: Mapping[str, Any] | None = None
    #: The file that the compiled model was saved to: `file`, `size_bytes`.
    image: Mapping[str, Any] | None = None
    #: Sentences that a reader of the numbers must know.
    notes: Sequence[str] = ()
    #: What failed: `phase`, `kind`, `message`.
    failure: Mapping[str, Any] | None = None
    schema_version: int = SCHEMA_VERSION

    @property
    def ok(self) -> bool:
        """Whether the run went through."""
        return self.status == "ok"

    @property
    def samples_per_input(self) -> int:
        """Samples of one input: its microbatch, or the tokens that it becomes."""
        return int(self.model.get("samples_per_input") or self.args["microbatch"])

    @property
    def outputs_are_right(self) -> bool:
        """Whether verification did not find otherwise; True where there was none."""
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

        What JSON has no value for becomes text, and a number that is none null:
        whatever a backend or pack put in, the record can be kept.
        """
        record = {one.name: _plain(getattr(self, one.name)) for one in dataclasses.fields(self)}
        if record["error"] is None:
            del record["error"]
        return record

    @classmethod
    def from_record(cls, record: Mapping[str, Any]) -> Result:
        """Read a record back; keys that this version does not know are left out.

        Reads records of the original script too, which have the seed's keys
        alone; its error records count as failed. Raises `KeyError` where a
        seed key is missing.
        """
        known = {one.name for one in dataclasses.fields(cls)}
        # null says "not known", as every field's default does in its own way
        values = {
            name: value for name, value in record.items() if name in known and value is not None
        }
        if "status" not in values:
            values["status"] = "failed" if "error" in record else "ok"
        seed = ("total_time", "total_samples", "samples_per_sec", "args", "arch", "machine_name")
        for name in (*seed, "hash", "date"):
            values[name] = record[name]
        return cls(**values)

    def to_json(self) -> str:
        """Give the record as one line of strict JSON, in ASCII.

        ASCII, because a file name may hold bytes that no encoding has letters for.
        """
        return json.dumps(self.to_record(), allow_nan=False)

    def summary(self) -> list[tuple[str, str]]:
        """Give what a person wants to know first, as (label, text) pairs."""
        return summary_rows(vars(self))

    def __repr__(self) -> str:
        return f"<Result {one_line_summary(vars(self))}>"

    def _repr_html_(self) -> str:
        return html_table([*self.summary(), ("status", self.status)])


def _plain(value: Any) -> Any:
    if isinstance(value, Mapping):
        return {str(key): _plain(one) for key, one in value.items()}
    if isinstance(value, (list, tuple)):
        return [_plain(one) for one in value]
    if isinstance(value, float):
        return value if math.isfinite(value) else None
    if value is None or isinstance(value, (str, int)):
        return value
    return str(value)
