"""Modules: what is placed on devices."""

from __future__ import annotations

import os
from typing import Any

import torch

from pybuda.standin import contract
from pybuda.standin.tensors import Parameter


class _Module:
    """A named workload; its device is set when it is placed."""

    def __init__(self, name: str) -> None:
        suffix = os.environ.get("PYBUDA_GRAPH_NAME_SUFFIX", "")
        self.name = f"{suffix}_{name}" if suffix else name
        self.device: Any = None
        self.input_names: list[str] = []

    def get_name(self) -> str:
        return self.name

    def get_device(self) -> Any:
        return self.device

    def __getstate__(self) -> dict[str, Any]:
        return {**self.__dict__, "device": None}


@contract.recorded_class("pybuda.Module")
class Module(_Module):
    """The base of all modules."""


@contract.recorded_class("pybuda.PyTorchModule")
class PyTorchModule(Module):
    """A torch module, which is changed: its `forward` leads through this wrapper from now on."""

    def __init__(self, name: str, module: torch.nn.Module, redirect_forward: bool) -> None:
        _Module.__init__(self, name)
        if not isinstance(module, torch.nn.Module):
            raise RuntimeError(f"Pytorch module expected, got {type(module)}")  # noqa: TRY004 - as recorded
        self.redirect_forward = redirect_forward
        self.original_forward = module.forward
        if redirect_forward:
            module.original_forward = module.forward
            module.forward = self.forward
        self.module = module

    def forward(self, *args: Any, **kwargs: Any) -> Any:
        if not self.redirect_forward:
            return self.module(*args, **kwargs)
        if self.input_names:
            assert len(self.input_names) == len(args)
            args, kwargs = (), {**kwargs, **dict(zip(self.input_names, args, strict=True))}
        return self.module.original_forward(*args, **kwargs)

    def get_parameters(self) -> list[Any]:
        held = {**dict(self.module.named_parameters()), **dict(self.module.named_buffers())}
        return [
            Parameter(value.cpu(), requires_grad=value.requires_grad, name=name)
            for name, value in held.items()
        ]

    def set_parameters(self, **kwargs: Any) -> None:
        held = self.module.state_dict()
        for name in kwargs.keys() - held.keys():
            raise RuntimeError(f"Pytorch module doesn't have parameter called {name!r}")
        self.module.load_state_dict({**held, **kwargs})

    def add_parameter(self, name: str, parameter: Any) -> None:
        if name in self.module._parameters:
            raise RuntimeError(f"Module {self.name} already has parameter {name!r}")
        self.module._parameters[name] = torch.nn.Parameter(parameter.value(), requires_grad=False)


@contract.recorded_class("pybuda.PyBudaModule")
class PyBudaModule(Module):
    """A module written in PyBuda's own operations: it can be placed and not compiled here."""

    def __init__(self, name: str) -> None:
        _Module.__init__(self, name)


@contract.recorded_class("pybuda.OnnxModule")
class OnnxModule(Module):
    """A module from a file of ONNX."""
