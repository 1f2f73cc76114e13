"""PyBuda's tensors: a torch tensor in another coat."""

from __future__ import annotations

from typing import Any

import torch

from pybuda.standin import contract
from pybuda.standin.values import DataFormat

FORMATS = {
    torch.float16: DataFormat.Float16,
    torch.bfloat16: DataFormat.Float16_b,
    torch.float32: DataFormat.Float32,
    torch.int8: DataFormat.Int8,
    torch.int32: DataFormat.Int32,
    torch.int64: DataFormat.Int8,  # as recorded: with a warning there
    torch.bool: DataFormat.Bfp2_b,
}


class TensorShape:
    """The dimensions of a parameter."""

    def __init__(self, *dims: int) -> None:
        self.dims = dims

    def __len__(self) -> int:
        return len(self.dims)

    def __getitem__(self, index: int) -> int:
        return self.dims[index]

    def __repr__(self) -> str:
        return str(self.dims)


@contract.recorded_class("pybuda.Tensor")
class Tensor:
    """What queues yield: the value is a torch tensor with the microbatch as leading dimension."""

    def __init__(self, held: torch.Tensor, data_format: Any = None) -> None:
        self._held = held
        self._format = data_format or FORMATS.get(held.dtype)

    @classmethod
    def create_from_torch(cls, torch_tensor: Any, dev_data_format: Any, constant: bool) -> Any:
        return cls(torch_tensor, dev_data_format)

    def value(self) -> torch.Tensor:
        return self._held

    def to_pytorch(self) -> torch.Tensor:
        return self._held

    def detach(self) -> Tensor:
        return Tensor(self._held.detach(), self._format)

    def clone(self) -> Tensor:
        return Tensor(self._held.clone(), self._format)

    @property
    def shape(self) -> Any:
        return self._held.shape

    @property
    def data_format(self) -> Any:
        return self._format

    def has_value(self) -> bool:
        return True

    def to_framework(self, framework: str) -> torch.Tensor:
        if framework != "pytorch":
            raise NotImplementedError(f"the stand-in has no tensors of {framework}")
        return self._held


@contract.recorded_class("pybuda.Parameter")
class Parameter:
    """A named weight."""

    def __init__(
        self, *args: Any, requires_grad: bool, name: str | None, dev_data_format: Any
    ) -> None:
        given = args[0] if args and isinstance(args[0], torch.Tensor) else None
        self._held = given
        self._name = name
        self.requires_grad = requires_grad
        self.shape = TensorShape(*(args if given is None else given.shape))
        self.data_format = dev_data_format

    def value(self, is_buda: bool) -> Any:
        if is_buda:
            raise NotImplementedError("the stand-in does not pad to tiles")
        return self._held

    def set_value(self, value: torch.Tensor) -> None:
        self._held = value

    def get_name(self) -> str | None:
        return self._name


def to_torch(items: Any) -> tuple[Any, ...]:
    """Take pushed tensors out of their coats, groups of tensors too."""
    out = []
    for item in items:
        if isinstance(item, torch.Tensor):
            out.append(item)
        elif isinstance(item, Tensor):
            out.append(item.value())
        elif isinstance(item, list | tuple):
            out.append(to_torch(item))
        else:
            raise RuntimeError(f"Unknown type of tensor: {type(item)}")  # noqa: TRY004 - as recorded
    return tuple(out)


def flattened(outputs: Any) -> tuple[torch.Tensor, ...]:
    """Flatten what a module returned: tensors in tuples, lists and dicts; None is left out."""
    if outputs is None:
        return ()
    if isinstance(outputs, torch.Tensor):
        return (outputs,)
    if isinstance(outputs, dict):
        outputs = list(outputs.values())
    if isinstance(outputs, list | tuple):
        return tuple(tensor for output in outputs for tensor in flattened(output))
    raise RuntimeError(f"Unknown type of output: {type(outputs)}")
