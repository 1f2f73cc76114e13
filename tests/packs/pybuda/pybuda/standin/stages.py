"""What computes: one stage for each device, in plain torch on the CPU."""

from __future__ import annotations

import copy
import os
import pickle
from typing import Any

import torch

from pybuda import standin
from pybuda.standin.cache import PastCache
from pybuda.standin.environment import is_one
from pybuda.standin.modules import PyTorchModule
from pybuda.standin.tensors import Tensor, flattened


def in_float32(tensors: tuple[torch.Tensor, ...]) -> tuple[torch.Tensor, ...]:
    return tuple(each.float() if each.is_floating_point() else each for each in tensors)


class TTStage:
    """A TTDevice's modules: copied when they are compiled, computed in float32."""

    def __init__(self, device: Any, *, training: bool, groups: list[Any] | None) -> None:
        for module in device.modules:
            if not isinstance(module, PyTorchModule):
                raise NotImplementedError(f"the stand-in computes no {type(module).__name__}")
        copies = copy.deepcopy(device.modules)
        for module in copies:
            module.module.float().eval()
        self._loss = None
        if device.loss_module is not None:
            self._loss = copies.pop(device.modules.index(device.loss_module))
        self._graphs = [copies] if groups is None else [[each] for each in copies]
        self._modules = copies
        self._device = device
        self._cache = None if groups is None else PastCache(groups)
        self._training = training
        self.graph_state: Any = None
        self.kept_optimizer: Any = None
        self._noise = torch.Generator().manual_seed(0)

    def link(self, linked: bool) -> None:
        if self._cache is not None:
            self._cache.linked = linked

    def trace(self, values: Any) -> Any:
        """Lead one row through the modules, as compiling does; then they may train."""
        for module in self._graphs[0]:
            values = in_float32(flattened(module.forward(*in_float32(values))))
            module.module.train(self._training)
        return values

    def run(self, inputs: Any, targets: Any = None, write_index: int = 0) -> Any:
        """Compute one microbatch through the active graph."""
        active = self._device._subgraph
        if active >= len(self._graphs):
            if active == len(self._graphs) and is_one("PYBUDA_ROTATE_PAST_CACHE_PARAMS"):
                return ()  # the rotation of the cache: counted, not computed
            raise RuntimeError(f"there is no subgraph {active}")
        values = in_float32(inputs)
        missing = 0
        if self._cache is not None:
            values, missing = self._cache.complete(active, values)
        for module in self._graphs[active]:
            values = in_float32(flattened(module.forward(*values)))
        if self._cache is not None:
            values = self._cache.keep(values, missing, write_index)
        if self._loss is not None and targets is not None:
            return flattened(self._loss.forward(*values, *in_float32(targets)))
        return self._as_read(values)

    def _as_read(self, values: Any) -> Any:
        sigma = standin.settings().distort
        if sigma:
            values = tuple(self._noisy(each, sigma) for each in values)
        if is_one("PYBUDA_N300_DATA_PARALLEL"):
            # all outputs of the first chip, then all of the second
            values = tuple(each.chunk(2)[chip] for chip in (0, 1) for each in values)
        return values

    def _noisy(self, value: torch.Tensor, sigma: float) -> torch.Tensor:
        if not value.is_floating_point():
            return value
        return value + sigma * torch.randn(value.shape, generator=self._noise)

    def parameters(self) -> dict[str, torch.Tensor]:
        return {
            name: value
            for module in self._modules
            for name, value in module.module.named_parameters()
        }

    def load(self, parameters: dict[str, Any]) -> None:
        own = self.parameters()
        with torch.no_grad():
            for name, value in parameters.items():
                own[name].copy_(value.value() if isinstance(value, Tensor) else value)

    def optimizer(self) -> Any:
        if self._device.optimizer is None:
            raise RuntimeError(f"{self._device!r} has no optimizer")
        return self._device.optimizer._stepper(list(self.parameters().values()))

    def item(self, values: Any) -> list[Any]:
        """Give what the queue yields when this device is the last."""
        return [Tensor(each.detach().clone()) for each in values]


