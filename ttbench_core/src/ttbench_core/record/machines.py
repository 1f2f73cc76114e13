"""The machine that a record is of, as text: its name in the sweep, else what it is made of.

Machines with one text are of one kind: the name of the host is not in it, because a container
has another one each time. Records are untrusted: what has the wrong type counts as unknown.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Any, Final

__all__ = ["Machine", "accelerator_names", "describe_machine", "machine_of", "machine_text"]

#: Kinds of devices that are the processor of the host.
_PROCESSOR: Final = "cpu"
#: More cores are of a record that no machine wrote.
_MAX_CORES: Final = 10**6


@dataclass(frozen=True)
class Machine:
    """The machine of a record."""

    #: What its sweep calls it; None where that only describes it, or there is none.
    name: str | None
    #: Processor and cores; the name of the host where a record has no processor.
    host: str

    def text(self, accelerators: Iterable[str] = ()) -> str:
        """Give its name, else the devices that a run used and its host."""
        return self.name or _joined([*accelerators, self.host])


def describe_machine(host: Mapping[str, Any], accelerators: Iterable[str] = ()) -> str:
    """Describe a machine: `NVIDIA H100 80GB HBM3, AMD EPYC 9B45, 8 of 64 cores`.

    Args:
        host: facts of it, as records have them; empty text where it has no processor.
        accelerators: names of the devices that are not its processor.
    """
    cpu = host.get("cpu")
    if not isinstance(cpu, str) or not cpu.strip():
        return _joined(accelerators)
    return _joined([*accelerators, cpu.strip(), _cores_text(host)])


def accelerator_names(devices: object) -> tuple[str, ...]:
    """Give the names of those devices of a record that are not the processor, each once."""
    known = devices if isinstance(devices, (list, tuple)) else ()
    return tuple(
        dict.fromkeys(
            str(one["name"])
            for one in known
            if isinstance(one, Mapping)
            and one.get("name")
            and str(one.get("kind")).lower() != _PROCESSOR
        )
    )


def machine_of(record: Mapping[str, Any]) -> Machine:
    """Give the machine of a record (`Result.to_record()`, or the fields of a Result)."""
    host = _mapping(record.get("host"))
    described = describe_machine(host) or _text(record.get("machine_name")) or "unknown machine"
    name = _name_in_sweep(record)
    # a sweep of every machine names each by its description
    is_described = name in (described, Machine(None, described).text(_accelerators(record)))
    return Machine(None if is_described else name, described)


def machine_text(record: Mapping[str, Any]) -> str | None:
    """Give the machine of a record as tables have it; None where nothing is known of it."""
    host = _mapping(record.get("host"))
    kept = host.get("description")  # of a table, which has less than a record
    if isinstance(kept, str) and kept:
        return kept
    if not host and not record.get("machine_name") and _name_in_sweep(record) is None:
        return None
    return machine_of(record).text(_accelerators(record))


def _accelerators(record: Mapping[str, Any]) -> tuple[str, ...]:
    return accelerator_names(record.get("devices"))


def _name_in_sweep(record: Mapping[str, Any]) -> str | None:
    settings = _mapping(_mapping(record.get("sweep")).get("settings"))
    return _text(settings.get("machine"))


def _cores_text(host: Mapping[str, Any]) -> str:
    """Give the cores that may be used, and of how many where these are fewer."""
    logical = _number(host.get("logical_cores"))
    limits = [_number(host.get(name)) for name in ("usable_cores", "cpu_quota_cores")]
    usable = min((one for one in limits if one is not None), default=logical)
    if usable is None:
        return ""
    if logical is not None and usable < logical:
        return f"{usable:g} of {logical:g} cores"
    return f"{usable:g} core{'' if usable == 1 else 's'}"


def _joined(parts: Iterable[str]) -> str:
    return ", ".join(one for one in parts if one)


def _mapping(value: object) -> Mapping[str, Any]:
    return value if isinstance(value, Mapping) else {}


def _text(value: object) -> str | None:
    return value if isinstance(value, str) and value.strip() else None


def _number(value: object) -> float | None:
    if isinstance(value, bool) or not isinstance(value, (int, float)):
        return None
    return value if 0 < value < _MAX_CORES else None
