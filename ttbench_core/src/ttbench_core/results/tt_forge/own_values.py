"""The values that ttbench writes of a run of its own, and whether what is read back has them.

Where a model generates text, tt-xla's `llm_benchmark.py` (commit 95c1c1ce7063) has the tokens of
one user as `total_samples`, without the first, and the time of decoding these as `total_time`. The
values of ttbench, of all users and with prefill, are in `config`, with the rest of the record.
"""

from __future__ import annotations

import math
from collections.abc import Iterator, Mapping
from typing import Any, Final, TypeGuard

from ttbench_core.measure.intervals import geometric_mean
from ttbench_core.record.foreign_formats import TT_FORGE
from ttbench_core.record.record_checks import has_time_of_median
from ttbench_core.record.result import SCHEMA_VERSION, Result
from ttbench_core.record.tables.columns import column
from ttbench_core.results.tt_forge.measurements import (
    TOTAL_SAMPLES,
    TOTAL_TIME,
    TTFT_MS,
    Measurements,
)

__all__ = ["contradiction_in", "counts_tokens", "left_out_because", "values_to_write"]

_NS_PER_MS: Final = 1e6
_NS_PER_S: Final = 1e9
_MAX_NUMBER: Final = 1e15
#: Far beyond the noise of floats, far below what a comparison finds.
_SAME: Final = 1e-6


def left_out_because(result: Result) -> str | None:
    """Return why a run is not written in the format, to go after a count; None if it is."""
    if not (result.ok and result.total_time and result.total_samples):
        return "that were not measured"
    if not result.outputs_are_right:
        return "whose outputs were wrong"
    if result.effective.get("emulated"):
        return "that were emulated"
    is_theirs = (result.foreign or {}).get("format") == TT_FORGE
    if counts_tokens(result.model) and not is_theirs and _decoding_of(vars(result)) is None:
        return "that count tokens and have no rate of decoding"
    return None


def counts_tokens(model: Mapping[str, Any]) -> bool:
    """Return whether the samples of a model are tokens."""
    return model.get("unit") == "token"


def values_to_write(record: Mapping[str, Any]) -> dict[str, Any]:
    """Return the measurements of a record by their names in the format.

    Args:
        record: the fields of a result by their names.
    """
    decoding = _decoding_of(record) if counts_tokens(record.get("model") or {}) else None
    samples, time_s = decoding or (record["total_samples"], record["total_time"])
    values: dict[str, Any] = {TOTAL_SAMPLES: samples, TOTAL_TIME: time_s}
    first = column("ttft_mean_ns").read(record)
    if isinstance(first, float):
        values[TTFT_MS] = first / _NS_PER_MS
    return values


def contradiction_in(record: Mapping[str, Any], measured: Measurements) -> str | None:
    """Return how a record that was read back says two things of one value; None if it does not.

    Args:
        record: the fields of the result.
        measured: the measurements that are in the file beside it.
    """
    for name, one, where, other in _pairs(record, measured):
        if not (_is_number(one) and _is_number(other) and math.isclose(one, other, rel_tol=_SAME)):
            return f"has {name} {_text(one)}, and {where} {_text(other)}"
    return None


def _pairs(
    record: Mapping[str, Any], measured: Measurements
) -> Iterator[tuple[str, Any, str, Any]]:
    found = {
        TOTAL_SAMPLES: measured.total_samples,
        TOTAL_TIME: measured.total_time_s,
        TTFT_MS: measured.ttft_ms,
    }
    for name, value in values_to_write(record).items():
        yield name, value, "measurements", found[name]
    samples, time_s, rate = (
        record[name] for name in ("total_samples", "total_time", "samples_per_sec")
    )
    yield "samples_per_sec", rate, "total_samples / total_time", samples / time_s
    if (estimate := (record.get("confidence") or {}).get("estimate")) is not None:
        yield "samples_per_sec", rate, "confidence.estimate", estimate
    is_of_median = has_time_of_median(record.get("schema_version", SCHEMA_VERSION))
    if record.get("passes") and not is_of_median:
        yield "total_time", time_s, "passes", _mean_time_s(record["passes"])


def _mean_time_s(passes: list[Mapping[str, Any]]) -> float:
    """Return the geometric mean over processes of that of their passes, as the headline is."""
    by_process: dict[int, list[float]] = {}
    for one in passes:
        by_process.setdefault(one.get("process", 0), []).append(one["e2e_ns"])
    return geometric_mean([geometric_mean(one) for one in by_process.values()]) / _NS_PER_S


def _decoding_of(record: Mapping[str, Any]) -> tuple[int, float] | None:
    """Return the tokens of one user without the first, and the seconds of decoding them."""
    generation, args = record.get("generation") or {}, record.get("args") or {}
    new_tokens, rate = generation.get("new_tokens"), generation.get("decode_tokens_per_s")
    users = args.get("microbatch")
    if not (_is_number(new_tokens) and _is_number(rate) and _is_number(users)):
        return None
    tokens = int(new_tokens) - 1
    return (tokens, tokens * users / rate) if tokens > 0 else None


def _is_number(value: Any) -> TypeGuard[float]:
    is_number = isinstance(value, (int, float)) and not isinstance(value, bool)
    return is_number and 0 < value <= _MAX_NUMBER


def _text(value: Any) -> str:
    return f"{value:.6g}" if _is_number(value) else "none"
