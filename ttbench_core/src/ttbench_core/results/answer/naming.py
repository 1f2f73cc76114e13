"""What makes two runs different questions, and what makes them different answers to one."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from typing import Final

from ttbench_core.record.machines import Machine, accelerator_names
from ttbench_core.results.comparison.key import KEY_NAMES, Key

__all__ = [
    "HOST",
    "MACHINE",
    "MICROBATCH",
    "UNKNOWN_UNTIL_BUILT",
    "machine_labels",
    "question_labels",
    "question_of",
    "truncated",
    "variant_labels",
    "variant_of",
    "without_machine",
]

#: What a sweep calls the machine, and what that is made of: see `record.machines.Machine`.
MACHINE: Final = "machine"
HOST: Final = "host"
MICROBATCH: Final = "microbatch"
#: Names of a key that say what is computed; all others but the microbatch say how.
_QUESTION_NAMES: Final = (
    *("model", "pack", "config", "training", "layers", "seq_len", "image_size", "generates"),
    *("new_tokens", "weights", "model_options", "scenario"),
)
_VARIANT_NAMES: Final = tuple(
    name for name in KEY_NAMES if name not in (*_QUESTION_NAMES, MICROBATCH)
)
#: Names whose value a run that failed early may lack.
UNKNOWN_UNTIL_BUILT: Final = frozenset(
    {"seq_len", "image_size", "new_tokens", "generates", "device", "device_name"}
)
#: Names that the label of a variant always has, where they are known.
_TITLE: Final = ("backend", "dataformat")
_MAX_VALUE: Final = 80


def question_of(key: Key) -> Key:
    """Return the part of a key that says what is computed."""
    return key.without([*_VARIANT_NAMES, MICROBATCH])


def variant_of(key: Key, machine: Machine) -> Key:
    """Return the part of a key that says how it is computed, and on which machine."""
    how = key.without([*_QUESTION_NAMES, MICROBATCH])
    return Key((*how.values, (MACHINE, machine.name), (HOST, machine.host)))


def question_labels(questions: Iterable[Key]) -> dict[Key, str]:
    """Return a label for each question: model, configuration, and what is not the usual."""
    every = list(questions)
    titles = {one: _question_title(one) for one in every}
    shown = {"model", "config", "training", "scenario"}
    return {one: " ".join([titles[one], *_differing(one, titles, shown)]) for one in every}


def variant_labels(variants: Iterable[Key]) -> dict[Key, str]:
    """Return a label for each variant: `torch Fp32`, and what else differs among these."""
    every = list(variants)
    titles = {one: _variant_title(one) for one in every}
    hosts = _host_labels(every)
    has_several = len(set(hosts.values())) > 1
    shown = {*_TITLE, MACHINE, HOST}
    return {
        one: " ".join(
            [
                titles[one],
                *_differing(one, titles, shown),
                *([f"on {truncated(hosts[one])}"] if has_several else []),
            ]
        )
        for one in every
    }


def machine_labels(variants: Iterable[Key]) -> dict[Key, str]:
    """Return the machine of each variant: its name in the sweep, else its devices and host.

    Machines of two kinds have two labels, also where two sweeps call them by one name.
    """
    labels = _host_labels(variants)
    return {
        one: label if one.get(MACHINE) else Machine(None, label).text(_accelerators(one))
        for one, label in labels.items()
    }


def without_machine(variant: Key) -> Key:
    """Return a variant without its machine."""
    return variant.without([MACHINE, HOST])


def _host_labels(variants: Iterable[Key]) -> dict[Key, str]:
    """Return the host of each variant by its name; with what it is made of, if that differs."""
    every = list(variants)
    hosts_by_name: dict[object, set[object]] = {}
    for one in every:
        hosts_by_name.setdefault(one.get(MACHINE), set()).add(one.get(HOST))
    labels = {}
    for one in every:
        name, host = one.get(MACHINE), str(one.get(HOST))
        is_one = len(hosts_by_name[name]) == 1
        labels[one] = host if not name else str(name) if is_one else f"{name} ({host})"
    return labels


def _accelerators(variant: Key) -> tuple[str, ...]:
    device = {"kind": variant.get("device"), "name": variant.get("device_name")}
    return accelerator_names([device] if device["kind"] else ())


def truncated(value: object) -> str:
    """Return a value of a record as a text of limited length."""
    text = str(value)
    return text if len(text) <= _MAX_VALUE else f"{text[: _MAX_VALUE - 1]}…"


def _question_title(question: Key) -> str:
    names = [truncated(question.get(name)) for name in ("model", "config") if question.get(name)]
    return " ".join(
        [
            *(names or ["all models"]),
            *(["training"] if question.get("training") else []),
            *(["latency"] if question.get("scenario") == "latency" else []),
        ]
    )


def _variant_title(variant: Key) -> str:
    names = [truncated(variant.get(name)) for name in _TITLE if variant.get(name)]
    return " ".join(names) or "unknown engine"


def _differing(key: Key, titles: Mapping[Key, str], shown: set[str]) -> list[str]:
    """Return the values that differ among the keys of the same title."""
    same: Sequence[Key] = [other for other, title in titles.items() if title == titles[key]]
    names = {one.what for other in same for one in key.differences(other)} - shown
    return [
        text
        for name, value in key.values
        if name in names and (text := _value_text(name, value)) is not None
    ]


def _value_text(name: str, value: object) -> str | None:
    if name in UNKNOWN_UNTIL_BUILT and value is None:
        return None
    if name == "backend_opt_level":
        return None if value is None else f"-opt {truncated(value)}"
    if name in ("device", "device_name"):
        return truncated(value)
    if isinstance(value, bool):
        return f"{name}={'yes' if value else 'no'}"
    return f"{name}={'unset' if value is None else truncated(value)}"
