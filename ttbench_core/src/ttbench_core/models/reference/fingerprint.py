"""Whether a model is still as it was built: what is compared with must not come from the engine.

A fingerprint is taken before a backend gets the model and after it has run it. It has no copy of
the weights. Training flags are no part of it: the reference is run in eval mode in any case. Nor
are tensors that a module has as plain attributes, which are no part of its state in PyTorch.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any, Final, TypeAlias

import torch

from ttbench_core.model import BenchmarkModel
from ttbench_core.models.reference.checksum import checksum

__all__ = ["INPUTS", "MODULES", "Fingerprint", "fingerprint", "first_change"]

MODULES: Final = "modules"
INPUTS: Final = "inputs"
#: What is read of a module, a tensor or a plain value, by what it is about. Texts are shown.
#: Other objects are only compared, and kept, so that no later one gets the identity of one.
Facts: TypeAlias = Mapping[str, Any]
#: Facts by the name of what they are of, such as `device.encoder.0.weight`.
Parts: TypeAlias = Mapping[str, Facts]


@dataclass(frozen=True)
class Fingerprint:
    """What a model consists of."""

    modules: Parts
    inputs: Parts

    @property
    def unread(self) -> int:
        """The number of tensors with values that PyTorch does not show."""
        parts = (*self.modules.values(), *self.inputs.values())
        return sum(one.get("values", 0) is None and one["device"] != "on meta" for one in parts)


def fingerprint(model: BenchmarkModel) -> Fingerprint:
    """Read all modules, parameters, buffers and inputs of a model for inference.

    Reads every value once and changes nothing, random state included.
    """
    stages = model.stages.present(training=False)
    modules = {
        name: facts for stage, module in stages.items() for name, facts in _read(stage, module)
    }
    inputs = model.inputs if isinstance(model.inputs, Mapping) else list(model.inputs)
    return Fingerprint(modules, dict(_read_value("inputs", inputs)))


def first_change(before: Fingerprint, after: Fingerprint) -> tuple[str, str] | None:
    """Return what changed first, `MODULES` or `INPUTS`, and the change in words; None for nothing.

    The words are such as `device.encoder.0.weight is torch.bfloat16, it was torch.float32`.
    """
    for kind in (MODULES, INPUTS):
        was, now = getattr(before, kind), getattr(after, kind)
        for name in dict.fromkeys((*was, *now)):
            if change := _change(was.get(name), now.get(name)):
                return kind, f"{name} {change}"
    return None


def _change(before: Facts | None, after: Facts | None) -> str | None:
    if after is None:
        return "is gone"
    if before is None:
        return "is new"
    for what in dict.fromkeys((*before, *after)):
        was, now = before.get(what), after.get(what)
        if was == now:
            continue
        if isinstance(was, str) and isinstance(now, str):
            return f"is {now}, it was {was}"
        return f"has other {what}"
    return None


def _read(stage: str, module: torch.nn.Module) -> Iterator[tuple[str, Facts]]:
    """Read a module and all below it, parents first; each once, under its first name."""
    # with the objects, so that no other one gets the identity of one meanwhile
    names: dict[int, tuple[str, torch.nn.Module]] = {}
    tensors: dict[int, tuple[Facts, torch.Tensor]] = {}
    waiting = [(stage, module)]
    while waiting:
        name, one = waiting.pop(0)
        if id(one) in names:
            yield name, {"module": names[id(one)][0]}
            continue
        names[id(one)] = name, one
        yield name, _module_facts(one)
        for key, tensor in (*one._parameters.items(), *one._buffers.items()):  # noqa: SLF001
            if tensor is None:
                yield f"{name}.{key}", {"dtype": "None"}
                continue
            if id(tensor) not in tensors:  # shared weights are read once
                tensors[id(tensor)] = _tensor_facts(tensor), tensor
            yield f"{name}.{key}", tensors[id(tensor)][0]
        children = one._modules.items()  # noqa: SLF001 - named_children() leaves out repeated ones
        waiting[:0] = [(f"{name}.{key}", child) for key, child in children if child is not None]


def _module_facts(module: torch.nn.Module) -> Facts:
    kind = type(module)
    return {
        "type": f"a {kind.__qualname__}",
        "class": kind,
        "forward of its class": getattr(kind, "forward", None),
        "forward of its own": vars(module).get("forward"),
        "forward hooks": tuple(module._forward_hooks.values()),  # noqa: SLF001
        "forward pre-hooks": tuple(module._forward_pre_hooks.values()),  # noqa: SLF001
        # set by Module.compile()
        "compiled call": getattr(module, "_compiled_call_impl", None),
    }


def _tensor_facts(tensor: torch.Tensor) -> Facts:
    if torch.nn.parameter.is_lazy(tensor):
        return {"type": "a parameter that is not initialized"}
    facts = {"dtype": str(tensor.dtype), "device": f"on {tensor.device}"}
    if not tensor.is_nested:
        facts["shape"] = f"of shape {list(tensor.shape)}"
    strided = tensor.layout is torch.strided and not tensor.is_nested
    strides = f" with strides {list(tensor.stride())}" if strided else ""
    return {**facts, "layout": f"{tensor.layout}{strides}", "values": checksum(tensor)}


def _read_value(name: str, value: Any) -> Iterator[tuple[str, Facts]]:
    """Read the tensors and plain values in an input, which may be nested."""
    if isinstance(value, torch.Tensor):
        yield name, _tensor_facts(value)
    elif isinstance(value, Mapping):
        yield name, {"keys": tuple(map(repr, value))}
        for key, part in value.items():
            yield from _read_value(f"{name}[{key!r}]", part)
    elif isinstance(value, (tuple, list)):
        yield name, {"length": f"of length {len(value)}"}
        for index, part in enumerate(value):
            yield from _read_value(f"{name}[{index}]", part)
    elif value is None or isinstance(value, (bool, int, float, complex, str, bytes)):
        yield name, {"value": repr(value)}  # as text NaN is equal to itself
    else:
        yield name, {"type": f"a {type(value).__qualname__}"}
