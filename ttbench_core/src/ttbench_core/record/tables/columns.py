"""The columns of a record, as tables, databases and data frames have them.

Whatever shows or stores results as rows takes its columns from here; `docs/results.md` lists them.
"""

from __future__ import annotations

import functools
from collections.abc import Iterable, Mapping
from typing import Any, Final

from ttbench_core.errors import OptionError, suggestion
from ttbench_core.record.compiled import compiled_text
from ttbench_core.record.machines import machine_text
from ttbench_core.record.tables.cells import Cell, Column, put

__all__ = ["COLUMNS", "DEFAULT_COLUMNS", "column", "record_of", "row_of"]


def row_of(record: Mapping[str, Any]) -> dict[str, Cell]:
    """Give all cells of a record (`Result.to_record()`) by the names of their columns."""
    return {one.name: one.read(record) for one in COLUMNS}


def record_of(row: Mapping[str, Cell]) -> dict[str, Any]:
    """Give the record that a row is of, as far as columns have it.

    The keys of the original script are always in it; lists that were counted are not.
    """
    record: dict[str, Any] = dict.fromkeys(_ORIGINAL_KEYS)
    record["args"] = {}
    for one in COLUMNS:
        cell = row.get(one.name)
        if cell is not None and not one.is_count:
            for path in one.paths:
                put(record, path, cell)
    return record


def column(name: str) -> Column:
    """Find a column by its name; raises `OptionError` with near misses."""
    found = _by_name().get(name)
    if found is None:
        raise OptionError(
            f"there is no column {name!r}{suggestion(name, _by_name())}: docs/results.md lists"
            " them, and --columns all shows them"
        )
    return found


@functools.cache
def _by_name() -> dict[str, Column]:
    return {one.name: one for one in COLUMNS}


def _text(name: str, description: str, *paths: str) -> Column:
    return _column(name, str, description, paths)


def _integer(name: str, description: str, *paths: str, is_count: bool = False) -> Column:
    return _column(name, int, description, paths, is_count=is_count)


def _number(name: str, description: str, *paths: str) -> Column:
    return _column(name, float, description, paths)


def _boolean(name: str, description: str, *paths: str) -> Column:
    return _column(name, bool, description, paths)


def _column(
    name: str, kind: type, description: str, paths: Iterable[str], *, is_count: bool = False
) -> Column:
    found = tuple(
        tuple(int(step) if step.isdigit() else step for step in path.split("/")) for path in paths
    )
    return Column(name, kind, found or ((name,),), description, is_count)


def _distribution(prefix: str, key: str, description: str) -> tuple[Column, ...]:
    return (
        _number(f"{prefix}_mean_ns", f"mean {description}, ns", f"{key}/mean_ns"),
        *(
            _integer(f"{prefix}_{name}_ns", f"{name} of {description}, ns", f"{key}/{name}_ns")
            for name in ("p50", "p90", "p95", "p99", "max")
        ),
    )


_ORIGINAL_KEYS: Final = (
    *("total_time", "total_samples", "samples_per_sec", "args", "arch", "machine_name"),
    *("hash", "date"),
)

