"""The flat columns of a record: what tables, databases and data frames have of it.

A column is a name, the place in the record that it is read from, and what it means. Whatever
shows or keeps results as rows takes its columns from here; `docs/results.md` lists them.
"""

from __future__ import annotations

import functools
import itertools
import sys
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Any, Final

from ttbench_core.errors import OptionError, suggestion

__all__ = ["COLUMNS", "SHOWN", "Cell", "Column", "column", "nested", "row_of"]

Cell = str | int | float | bool | None
Step = str | int


@dataclass(frozen=True)
class Column:
    """One column: its name, type and unit, and where a record has it."""

    name: str
    #: `str`, `int`, `float` or `bool`; a cell is of this type or None.
    kind: type
    #: Keys and positions from the top of the record; the first place that holds something counts.
    places: tuple[tuple[Step, ...], ...]
    #: For people, with the unit.
    says: str
    #: Read the length of what is there instead of itself.
    counts: bool = False

    def read(self, record: Mapping[str, Any]) -> Cell:
        """Give the cell of a record; None where the record has nothing of this kind there."""
        for place in self.places:
            found = _at(record, place)
            if self.counts and isinstance(found, (list, tuple)):
                return len(found) or None  # a record from a table has none, and had some
            if found is not None:
                return _cell(found, self.kind)
        return None


def row_of(record: Mapping[str, Any]) -> dict[str, Cell]:
    """Give all cells of a record (`Result.to_record()`) by the names of their columns."""
    return {one.name: one.read(record) for one in COLUMNS}


def nested(row: Mapping[str, Cell]) -> dict[str, Any]:
    """Give the record that a row is of, as far as columns hold it.

    The seed's own keys are there in any case. What was counted cannot be given back.
    """
    record: dict[str, Any] = dict.fromkeys(_SEED)
    record["args"] = {}
    for one in COLUMNS:
        cell = row.get(one.name)
        if cell is not None and not one.counts:
            for place in one.places:
                _put(record, place, cell)
    return record


def column(name: str) -> Column:
    """Give the column of a name; raises `OptionError` with near misses."""
    found = _by_name().get(name)
    if found is None:
        raise OptionError(
            f"there is no column {name!r}{suggestion(name, _by_name())}: docs/results.md tells"
            " them, and --columns all shows them"
        )
    return found


@functools.cache
def _by_name() -> dict[str, Column]:
    return {one.name: one for one in COLUMNS}


def _at(record: Any, place: Iterable[Step]) -> Any:
    found = record
    for step in place:
        if isinstance(step, int):
            known = isinstance(found, (list, tuple)) and len(found) > step
        else:
            known = isinstance(found, Mapping) and step in found
        if not known:
            return None
        found = found[step]
    return found


def _cell(value: Any, kind: type) -> Cell:
    """Give a value as the kind of its column: records are written by anyone."""
    if kind is bool:
        return value if isinstance(value, bool) else None
    if kind is str:
        return _storable(value if isinstance(value, str) else str(value))
    if isinstance(value, bool) or not isinstance(value, (int, float)):
        return None
    if kind is float:
        return float(value) if abs(value) <= sys.float_info.max else None
    return int(value) if abs(value) <= _MOST_WHOLE and int(value) == value else None


def _storable(text: str) -> str:
    """Give a text that every file and database takes: neither half letters nor an end of text."""
    return text.encode("utf-8", "backslashreplace").decode("utf-8").replace("\0", "\\x00")


def _put(record: dict[str, Any], place: tuple[Step, ...], cell: Cell) -> None:
    inside: Any = record
    for step, following in itertools.pairwise(place):
        empty: Any = [] if isinstance(following, int) else {}
        if isinstance(step, int):
            if not inside:
                inside.append(empty)
            inside = inside[step]
        else:
            if inside.get(step) is None:
                inside[step] = empty
            inside = inside[step]
    inside[place[-1]] = cell


def _text(name: str, says: str, *places: str) -> Column:
    return _column(name, str, says, places)


def _whole(name: str, says: str, *places: str, counts: bool = False) -> Column:
    return _column(name, int, says, places, counts=counts)


def _number(name: str, says: str, *places: str) -> Column:
    return _column(name, float, says, places)


def _truth(name: str, says: str, *places: str) -> Column:
    return _column(name, bool, says, places)


def _column(
    name: str, kind: type, says: str, places: Iterable[str], *, counts: bool = False
) -> Column:
    steps = tuple(
        tuple(int(step) if step.isdigit() else step for step in place.split("/"))
        for place in (*places,)
    )
    return Column(name, kind, steps or ((name,),), says, counts)


def _distribution(what: str, key: str, said: str) -> tuple[Column, ...]:
    return (
        _number(f"{what}_mean_ns", f"mean {said}, ns", f"{key}/mean_ns"),
        *(
            _whole(f"{what}_{name}_ns", f"{name} of {said}, ns", f"{key}/{name}_ns")
            for name in ("p50", "p90", "p95", "p99", "max")
        ),
    )


#: What databases have room for.
_MOST_WHOLE: Final = 2**63 - 1
_SEED: Final = (
    *("total_time", "total_samples", "samples_per_sec", "args", "arch", "machine_name"),
    *("hash", "date"),
)

