"""Times of earlier runs by which cells are dealt out, as results tell them or as a frozen file."""

from __future__ import annotations

import json
import math
from collections.abc import Mapping
from pathlib import Path
from typing import Any, Final

from ttbench_core.errors import OptionError
from ttbench_core.sinks.target_checks import error_reason
from ttbench_core.sinks.targets import find_reader
from ttbench_core.sweeps.planning.estimating import History, RunTimes

__all__ = ["SUFFIX", "read_times", "text_of_times"]

#: Of a file of frozen times.
SUFFIX: Final = ".times.json"
_FORMAT: Final = "ttbench-times 1"
_MAX_BYTES: Final = 1 << 28


def read_times(place: str | Path) -> RunTimes:
    """Read times from results, or from a file of `text_of_times`.

    Raises `OptionError` where that cannot be read.
    """
    if str(place).endswith(SUFFIX):
        return _frozen(Path(place))
    reader = find_reader(place)
    try:
        return History(record for _, record in reader.records()).times()
    except (Exception, SystemExit) as error:
        reason = reader.hide_secrets(error_reason(error))
        raise OptionError(f"--times {reader}: no times can be read from it: {reason}") from error


def text_of_times(times: RunTimes) -> str:
    """Give times as the text of a file, whose name ends in `.times.json`."""
    content = {
        "format": _FORMAT,
        "combinations": sorted(times.by_combination.items()),
        "kinds": sorted(
            ([*kind, seconds] for kind, seconds in times.by_kind.items()),
            key=lambda row: [str(one) for one in row],
        ),
    }
    return json.dumps(content, indent=1) + "\n"


def _frozen(path: Path) -> RunTimes:
    try:
        with path.open("rb") as file:
            content = json.loads(file.read(_MAX_BYTES))
        if not isinstance(content, Mapping) or content.get("format") != _FORMAT:
            raise ValueError(f"it does not say that its format is {_FORMAT!r}")
        return RunTimes(
            {_text(one): _seconds(seconds) for one, seconds in content["combinations"]},
            {(_text(a), _name(b), _name(c)): _seconds(d) for a, b, c, d in content["kinds"]},
        )
    except (OSError, ValueError, TypeError, KeyError, ArithmeticError, RecursionError) as error:
        reason = error_reason(error)
        raise OptionError(f"--times {path}: it holds no frozen times: {reason}") from error


def _text(value: Any) -> str:
    if not isinstance(value, str):
        raise TypeError(f"{value!r} is no text")
    return value


def _name(value: Any) -> str | None:
    return None if value is None else _text(value)


def _seconds(value: Any) -> float:
    if isinstance(value, bool) or not isinstance(value, (int, float)) or not _is_time(value):
        raise ValueError(f"{value!r} is no number of seconds")
    return float(value)


def _is_time(value: float) -> bool:
    return math.isfinite(value) and value > 0