COLUMNS: Final[tuple[Column, ...]] = (
    _text("run_id", "identity of the run"),
    _text("started_at", "when it began, UTC, ISO 8601"),
    _text("status", "`ok`, `failed`, `interrupted`, `refused` or `compiled`"),
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
    Column(
        "machine",
        str,
        (("host", "description"),),
        "kind of machine: what its sweep calls it, else accelerators, processor and cores",
        compute=machine_text,
    ),
    _boolean("training", "forward, loss and backward instead of forward", "args/training"),
    _text("dataformat", "data format", "args/dataformat"),
    _text("math_fidelity", "math fidelity", "args/math_fidelity"),
    _integer("backend_opt_level", "optimization level", "args/backend_opt_level"),
    _integer("microbatch", "samples of an input", "args/microbatch"),
    _integer("loop_count", "inputs of a pass", "args/loop_count"),
    _integer("chips", "devices used", "args/chips"),
    _integer("threads", "threads of the engine on the host", "args/threads"),
    _integer("layers", "layers, where they were reduced", "args/layers"),
    _integer("seq_len", "tokens of a text or prompt", "args/seq_len"),
    _integer("image_size", "rows and columns of an image", "args/image_size"),
    _integer("new_tokens", "tokens generated for a prompt", "generation/new_tokens"),
    _text("weights", "`pretrained` or a folder; empty for random ones", "args/weights"),
    _text(
        "model_options",
        "options of the model that are not the default, `NAME=VALUE ...`",
        "args/model_options",
    ),
    _text("engine_options", "the same of the engine", "args/engine_options"),
    _text("scenario", "`throughput` or `latency`", "args/scenario"),
    _integer("seed", "seed of random weights and inputs", "args/seed"),
    _number(
        "samples_per_sec", "samples (or tokens) a second: geometric mean over passes or processes"
    ),
    _integer("total_samples", "samples of a pass"),
    _number("total_time", "seconds of a pass, by the same mean"),
    _text("unit", "what a sample is: `sample` or `token`", "model/unit"),
    _number("estimate_per_s", "the same; empty without an interval", "confidence/estimate"),
    _number("low_per_s", "lower end of its 95 % interval", "confidence/low"),
    _number("high_per_s", "upper end of it", "confidence/high"),
    _number("half_width", "half of its width, as a share of the estimate", "confidence/half_width"),
    _text("interval_over", "what the interval is over: `passes` or `processes`", "confidence/over"),
    _integer("replicates", "how many of these", "confidence/replicates"),
    _integer("passes", "passes measured, where they are in the record", "passes", is_count=True),
    _integer("processes", "fresh processes", "args/processes"),
    _text("verdict", "`stable`, `noisy` or `unstable`", "verdict/verdict"),
    *_distribution("latency", "latency", "latency of an input"),
    *_distribution("ttft", "generation/ttft", "time to first token"),
    *_distribution("tpot", "generation/tpot", "time per output token"),
    *_distribution("itl", "generation/itl", "inter-token latency"),
    _number("prefill_tokens_per_s", "prompt tokens a second", "generation/prefill_tokens_per_s"),
    _number("decode_tokens_per_s", "new tokens a second", "generation/decode_tokens_per_s"),
    _number("steady_samples_per_sec", "rate of a full pipeline", "steady/samples_per_sec"),
    _integer("parameters", "parameters of the model", "model/parameters"),
    _integer("flops_per_input", "floating-point operations of an input", "cost/flops_per_input"),
    _number("flops_per_s", "what the device stage reached", "roofline/flops_per_s"),
    _number("peak_flops_per_s", "this machine's best product", "roofline/peak_flops_per_s"),
    _number("peak_bytes_per_s", "its memory", "roofline/peak_bytes_per_s"),
    _number("roofline_share", "share of the peak that was reached", "roofline/share"),
    _boolean("outputs_right", "whether verification passed", "verification/passed"),
    _number("pcc", "correlation of the outputs with Fp32", "verification/pcc"),
    _number("joules_per_sample", "energy of a sample, J", "energy/joules_per_sample"),
    _integer("host_peak_bytes", "peak of the host's memory, bytes", "memory/host_peak_bytes"),
    _integer("device_peak_bytes", "peak of the device's memory, bytes", "memory/device_peak_bytes"),
    _integer("build_ns", "duration of building, ns", "phases_ns/build"),
    _integer("compile_ns", "duration of compiling, ns", "phases_ns/compile"),
    Column(
        "compiled",
        str,
        (("effective", "compiled_only"),),
        "of a run that compiled only: how long that took, and its kernels",
        compute=compiled_text,
    ),
    _integer("first_call_ns", "duration of the first call, ns", "phases_ns/first_call"),
    _integer("warmup_ns", "duration of the warm-up, ns", "phases_ns/warmup"),
    _text("host_cpu", "processor of the host", "host/cpu"),
    _text("host_system", "its operating system", "host/system"),
    _integer("host_cores", "cores that the run could use", "host/usable_cores"),
    _text("python_version", "version of Python", "versions/python"),
    _text("ttbench_version", "version of ttbench-core", "versions/ttbench-core"),
    _text("torch_version", "version of PyTorch", "versions/torch"),
    _text("hash", "git commit of the pack's checkout, else of ttbench's"),
    _text("date", "date of that commit"),
    _text("paired_with", "run_id of the run that it took turns with"),
    _text("sweep", "name of the sweep", "sweep/name"),
    _text("sweep_cell", "key of the cell of the sweep", "sweep/cell"),
    _integer("sweep_round", "round of the sweep, from 1", "sweep/round"),
    _text("error", "why the run failed"),
    _integer("schema_version", "version of the record"),
)

#: The columns of a table where none are requested, as far as any row has them.
DEFAULT_COLUMNS: Final = (
    *("started_at", "model", "config", "training", "device", "dataformat", "microbatch"),
    *("samples_per_sec", "unit", "half_width", "verdict", "latency_p50_ns", "outputs_right"),
    *("status", "compiled", "error"),
)
