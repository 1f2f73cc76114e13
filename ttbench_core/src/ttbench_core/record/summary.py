"""The summary of a record for people: rows of label and text.

It works on the record, a mapping by the names of `Result`'s fields, and knows no `Result`.
"""

from __future__ import annotations

import contextlib
import math
from collections.abc import Callable, Iterable, Iterator, Mapping
from typing import Final

from ttbench_core.record import summary_sections
from ttbench_core.record.compiled import compiled_text
from ttbench_core.record.formatting import (
    format_duration,
    format_number,
    format_quantity,
    format_spread,
)
from ttbench_core.record.summary_sections import Record, unit_of

__all__ = [
    "conditions",
    "label_of",
    "one_line_summary",
    "outputs_are_right",
    "summary_rows",
    "text_of",
]

#: Maximum significant digits of a rate: no measurement has more.
_MAX_DIGITS: Final = 6
_MIN_DIGITS: Final = 3
#: What reading a record from elsewhere may raise: its values may have any type and size.
_FAULTS: Final = (ArithmeticError, AttributeError, LookupError, TypeError, ValueError)


def summary_rows(record: Record) -> list[tuple[str, str]]:
    """Give the most important facts, as (label, text) pairs.

    A record from elsewhere need not have everything that this version writes: a section
    that lacks something is a row with that fact.
    """
    rows = [("model", label_of(record)), ("ran", conditions(record))]
    for name, section in _SECTIONS.items():
        try:
            rows.extend((label, str(text)) for label, text in section(record))
        except _FAULTS as error:
            what = "its record lacks " if isinstance(error, KeyError) else ""
            fault = what + text_of(error)
            rows.append((name, f"not available: {fault}"))
    return rows


def one_line_summary(record: Record) -> str:
    """Give model, status, rate and conditions in one line, without those that it lacks."""
    parts = [f"{label_of(record)}: {text_of(record['status'])}"]
    if record["samples_per_sec"] is not None:
        with contextlib.suppress(*_FAULTS):
            parts.append(_throughput_text(record))
        with contextlib.suppress(*_FAULTS):
            parts.extend([str(record["verdict"]["verdict"])] if record["verdict"] else [])
        parts.extend([] if outputs_are_right(record) else ["outputs are WRONG"])
    elif record["error"]:
        parts.append(text_of(record["error"]))
    return ", ".join([*parts, conditions(record)])


def text_of(value: object) -> str:
    """Give any value as text; Python refuses to print integers of thousands of digits."""
    try:
        return str(value)
    except ValueError:
        return "a number too long to show"


def label_of(record: Record) -> str:
    """Give model and configuration."""
    args = record["args"] if isinstance(record["args"], Mapping) else {}
    name, config = text_of(args.get("model")), args.get("config")
    return f"{name} {text_of(config)}" if config else name


def outputs_are_right(record: Record) -> bool:
    """Return whether verification did not fail; True where there was none."""
    verification = record["verification"]
    return not isinstance(verification, Mapping) or verification.get("passed") is not False


def conditions(record: Record) -> str:
    """Give training or inference, format, engine, device and threads."""
    try:
        return _conditions(record)
    except _FAULTS as error:
        return f"conditions not available: {error}"


def _conditions(record: Record) -> str:
    what = "training" if record["args"].get("training") else "inference"
    device = record["devices"][0] if record["devices"] else {}
    kind = device.get("kind") or record["args"].get("device")
    # of a device in a file of another tool, the kind is not known
    place = str(kind or device.get("arch") or "no device")
    if len(record["devices"]) > 1:
        place = f"{len(record['devices'])} x {place}"
    form = str(record["args"].get("dataformat") or "default format")
    if record["effective"].get("emulated"):
        form += " (emulated)"
    threads = record["effective"].get("threads")
    count = f", {threads} thread{'' if threads == 1 else 's'}" if threads else ""
    return f"{what}, {form}, {record['backend'] or 'no backend'} on {place}{count}"


def _image(record: Record) -> Iterator[tuple[str, str]]:
    if record["image"]:
        size = format_quantity(record["image"]["size_bytes"], "B", binary=True)
        yield ("saved to", f"{record['image']['file']} ({size}); nothing was measured")


def _compiled(record: Record) -> Iterator[tuple[str, str]]:
    if (text := compiled_text(record)) is not None:
        yield ("compiled only", f"{text}; nothing was measured")


def _throughput(record: Record) -> Iterator[tuple[str, str]]:
    if record["samples_per_sec"] is not None and record["total_time"] is not None:
        yield ("throughput", _throughput_text(record))
        yield ("pass time", f"{format_duration(record['total_time'] * 1e9)}{_pass_times(record)}")


def _throughput_text(record: Record) -> str:
    return f"{_rate(record)} {unit_of(record)}s/s {_scope(record)}".rstrip()


def _rate(record: Record) -> str:
    confidence = record["confidence"]
    if not confidence:
        return format_number(record["samples_per_sec"] or 0.0)
    # up to version 3 of records, `samples_per_sec` is of the median pass
    rate, low, high = (float(confidence[name]) for name in ("estimate", "low", "high"))
    width = (high - low) / 2 / rate
    # the first digit that the interval leaves uncertain is the last one shown
    digits = _MAX_DIGITS if width <= 0 else max(_MIN_DIGITS, math.ceil(-math.log10(width)) + 1)
    shown, *ends = (format_number(one, min(digits, _MAX_DIGITS)) for one in (rate, low, high))
    spread = format_spread(low, rate, high)
    return f"{shown} {spread}" if spread.startswith("±") else f"{shown} [{' to '.join(ends)}]"


def _scope(record: Record) -> str:
    confidence = record["confidence"]
    if confidence:
        default = "95 % interval over {replicates} {over}"
        return f"({confidence.get('scope') or default.format(**confidence)})"
    count = len(record["passes"])
    processes = len({one.get("process", 0) for one in record["passes"]})
    if processes > 1:
        return f"(geometric mean of {processes} processes; too few for an interval)"
    return (
        f"(geometric mean of {count} passes; no interval)" if count > 1 else "(1 pass; no interval)"
    )


def _pass_times(record: Record) -> str:
    times = [int(one["e2e_ns"]) for one in record["passes"]]
    inputs, samples = record["args"].get("loop_count"), record["args"].get("microbatch")
    work = f" for {inputs} input{'' if inputs == 1 else 's'} of {samples}"
    if len(times) < 2:
        return work
    shortest, longest = format_duration(min(times)), format_duration(max(times))
    return f"{work}; {len(times)} passes from {shortest} to {longest}"


_SECTIONS: Final[Mapping[str, Callable[[Record], Iterable[tuple[str, str]]]]] = {
    "saved to": _image,
    "compiled only": _compiled,
    "throughput": _throughput,
    **summary_sections.SECTIONS,
}
