"""Extracting the data of a report from a record, which may lack values or hold wrong ones."""

from __future__ import annotations

import math
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import replace
from typing import Any, Final

from ttbench_core.record.foreign_formats import foreign_notes
from ttbench_core.record.result import Result
from ttbench_core.record.start_time import epoch_ms
from ttbench_core.record.summary import conditions
from ttbench_core.record.tables.cells import Cell
from ttbench_core.record.tables.columns import column
from ttbench_core.results.comparison.context_differences import commit_text
from ttbench_core.results.comparison.key import Key, key_of
from ttbench_core.results.report.report_data import (
    Environment,
    Finding,
    PassTime,
    Quantile,
    Rate,
    Run,
)

__all__ = [
    "environment_of",
    "latencies_ns",
    "passes_of",
    "quantiles_of",
    "run_of",
    "sanitize",
    "truncate",
]

#: Limits that keep a page small and readable. Lengths are in characters.
_MAX_TEXT: Final = 300
_MAX_TEXTS: Final = 20
_MAX_VARIABLES: Final = 100
#: Quantiles of a distribution, its ends included.
_MAX_QUANTILES: Final = 100
#: Points of a line that can still be told apart on a screen.
_MAX_PASSES: Final = 120
_COLUMNS: Final = tuple(
    column(name)
    for name in (
        *("run_id", "model", "config", "training", "device", "dataformat", "microbatch", "unit"),
        *("verdict", "latency_p50_ns", "latency_p99_ns", "passes", "processes", "outputs_right"),
        *("interval_over", "replicates", "flops_per_input", "flops_per_s", "peak_flops_per_s"),
        *("peak_bytes_per_s", "roofline_share", "host_peak_bytes", "hash", "date"),
        "machine_name",
    )
)
_RATE: Final = tuple(
    column(name) for name in ("samples_per_sec", "estimate_per_s", "low_per_s", "high_per_s")
)
_HOST_FACTS: Final = (
    *("cpu", "logical_cores", "physical_cores", "usable_cores", "cpu_quota_cores"),
    *("memory_bytes", "governors", "system"),
)


def sanitize(result: Result) -> Result:
    """Return a result without inputs that `comparison` cannot read: records are untrusted."""
    inputs = result.model.get("inputs") or ()
    try:
        key_of(result)
    except (AttributeError, IndexError, KeyError, TypeError, ValueError):
        return replace(result, model={**result.model, "inputs": ()})
    return result if inputs else replace(result, model={**result.model, "inputs": ()})


def run_of(number: int, result: Result, environment: int) -> Run:
    """Return the data of a run.

    Args:
        number: of the run.
        result: its record, sanitized.
        environment: the number of its environment.
    """
    record = vars(result)
    return Run(
        number=number,
        key=_truncated_key(key_of(result)),
        environment=environment,
        status=truncate(result.status),
        started_at=truncate(result.started_at),
        started_ms=epoch_ms(result.started_at),
        ran=truncate(conditions(vars(result))),
        rate=_rate_of(result),
        cells={one.name: _truncated_cell(one.read(record)) for one in _COLUMNS},
        findings=tuple(_findings_of(result)),
        notes=tuple(truncate(one) for one in _items(result.notes)),
        foreign_notes=tuple(truncate(one) for one in foreign_notes(result.foreign)[:_MAX_TEXTS]),
        error=None if result.error is None else truncate(result.error),
    )


def environment_of(result: Result) -> Environment:
    """Return the environment of a run without what changes from run to run, such as load."""
    return Environment(
        host=tuple(_pairs(_host_facts(result))),
        devices=tuple(truncate(_device(one)) for one in _items(result.devices)),
        versions=tuple(_pairs(result.versions.items())),
        variables=tuple(_pairs(result.environment.items())),
    )


