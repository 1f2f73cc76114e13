"""The key that two results must share to be compared, and how two keys differ."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from typing import Any, Final

from ttbench_core.models.counting import sizes_of
from ttbench_core.plugins.registry import is_own
from ttbench_core.record.result import Result
from ttbench_core.request.named_values import named_values_as_text

__all__ = ["KEY_NAMES", "Difference", "Key", "key_of", "unique_labels"]

#: Sizes that may come from the model: a run that fails before the model is built lacks them.
_SET_BY_MODEL: Final = frozenset({"microbatch", "seq_len", "image_size", "new_tokens"})

#: Schema versions whose `args` hold the requested sizes, not the sizes that the model chose.
_SCHEMAS_WITH_REQUESTED_SIZES: Final = (1, 2)

Value = str | int | float | None


@dataclass(frozen=True)
class Difference:
    """One value that differs between OLD and NEW; None if a side has none."""

    what: str
    old: Value
    new: Value

    def __str__(self) -> str:
        return f"{self.what} {_value_text(self.old)} against {_value_text(self.new)}"


@dataclass(frozen=True)
class Key:
    """The names and values that comparable results share."""

    values: tuple[tuple[str, Value], ...]

    @property
    def title(self) -> str:
        """Model and configuration, as a title."""
        names = [str(one) for one in (self.get("model"), self.get("config")) if one]
        return " ".join(names) or "all models"

    def get(self, name: str) -> Value:
        """Return the value of a name; None if the key does not have the name."""
        return dict(self.values).get(name)

    def without(self, names: Iterable[str]) -> Key:
        """Return the key without some names."""
        removed = set(names)
        return Key(tuple(pair for pair in self.values if pair[0] not in removed))

    def differences(self, new: Key) -> tuple[Difference, ...]:
        """Return how a new key with the same names differs from this one."""
        return tuple(
            Difference(name, old_value, new_value)
            for (name, old_value), (_, new_value) in zip(self.values, new.values, strict=True)
            if old_value != new_value
        )

    def may_match(self, other: Key) -> bool:
        """Return whether this key of a failed run equals another except for sizes that it lacks."""
        return all(one.what in _SET_BY_MODEL and one.old is None for one in self.differences(other))


def key_of(result: Result) -> Key:
    """Return the key of a result; options that are newer than its record have their default."""
    return Key(tuple((name, _scalar(read(result))) for name, read in _READERS.items()))


def unique_labels(titles: Mapping[Key, str]) -> dict[Key, str]:
    """Add to the title of each key the values that differ among keys of the same title."""
    return {
        key: " ".join([title, *_differing_values(key, titles)]) for key, title in titles.items()
    }


def _differing_values(key: Key, titles: Mapping[Key, str]) -> list[str]:
    same_title = [other for other, title in titles.items() if title == titles[key]]
    differing = {one.what for other in same_title for one in key.differences(other)}
    return [f"{name}={_value_text(value)}" for name, value in key.values if name in differing]


def _value_text(value: Value) -> str:
    if value is None:
        return "unset"
    if isinstance(value, bool):
        return "yes" if value else "no"
    return str(value)


def _scalar(value: Any) -> Value:
    # records are untrusted: values that cannot be hashed must not end a comparison
    return value if value is None or isinstance(value, (str, int, float)) else str(value)


def _option(name: str, default: Value = None) -> Callable[[Result], Any]:
    return lambda result: result.args.get(name, default)


def _name(result: Result) -> Any:
    # `pack:name` and `name` are one model
    return result.model.get("name") or str(result.args.get("model")).rpartition(":")[2]


def _pack(result: Result) -> str | None:
    """Give the pack of a model from outside; records of the original script name none."""
    pack = result.model.get("pack")
    return None if not isinstance(pack, str) or is_own(pack) else pack


def _config(result: Result) -> Any:
    return result.model.get("config") or result.args.get("config")


def _device(result: Result) -> Any:
    return _device_texts(result, "kind") or result.args.get("device")


def _device_name(result: Result) -> Any:
    return _device_texts(result, "name") or result.arch


def _device_texts(result: Result, name: str) -> str:
    return " + ".join(dict.fromkeys(str(one[name]) for one in result.devices if one.get(name)))


def _tensors(result: Result) -> list[Mapping[str, Any]]:
    # records are untrusted: skip anything that is not an input tensor
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
        recorded = result.args.get(name)
        if recorded or result.schema_version not in _SCHEMAS_WITH_REQUESTED_SIZES:
            return recorded
        return sizes_of(_tensors(result), None).get(name)

    return read


_READERS: Final[Mapping[str, Callable[[Result], Any]]] = {
    "model": _name,
    "pack": _pack,
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
    "model_options": lambda result: named_values_as_text(result.args.get("model_options")),
    "engine_options": lambda result: named_values_as_text(result.args.get("engine_options")),
    "env": _option("env"),
    "scenario": lambda result: result.args.get("scenario") or "throughput",
    "backend": lambda result: result.args.get("backend") or result.backend,
    # as requested: the effective value is the engine's choice, and failed runs lack it
    "threads": lambda result: result.requested.get("threads"),
    "device": _device,
    "device_name": _device_name,
}

#: Names that `across` takes.
KEY_NAMES: Final = tuple(_READERS)
