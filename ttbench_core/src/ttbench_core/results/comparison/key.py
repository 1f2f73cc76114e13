"""What must be alike for two results to be compared, and how unlike ones differ."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from typing import Any, Final

from ttbench_core.models.counting import sizes_of
from ttbench_core.record.result import Result

__all__ = ["KEY_NAMES", "Difference", "Key", "key_of", "labels_of"]

#: A run that fails before its model is built never learns the model's own sizes.
_KNOWN_LATE: Final = frozenset({"microbatch", "seq_len", "image_size", "new_tokens"})

#: Versions of the record whose `args` have what was asked, and not what the model chose.
_SIZES_AS_ASKED: Final = (1, 2)

Value = str | int | float | None


@dataclass(frozen=True)
class Difference:
    """One thing that OLD and NEW do not share; None where a side has it not."""

    what: str
    old: Value
    new: Value

    def __str__(self) -> str:
        return f"{self.what} {_spelled(self.old)} against {_spelled(self.new)}"


@dataclass(frozen=True)
class Key:
    """The names and values that results of one kind share."""

    values: tuple[tuple[str, Value], ...]

    @property
    def title(self) -> str:
        """Model and configuration, for people."""
        names = [str(one) for one in (self.get("model"), self.get("config")) if one]
        return " ".join(names) or "all models"

    def get(self, name: str) -> Value:
        """Give the value of a name, None also where the name does not count."""
        return dict(self.values).get(name)

    def without(self, names: Iterable[str]) -> Key:
        """Give the key that remains where some names do not count."""
        left_out = set(names)
        return Key(tuple(pair for pair in self.values if pair[0] not in left_out))

    def differences(self, new: Key) -> tuple[Difference, ...]:
        """Say in what another key with the same names differs from this, the old one."""
        return tuple(
            Difference(name, old_value, new_value)
            for (name, old_value), (_, new_value) in zip(self.values, new.values, strict=True)
            if old_value != new_value
        )

    def may_be(self, other: Key) -> bool:
        """Say whether this key of a failed run is another, as far as the failed run knew."""
        return all(one.what in _KNOWN_LATE and one.old is None for one in self.differences(other))


def key_of(result: Result) -> Key:
    """Read the key of a result; records without a later option have its default."""
    return Key(tuple((name, _plain(read(result))) for name, read in _READERS.items()))


def labels_of(titles: Mapping[Key, str]) -> dict[Key, str]:
    """Add to the title of each key whatever tells it from others of the same title."""
    return {key: " ".join([title, *_distinction(key, titles)]) for key, title in titles.items()}


def _distinction(key: Key, titles: Mapping[Key, str]) -> list[str]:
    rivals = [other for other, title in titles.items() if title == titles[key]]
    differing = {one.what for other in rivals for one in key.differences(other)}
    return [f"{name}={_spelled(value)}" for name, value in key.values if name in differing]


def _spelled(value: Value) -> str:
    if value is None:
        return "unset"
    if isinstance(value, bool):
        return "yes" if value else "no"
    return str(value)


def _plain(value: Any) -> Value:
    # records come from files: what cannot be hashed must not end a comparison
    return value if value is None or isinstance(value, (str, int, float)) else str(value)


def _option(name: str, default: Value = None) -> Callable[[Result], Any]:
    return lambda result: result.args.get(name, default)


def _name(result: Result) -> Any:
    # `pack:name` and `name` are one model: which pack it came from is a difference, not a key
    return result.model.get("name") or str(result.args.get("model")).rpartition(":")[2]


def _config(result: Result) -> Any:
    return result.model.get("config") or result.args.get("config")


def _device(result: Result) -> Any:
    return _of_devices(result, "kind") or result.args.get("device")


def _device_name(result: Result) -> Any:
    return _of_devices(result, "name") or result.arch


def _of_devices(result: Result, name: str) -> str:
    return " + ".join(dict.fromkeys(str(one[name]) for one in result.devices if one.get(name)))


def _tensors(result: Result) -> list[Mapping[str, Any]]:
    # records come from files: only what looks like inputs is looked at
    inputs = result.model.get("inputs")
    return [
        one
        for one in (inputs if isinstance(inputs, (list, tuple)) else ())
        if isinstance(one, Mapping)
        and "dtype" in one
        and isinstance(one.get("shape"), list)
        and all(isinstance(size, int) for size in one["shape"])
    ]


def _size(name: str) -> Callable[[Result], Any]:
    def read(result: Result) -> Any:
        asked = result.args.get(name)
        if asked or result.schema_version not in _SIZES_AS_ASKED:
            return asked
        return sizes_of(_tensors(result), None).get(name)

    return read


_READERS: Final[Mapping[str, Callable[[Result], Any]]] = {
    "model": _name,
    "config": _config,
    "training": lambda result: bool(result.args.get("training")),
    "dataformat": _option("dataformat"),
    "math_fidelity": _option("math_fidelity"),
    "backend_opt_level": _option("backend_opt_level"),
    "loop_count": _option("loop_count"),
    "chips": _option("chips"),
    "layers": _option("layers"),
    "microbatch": _option("microbatch"),
    "seq_len": _size("seq_len"),
    "image_size": _size("image_size"),
    "generates": lambda result: result.model.get("unit") == "token",
    "new_tokens": lambda result: (
        (result.generation or {}).get("new_tokens") or result.args.get("new_tokens")
    ),
    "weights": _option("weights"),
    "microbatch_count": _option("microbatch_count", 1),
    "recompute": _option("recompute", default=False),
    "single_thread": _option("single_thread", default=False),
    "auto_transpose": _option("auto_transpose", default=False),
    "balancer_policy": _option("balancer_policy", "default"),
    "galaxy": _option("galaxy", default=False),
    "parallel_tti": lambda result: bool(result.args.get("parallel_tti")),
    "env": _option("env"),
    "scenario": lambda result: result.args.get("scenario") or "throughput",
    "backend": lambda result: result.args.get("backend") or result.backend,
    # as asked: what ran is the engine's own choice, and a failed run never learnt it
    "threads": lambda result: result.requested.get("threads"),
    "device": _device,
    "device_name": _device_name,
}

#: What can be given to `across`.
KEY_NAMES: Final = tuple(_READERS)
