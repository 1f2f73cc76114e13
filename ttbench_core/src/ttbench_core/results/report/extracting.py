"""One record in, its facts out: whatever the record lacks or holds instead."""

from __future__ import annotations

import math
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import replace
from datetime import datetime, timezone
from typing import Any, Final

from ttbench_core.record.result import Result
from ttbench_core.record.summary import conditions
from ttbench_core.record.tables.cells import Cell
from ttbench_core.record.tables.columns import column
from ttbench_core.results.comparison.key import Key, key_of
from ttbench_core.results.report.facts import Environment, Finding, PassTime, Quantile, Rate, Run

__all__ = [
    "clipped",
    "environment_of",
    "latencies_ns",
    "moment_ms",
    "passes_of",
    "quantiles_of",
    "run_of",
    "tamed",
]

#: A page stays small and readable also where a record holds a book.
_LONGEST_TEXT: Final = 300
_MOST_TEXTS: Final = 20
_MOST_VARIABLES: Final = 100
#: Quantiles of a distribution: its ends, and every hundredth part between.
_MOST_QUANTILES: Final = 100
#: Points of a line that a screen can tell from each other.
_MOST_PASSES: Final = 120
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
_RATE: Final = tuple(column(name) for name in ("samples_per_sec", "low_per_s", "high_per_s"))
_HOST_FACTS: Final = (
    *("cpu", "logical_cores", "physical_cores", "usable_cores", "cpu_quota_cores"),
    *("memory_bytes", "governors", "system"),
)


def tamed(result: Result) -> Result:
    """Give a result without what `comparison` would stumble over: records are written by anyone."""
    inputs = result.model.get("inputs") or ()
    try:
        key_of(result)
    except (AttributeError, IndexError, KeyError, TypeError, ValueError):
        return replace(result, model={**result.model, "inputs": ()})
    return result if inputs else replace(result, model={**result.model, "inputs": ()})


def run_of(number: int, result: Result, environment: int) -> Run:
    """Give the facts of a run.

    Args:
        number: of the run.
        result: its record, tamed.
        environment: the number of where it took place.
    """
    record = vars(result)
    return Run(
        number=number,
        key=_short(key_of(result)),
        environment=environment,
        status=clipped(result.status),
        started_at=clipped(result.started_at),
        started_ms=moment_ms(result.started_at),
        ran=clipped(conditions(vars(result))),
        rate=_rate_of(result),
        cells={one.name: _clipped_cell(one.read(record)) for one in _COLUMNS},
        findings=tuple(_findings_of(result)),
        notes=tuple(clipped(one) for one in _listed(result.notes)),
        error=None if result.error is None else clipped(result.error),
    )


def environment_of(result: Result) -> Environment:
    """Give where a run took place; what changes from run to run, such as load, is left out."""
    return Environment(
        host=tuple(_pairs(_host_facts(result))),
        devices=tuple(clipped(_device(one)) for one in _listed(result.devices)),
        versions=tuple(_pairs(result.versions.items())),
        variables=tuple(_pairs(result.environment.items())),
    )


def quantiles_of(result: Result) -> tuple[tuple[Quantile, ...], int]:
    """Give the distribution of the latencies of all passes, and of how many it is."""
    ordered = sorted(latencies_ns(result.passes))
    if not ordered:
        return (), 0
    last = len(ordered) - 1
    if last < _MOST_QUANTILES:
        return tuple(Quantile((at + 1) / (last + 1), ns) for at, ns in enumerate(ordered)), last + 1
    steps = [step / (_MOST_QUANTILES - 1) for step in range(_MOST_QUANTILES)]
    return tuple(Quantile(share, ordered[round(share * last)]) for share in steps), last + 1


