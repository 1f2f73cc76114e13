"""The structure of a model's inputs: by position or by name, nested, tensors and numbers.

Everything here keeps the order of the values: that of the sequence or mapping, depth first. It
imports no torch: a tensor is what has a shape and a dtype.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping
from functools import partial
from typing import Any, Final

from ttbench_core.model import BenchmarkModel, DeclaresMicrobatch, Inputs

__all__ = [
    "INPUT_KINDS",
    "call_with",
    "declared_microbatch",
    "has_dimensions",
    "input_kinds",
    "input_records",
    "is_flat",
    "is_number",
    "is_tensor",
    "map_tensors",
    "named_leaves",
    "tensor_mapper",
    "tensor_record",
]

#: What inputs may be, beyond a sequence of `tensors` whose first dimension is the microbatch:
#: `named`, a mapping, passed as keyword arguments; `nested`, lists, tuples or mappings in them;
#: `numbers`, Python numbers, None and tensors without dimensions; `unbatched`, tensors whose first
#: dimension is not the declared microbatch.
INPUT_KINDS: Final = frozenset({"tensors", "named", "nested", "numbers", "unbatched"})


def input_kinds(model: BenchmarkModel) -> frozenset[str]:
    """Return those `INPUT_KINDS` that the inputs of a model have: what a backend must take."""
    values = [value for _, value in named_leaves(model.inputs)]
    batched = [value for value in values if has_dimensions(value)]
    microbatch = declared_microbatch(model)
    found = {
        "tensors": bool(batched),
        "named": isinstance(model.inputs, Mapping),
        "nested": any(_is_container(value) for _, value in _items(model.inputs)),
        "numbers": len(batched) < len(values),
        "unbatched": microbatch is not None
        and any(int(tensor.shape[0]) != microbatch for tensor in batched),
    }
    return frozenset(kind for kind, is_present in found.items() if is_present)


def declared_microbatch(model: BenchmarkModel) -> int | None:
    """Return the microbatch that a model declares; None where its tensors show it."""
    return model.microbatch if isinstance(model, DeclaresMicrobatch) else None


def is_tensor(value: Any) -> bool:
    """Return whether a value is a tensor, with or without dimensions."""
    # a scalar of NumPy can be a Python number that has a shape, too
    return hasattr(value, "shape") and hasattr(value, "dtype") and not is_number(value)


def is_number(value: Any) -> bool:
    """Return whether a value is a Python number, a bool or None."""
    return value is None or isinstance(value, (int, float))


def has_dimensions(value: Any) -> bool:
    """Return whether a value is a tensor of one or more dimensions."""
    return is_tensor(value) and len(value.shape) > 0


def is_flat(inputs: Inputs) -> bool:
    """Return whether inputs are a plain sequence of tensors."""
    return not isinstance(inputs, Mapping) and all(is_tensor(value) for value in inputs)


def named_leaves(inputs: Inputs) -> Iterator[tuple[str, Any]]:
    """Give the tensors and numbers of inputs, each with a name such as `input_ids` or `past.0.1`.

    A name consists of keys and of positions, which count from 0.
    """
    for key, value in _items(inputs):
        if _is_container(value):
            yield from ((f"{key}.{name}", leaf) for name, leaf in named_leaves(value))
        else:
            yield str(key), value


def map_tensors(function: Callable[[Any], Any], inputs: Any) -> Any:
    """Apply a function to every tensor of inputs; everything else stays as it is.

    Lists and tuples keep their type. Mappings become dicts.
    """
    if is_tensor(inputs):
        return function(inputs)
    if isinstance(inputs, Mapping):
        return {key: map_tensors(function, value) for key, value in inputs.items()}
    if isinstance(inputs, (list, tuple)):
        values = [map_tensors(function, value) for value in inputs]
        if isinstance(inputs, list):
            return values
        return type(inputs)(*values) if hasattr(inputs, "_fields") else tuple(values)
    return inputs


def tensor_mapper(function: Callable[[Any], Any], like: Inputs) -> Callable[[Inputs], Inputs]:
    """Make a function that does what `map_tensors` does, faster where there is no nesting.

    Args:
        function: applied to each tensor.
        like: inputs of the structure that it will be called with.
    """
    if is_flat(like):
        return partial(_map_sequence, function)
    if isinstance(like, Mapping) and is_flat(tuple(like.values())):
        return partial(_map_named, function)
    return partial(map_tensors, function)


def call_with(function: Callable[..., Any], inputs: Inputs) -> Any:
    """Call a module: a sequence is passed as positional arguments, a mapping by name."""
    return function(**inputs) if isinstance(inputs, Mapping) else function(*inputs)


def input_records(inputs: Inputs) -> list[dict[str, Any]]:
    """Return shape and type of each value of inputs, for a record.

    Each has a `name` too, unless the inputs are a plain sequence of tensors.
    """
    if is_flat(inputs):
        return [tensor_record(value) for _, value in named_leaves(inputs)]
    return [
        {"name": name, **(tensor_record(value) if is_tensor(value) else _number_record(value))}
        for name, value in named_leaves(inputs)
    ]


def tensor_record(tensor: Any) -> dict[str, Any]:
    """Return shape and type of a tensor, for a record."""
    return {
        "shape": [int(size) for size in tensor.shape],
        "dtype": str(tensor.dtype).removeprefix("torch."),
    }


def _map_sequence(function: Callable[[Any], Any], tensors: Any) -> list[Any]:
    return [function(tensor) for tensor in tensors]


def _map_named(function: Callable[[Any], Any], tensors: Any) -> dict[str, Any]:
    return {name: function(tensor) for name, tensor in tensors.items()}


def _number_record(value: Any) -> dict[str, Any]:
    types = (kind.__name__ for kind in (bool, int, float) if isinstance(value, kind))
    return {"shape": [], "dtype": next(types, "none")}


def _items(inputs: Any) -> Iterable[tuple[Any, Any]]:
    return inputs.items() if isinstance(inputs, Mapping) else enumerate(inputs)


def _is_container(value: Any) -> bool:
    return isinstance(value, (list, tuple, Mapping))