class CPUStage:
    """A CPUDevice's modules, as they are."""

    def __init__(self, device: Any, *, training: bool, scale_loss: float) -> None:
        self._device = device
        self._training = training
        self._scale = scale_loss
        self._modules = [each for each in device.modules if each is not device.loss_module]
        self._passes_through = device.name.endswith("_fallback")
        if not device.modules:
            raise RuntimeError("Trying to run device with no modules")
        self.kept_optimizer: Any = None
        self._optimizer = None
        if training and device._optimizer_f is not None and self.parameters():
            self._optimizer = device._optimizer_f(torch.nn.ModuleList(self._torch_modules()))

    def _torch_modules(self) -> list[torch.nn.Module]:
        return [each.module for each in self._modules]

    def run(self, inputs: Any, targets: Any = None, write_index: int = 0) -> Any:
        """Compute one microbatch, and the loss if there are targets for it."""
        values = self._cast(inputs)
        for module in self._modules:
            if not self._training:
                module.module.eval()
            values = module.forward(*values)
            values = values if isinstance(values, tuple) else (values,)
        values = tuple(each.to("cpu") for each in values)  # a list or a dict ends here, as recorded
        if self._device.loss_module is None or targets is None:
            return values
        first, second = (it[0] if len(it) == 1 else it for it in (values, targets))
        loss = self._device.loss_module.forward(first, second)
        _must_reach_all(loss, values)
        return (self._scale * loss,)

    def trace(self, values: Any) -> Any:
        """Lead one row through the modules, as compiling does: numbers come out as floats."""
        values = self.run(values)
        return values if self._passes_through else tuple(each.float() for each in values)

    def _cast(self, inputs: Any) -> Any:
        wanted = self._device.input_dtypes
        if wanted:
            assert len(wanted) == len(inputs), "input_dtypes does not fit the number of inputs"
            return tuple(each.type(dtype) for each, dtype in zip(inputs, wanted, strict=True))
        if any(each.dtype in (torch.float16, torch.bfloat16) for each in inputs):
            return tuple(each.float() for each in inputs)
        return tuple(inputs)

    def parameters(self) -> dict[str, torch.Tensor]:
        return {
            name: value
            for module in self._torch_modules()
            for name, value in module.named_parameters()
        }

    def load(self, parameters: dict[str, Any]) -> None:
        TTStage.load(self, parameters)  # the same for both

    def optimizer(self) -> torch.optim.Optimizer | None:
        return self._optimizer

    def item(self, values: Any) -> tuple[Any, ...]:
        """Give what the queue yields when this device is the last."""
        if self._training:
            return tuple(each.item() for each in values)
        return tuple(Tensor(each.detach()) for each in values)


def _must_reach_all(loss: torch.Tensor, values: Any) -> None:
    """Fail as the real library does, which leads a gradient back for every output."""
    leading = [each for each in values if each.requires_grad]
    if leading and loss.requires_grad:
        for gradient in torch.autograd.grad(loss, leading, retain_graph=True, allow_unused=True):
            gradient.to("cpu")  # None has no such attribute, as recorded


class _Sink:
    """A file that keeps nothing."""

    def write(self, data: bytes) -> int:
        return len(data)


class _Probe(pickle.Pickler):
    """Pickles everything but the numbers of tensors."""

    def persistent_id(self, thing: Any) -> str | None:
        return "tensor" if isinstance(thing, torch.Tensor) else None


def must_reach_its_process(device: Any) -> None:
    """Raise as the real library does when a CPUDevice's modules do not pickle."""
    if os.environ.get("PYBUDA_FORCE_THREADS", "0") != "0" or not standin.settings().pickle:
        return
    try:
        _Probe(_Sink()).dump(device.modules)
    except Exception as error:
        raise RuntimeError(f"Compile failed for {device!r}") from error