def passes_of(result: Result) -> tuple[PassTime, ...]:
    """Give the passes; of very many, the fastest and the slowest of each stretch."""
    every = [
        PassTime(number, int(one.get("process") or 0), float(one["e2e_ns"]))
        for number, one in enumerate(result.passes, 1)
    ]
    if len(every) <= _MOST_PASSES:
        return tuple(every)
    length = math.ceil(2 * len(every) / _MOST_PASSES)
    stretches = [every[at : at + length] for at in range(0, len(every), length)]
    kept = {
        one.number: one
        for stretch in stretches
        for one in (min(stretch, key=_time), max(stretch, key=_time))
    }
    return tuple(kept[number] for number in sorted(kept))


def moment_ms(text: Any) -> float | None:
    """Give ISO 8601 as milliseconds since 1970; UTC where it names no zone."""
    try:
        moment = datetime.fromisoformat(str(text).replace("Z", "+00:00"))
        aware = moment if moment.tzinfo else moment.replace(tzinfo=timezone.utc)
        return aware.timestamp() * 1e3
    except (OverflowError, ValueError):
        return None


def clipped(value: object, longest: int = _LONGEST_TEXT) -> str:
    """Give any value as a text that is not too long."""
    text = str(value)
    return text if len(text) <= longest else f"{text[: longest - 1]}…"


def _time(one: PassTime) -> float:
    return one.e2e_ns


def _short(key: Key) -> Key:
    return Key(tuple((name, _clipped_cell(value)) for name, value in key.values))


def _clipped_cell(value: Cell) -> Cell:
    return clipped(value) if isinstance(value, str) else value


def _rate_of(result: Result) -> Rate | None:
    per_s, low, high = (one.read(vars(result)) for one in _RATE)
    if not result.ok or not isinstance(per_s, float) or not per_s > 0:
        return None
    if not (isinstance(low, float) and isinstance(high, float) and 0 < low <= high):
        return Rate(per_s, None, None)
    return Rate(per_s, low, high)


def _findings_of(result: Result) -> Iterator[Finding]:
    for one in _listed((result.verdict or {}).get("findings")):
        if isinstance(one, Mapping):
            said = [str(one[name]) for name in ("message", "remedy") if one.get(name)]
            text = f"{one.get('rule', 'finding')}: {'; '.join(said)}"
            yield Finding(clipped(one.get("level", "hint")), clipped(text))


def _host_facts(result: Result) -> Iterator[tuple[str, object]]:
    yield "machine", result.machine_name
    yield "architecture", result.arch
    for name in _HOST_FACTS:
        yield name.replace("_", " "), result.host.get(name)
    yield "commit", _commit(result)


def _commit(result: Result) -> str | None:
    checkout = result.git or {"hash": result.hash, "date": result.date}
    if not checkout.get("hash"):
        return None
    date = f" of {checkout['date']}" if checkout.get("date") else ""
    return f"{checkout['hash']}{date}{' with changes' if checkout.get('dirty') else ''}"


def _device(device: object) -> str:
    if not isinstance(device, Mapping):
        return str(device)
    return ", ".join(f"{name} {value}" for name, value in device.items() if value is not None)


def _pairs(facts: Iterable[tuple[str, object]]) -> Iterator[tuple[str, str]]:
    known = [
        (clipped(name), clipped(value)) for name, value in facts if value not in (None, [], "")
    ]
    yield from known[:_MOST_VARIABLES]


def latencies_ns(passes: Sequence[Mapping[str, Any]]) -> Iterator[float]:
    """Give the time of every input of passes from push to pop, as far as a record has both."""
    for one in passes:
        pushes, pops = one.get("push_ns"), one.get("pop_ns")
        if isinstance(pushes, (list, tuple)) and isinstance(pops, (list, tuple)):
            for push, pop in zip(pushes, pops):  # noqa: B905 - a pass cut short has more pushes
                if _is_time(push) and _is_time(pop) and pop > push:
                    yield float(pop - push)


def _is_time(value: Any) -> bool:
    return isinstance(value, (int, float)) and 0 <= value < 1e18


def _listed(value: object) -> Sequence[Any]:
    return value[:_MOST_TEXTS] if isinstance(value, (list, tuple)) else ()
