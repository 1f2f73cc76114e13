"""A model's modules and inputs as they were, to see whether an engine has changed them."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from typing import Any, Final

from ttbench_core.model import BenchmarkModel

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

    def __init__(self, inputs: Sequence[Any]) -> None:
        self._inputs: Final = inputs
        self._tensors: Final = tuple(inputs)
        self._copies: Final = tuple(tensor.clone() for tensor in inputs)

    def difference(self) -> str | None:
        """Say what has changed since; None if nothing has."""
        if [id(one) for one in self._inputs] != [id(one) for one in self._tensors]:
            return "other tensors are in it"
        for index, (tensor, copy) in enumerate(zip(self._tensors, self._copies, strict=True)):
            if (tensor.dtype, tensor.shape) != (copy.dtype, copy.shape):
                return f"tensor {index} has another type or shape"
            if not tensor.equal(copy):
                return f"tensor {index} has other values"
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