def quantiles_of(result: Result) -> tuple[tuple[Quantile, ...], int]:
    """Return quantiles of the latencies of all passes, and the number of latencies."""
    ordered = sorted(latencies_ns(result.passes))
    if not ordered:
        return (), 0
    last = len(ordered) - 1
    if last < _MAX_QUANTILES:
        return tuple(Quantile((at + 1) / (last + 1), ns) for at, ns in enumerate(ordered)), last + 1
    steps = [step / (_MAX_QUANTILES - 1) for step in range(_MAX_QUANTILES)]
    return tuple(Quantile(share, ordered[round(share * last)]) for share in steps), last + 1


def passes_of(result: Result) -> tuple[PassTime, ...]:
    """Return the passes; if too many, the fastest and the slowest of each stretch."""
    every = [
        PassTime(number, int(one.get("process") or 0), float(one["e2e_ns"]))
        for number, one in enumerate(result.passes, 1)
    ]
    if len(every) <= _MAX_PASSES:
        return tuple(every)
    length = math.ceil(2 * len(every) / _MAX_PASSES)
    stretches = [every[at : at + length] for at in range(0, len(every), length)]
    kept = {
        one.number: one
        for stretch in stretches
        for one in (min(stretch, key=_duration_ns), max(stretch, key=_duration_ns))
    }
    return tuple(kept[number] for number in sorted(kept))


def truncate(value: object, max_characters: int = _MAX_TEXT) -> str:
    """Return any value as a text of limited length."""
    text = str(value)
    return text if len(text) <= max_characters else f"{text[: max_characters - 1]}…"


def _duration_ns(one: PassTime) -> float:
    return one.e2e_ns


def _truncated_key(key: Key) -> Key:
    return Key(tuple((name, _truncated_cell(value)) for name, value in key.values))


def _truncated_cell(value: Cell) -> Cell:
    return truncate(value) if isinstance(value, str) else value


def _rate_of(result: Result) -> Rate | None:
    per_s, estimate, low, high = (one.read(vars(result)) for one in _RATE)
    if not result.ok or not isinstance(per_s, float) or not per_s > 0:
        return None
    ends = [one for one in (low, estimate, high) if isinstance(one, float)]
    if len(ends) < 3 or not 0 < ends[0] <= ends[1] <= ends[2]:
        return Rate(per_s, None, None)
    # up to version 3 of records, `samples_per_sec` is of the median pass: not in this interval
    return Rate(ends[1], ends[0], ends[2])


def _findings_of(result: Result) -> Iterator[Finding]:
    for one in _items((result.verdict or {}).get("findings")):
        if isinstance(one, Mapping):
            texts = [str(one[name]) for name in ("message", "remedy") if one.get(name)]
            text = f"{one.get('rule', 'finding')}: {'; '.join(texts)}"
            yield Finding(truncate(one.get("level", "hint")), truncate(text))


def _host_facts(result: Result) -> Iterator[tuple[str, object]]:
    yield "machine", result.machine_name
    yield "architecture", result.arch
    for name in _HOST_FACTS:
        yield name.replace("_", " "), result.host.get(name)
    yield "commit", commit_text(result, with_date=True)


def _device(device: object) -> str:
    if not isinstance(device, Mapping):
        return str(device)
    return ", ".join(f"{name} {value}" for name, value in device.items() if value is not None)


def _pairs(facts: Iterable[tuple[str, object]]) -> Iterator[tuple[str, str]]:
    known = [
        (truncate(name), truncate(value)) for name, value in facts if value not in (None, [], "")
    ]
    yield from known[:_MAX_VARIABLES]


def latencies_ns(passes: Sequence[Mapping[str, Any]]) -> Iterator[float]:
    """Yield the time from push to pop of every input, if a record has both."""
    for one in passes:
        pushes, pops = one.get("push_ns"), one.get("pop_ns")
        if isinstance(pushes, (list, tuple)) and isinstance(pops, (list, tuple)):
            for push, pop in zip(pushes, pops):  # noqa: B905 - an interrupted pass has more pushes
                if _is_time(push) and _is_time(pop) and pop > push:
                    yield float(pop - push)


def _is_time(value: Any) -> bool:
    return isinstance(value, (int, float)) and 0 <= value < 1e18


def _items(value: object) -> Sequence[Any]:
    return value[:_MAX_TEXTS] if isinstance(value, (list, tuple)) else ()
