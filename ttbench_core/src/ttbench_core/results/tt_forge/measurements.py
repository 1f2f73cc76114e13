"""The measurements of an object of the format: one value each of what was measured."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime, timezone
from typing import Any, Final

from ttbench_core.record.start_time import epoch_ms
from ttbench_core.results.tt_forge.fields import Fields

__all__ = ["TOTAL_SAMPLES", "TOTAL_TIME", "TTFT_MS", "Measurements", "read_measurements"]

TOTAL_SAMPLES: Final = "total_samples"
#: In seconds.
TOTAL_TIME: Final = "total_time"
#: Time to first token, in ms.
TTFT_MS: Final = "ttft"
_LIST: Final = "measurements"
_NAME: Final = "measurement_name"
_START: Final = "step_start_ts"
_NUMBERS: Final = (
    *("iteration", "step_warm_up_num_iterations", "target", "device_power"),
    "device_temperature",
)


@dataclass(frozen=True)
class Measurements:
    """What was measured; None is unknown."""

    total_samples: int | None
    total_time_s: float | None
    ttft_ms: float | None
    #: Inputs of the warm-up.
    warmup_inputs: int | None
    #: When the first step began, UTC, ISO 8601; empty where no measurement says it.
    started_at: str
    #: Every value by its name; a list where several have one name.
    values: Mapping[str, Any]

    @property
    def samples_per_s(self) -> float | None:
        """The rate, as their own tools derive it; None where time or samples are unknown."""
        if self.total_samples is None or self.total_time_s is None:
            return None
        return self.total_samples / self.total_time_s


def read_measurements(fields: Fields) -> Measurements:
    """Return the measurements of an object; raises `ResultsFileError` where they are none."""
    found: dict[str, list[Fields]] = {}
    for entry in fields.objects(_LIST):
        name = entry.text(_NAME)
        if name is None:
            raise entry.fault(_NAME, "is missing")
        for number in _NUMBERS:
            entry.number(number)
        found.setdefault(name, []).append(entry)
    samples, time, ttft = (_single(found, name) for name in (TOTAL_SAMPLES, TOTAL_TIME, TTFT_MS))
    return Measurements(
        total_samples=None if samples is None else samples.count("value"),
        total_time_s=_positive(time),
        ttft_ms=_positive(ttft),
        warmup_inputs=None if time is None else time.count("step_warm_up_num_iterations"),
        started_at=_first_start([one for entries in found.values() for one in entries]),
        values={name: _values(entries) for name, entries in found.items()},
    )


def _positive(entry: Fields | None) -> float | None:
    value = None if entry is None else entry.positive("value")
    return None if value is None else float(value)


def _single(found: Mapping[str, list[Fields]], name: str) -> Fields | None:
    """Return the measurement of a name; of several, none is the one of the run."""
    entries = found.get(name, [])
    if len(entries) > 1:
        raise entries[1].fault(_NAME, f"is {name} once more: one run has one")
    return next(iter(entries), None)


def _values(entries: list[Fields]) -> Any:
    values = [one.number("value") for one in entries]
    return values[0] if len(values) == 1 else values


def _first_start(entries: list[Fields]) -> str:
    starts = [entry for entry in entries if entry.text(_START) is not None]
    return min(map(_start_of, starts), default="")


def _start_of(entry: Fields) -> str:
    moment_ms = epoch_ms(entry.text(_START))
    try:
        if moment_ms is not None:
            moment = datetime.fromtimestamp(moment_ms / 1e3, timezone.utc)
            return moment.isoformat(timespec="seconds")
    except (OSError, OverflowError, ValueError):
        pass  # beyond the years of calendars
    raise entry.fault(_START, "is no time as ISO 8601")