COLUMNS: Final[tuple[Column, ...]] = (
    _text("run_id", "identity of the run"),
    _text("started_at", "when it began, UTC, ISO 8601"),
    _text("status", "`ok`, `failed` or `interrupted`"),
    _text("model", "name of the model", "model/name", "args/model"),
    _text("config", "configuration", "model/config", "args/config"),
    _text("task", "what the model does", "model/task"),
    _text("pack", "distribution that has the model", "model/pack"),
    _text("pack_version", "its version", "model/pack_version"),
    _text("backend", "engine", "backend", "args/backend"),
    _text("device", "kind of the first device", "devices/0/kind", "args/device"),
    _text("device_name", "name of the first device", "devices/0/name"),
    _text("arch", "architecture of the device"),
    _text("machine_name", "host name"),
    _truth("training", "forward, loss and backward instead of forward", "args/training"),
    _text("dataformat", "data format", "args/dataformat"),
    _text("math_fidelity", "math fidelity", "args/math_fidelity"),
    _whole("backend_opt_level", "optimization level", "args/backend_opt_level"),
    _whole("microbatch", "samples of an input", "args/microbatch"),
    _whole("loop_count", "inputs of a pass", "args/loop_count"),
    _whole("chips", "devices used", "args/chips"),
    _whole("threads", "threads of the engine on the host", "args/threads"),
    _whole("layers", "layers, where they were reduced", "args/layers"),
    _whole("seq_len", "tokens of a text or prompt", "args/seq_len"),
    _whole("image_size", "rows and columns of an image", "args/image_size"),
    _whole("new_tokens", "tokens generated for a prompt", "generation/new_tokens"),
    _text("weights", "`pretrained` or a folder; empty for random ones", "args/weights"),
    _text("scenario", "`throughput` or `latency`", "args/scenario"),
    _whole("seed", "seed of random weights and inputs", "args/seed"),
    _number("samples_per_sec", "samples (or tokens) a second of the median pass"),
    _whole("total_samples", "samples of a pass"),
    _number("total_time", "seconds of the median pass"),
    _text("unit", "what a sample is: `sample` or `token`", "model/unit"),
    _number("estimate_per_s", "geometric mean over passes or processes", "confidence/estimate"),
    _number("low_per_s", "lower end of its 95 % interval", "confidence/low"),
    _number("high_per_s", "upper end of it", "confidence/high"),
    _number("half_width", "half of it, as a share of the estimate", "confidence/half_width"),
    _text("interval_over", "what the interval is over: `passes` or `processes`", "confidence/over"),
    _whole("replicates", "how many of these", "confidence/replicates"),
    _whole("passes", "passes measured, where they are in the record", "passes", counts=True),
    _whole("processes", "fresh processes", "args/processes"),
    _text("verdict", "`stable`, `noisy` or `unstable`", "verdict/verdict"),
    *_distribution("latency", "latency", "latency of an input"),
    *_distribution("ttft", "generation/ttft", "time to first token"),
    *_distribution("tpot", "generation/tpot", "time per output token"),
    *_distribution("itl", "generation/itl", "inter-token latency"),
    _number("prefill_tokens_per_s", "prompt tokens a second", "generation/prefill_tokens_per_s"),
    _number("decode_tokens_per_s", "new tokens a second", "generation/decode_tokens_per_s"),
    _number("steady_samples_per_sec", "rate of a full pipeline", "steady/samples_per_sec"),
    _whole("parameters", "parameters of the model", "model/parameters"),
    _whole("flops_per_input", "floating-point operations of an input", "cost/flops_per_input"),
    _number("flops_per_s", "what the device stage reached", "roofline/flops_per_s"),
    _number("peak_flops_per_s", "this machine's best product", "roofline/peak_flops_per_s"),
    _number("peak_bytes_per_s", "its memory", "roofline/peak_bytes_per_s"),
    _number("roofline_share", "share of the peak that was reached", "roofline/share"),
    _truth("outputs_right", "whether verification passed", "verification/passed"),
    _number("pcc", "correlation of the outputs with Fp32", "verification/pcc"),
    _number("joules_per_sample", "energy of a sample, J", "energy/joules_per_sample"),
    _whole("host_peak_bytes", "peak of the host's memory, bytes", "memory/host_peak_bytes"),
    _whole("device_peak_bytes", "peak of the device's memory, bytes", "memory/device_peak_bytes"),
    _whole("build_ns", "duration of building, ns", "phases_ns/build"),
    _whole("compile_ns", "duration of compiling, ns", "phases_ns/compile"),
    _whole("first_call_ns", "duration of the first call, ns", "phases_ns/first_call"),
    _whole("warmup_ns", "duration of the warm-up, ns", "phases_ns/warmup"),
    _text("host_cpu", "processor of the host", "host/cpu"),
    _text("host_system", "its operating system", "host/system"),
    _whole("host_cores", "cores that the run could use", "host/usable_cores"),
    _text("python_version", "version of Python", "versions/python"),
    _text("ttbench_version", "version of ttbench-core", "versions/ttbench-core"),
    _text("torch_version", "version of PyTorch", "versions/torch"),
    _text("hash", "git commit of the pack's checkout, else of ttbench's"),
    _text("date", "date of that commit"),
    _text("paired_with", "run_id of the run that it took turns with"),
    _text("error", "why the run failed"),
    _whole("schema_version", "version of the record"),
)

#: What a table shows where no columns are asked for, as far as any row has them.
SHOWN: Final = (
    *("started_at", "model", "config", "training", "device", "dataformat", "microbatch"),
    *("samples_per_sec", "unit", "half_width", "verdict", "latency_p50_ns", "outputs_right"),
    *("status", "error"),
)
