"""A model's modules and inputs as they were, to see whether an engine has changed them."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any, Final

from ttbench_core.model import BenchmarkModel, Inputs
from ttbench_core.models.inputs import is_tensor, named_leaves

__all__ = ["InputSnapshot", "ModuleSnapshot"]

_HOOKS: Final = ("_forward_hooks", "_forward_pre_hooks", "_backward_hooks")


class ModuleSnapshot:
    """The modules of a model: classes, modes, forwards, hooks, parameters and buffers."""

    def __init__(self, model: BenchmarkModel) -> None:
        self._model: Final = model
        self._facts: Final = self._current_facts()
        self._values: Final = {
            name: tensor.detach().clone() for name, tensor in self._tensors().items()
        }

    def difference(self) -> str | None:
        """Say what has changed since; None if nothing has."""
        facts = self._current_facts()
        for name in {**self._facts, **facts}:
            before, now = self._facts.get(name), facts.get(name)
            if before != now:
                return f"{name} was {before} and is {now}"
        for name, tensor in self._tensors().items():
            if not tensor.equal(self._values[name]):
                return f"{name} has other values"
        return None

    def _current_facts(self) -> dict[str, object]:
        return {
            f"{stage}: {what}": value
            for stage, module in self._model.stages.present().items()
            for what, value in _module_facts(module)
        }

    def _tensors(self) -> dict[str, Any]:
        return {
            f"{stage}: {name}": tensor
            for stage, module in self._model.stages.present().items()
            for name, tensor in _tensors_of(module).items()
        }


class InputSnapshot:
    """The inputs of a session: their types, shapes and values."""

    def __init__(self, inputs: Inputs) -> None:
        self._inputs: Final = inputs
        self._leaves: Final = tuple(named_leaves(inputs))
        self._copies: Final = tuple(
            value.clone() if is_tensor(value) else value for _, value in self._leaves
        )

    def difference(self) -> str | None:
        """Say what has changed since; None if nothing has."""
        now = [(name, id(value)) for name, value in named_leaves(self._inputs)]
        if now != [(name, id(value)) for name, value in self._leaves]:
            return "other values are in it"
        for (name, tensor), copy in zip(self._leaves, self._copies, strict=True):
            if not is_tensor(tensor):
                continue
            if (tensor.dtype, tensor.shape) != (copy.dtype, copy.shape):
                return f"tensor {name} has another type or shape"
            if not tensor.equal(copy):
                return f"tensor {name} has other values"
        return None


def _module_facts(module: Any) -> Iterator[tuple[str, object]]:
    for name, part in module.named_modules():
        where = f" of {name}" if name else ""
        yield f"the class{where}", type(part)
        yield f"the training mode{where}", part.training
        yield f"forward(){where}", _origin_of_forward(part)
        yield f"the number of hooks{where}", [len(vars(part).get(kind, ())) for kind in _HOOKS]
        yield f"the attributes{where}", sorted(vars(part))
    for name, tensor in _tensors_of(module).items():
        yield f"the dtype of {name}", tensor.dtype
        yield f"the shape of {name}", tuple(tensor.shape)
        yield f"the device of {name}", str(tensor.device)
        yield f"the gradient of {name}", (tensor.requires_grad, tensor.grad is not None)
        yield f"the identity of {name}", id(tensor)


def _origin_of_forward(part: Any) -> str:
    own = vars(part).get("forward")
    return "its class's" if own is None else f"its own at {id(own):#x}"


def _tensors_of(module: Any) -> Mapping[str, Any]:
    return {**dict(module.named_parameters()), **dict(module.named_buffers())}
