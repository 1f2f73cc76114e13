"""Devices in general, and the host's processor: where modules are placed and inputs pushed."""

from __future__ import annotations

import queue
from collections import UserDict
from typing import Any

from pybuda import standin
from pybuda.standin import contract, state
from pybuda.standin.modules import Module, PyTorchModule
from pybuda.standin.tensors import to_torch


class Device:
    """What all devices have; making one puts it at the end of the pipeline."""

    _takes: type = Module
    _refusal = "Only PyBuda modules can be placed on TTDevices at this time."

    def _register(self, name: str) -> None:
        if state.active() is not None:
            standin.refuse(f"device {name!r} is made while a pipeline is alive")
        self.name = name
        self.modules: list[Any] = []
        self.loss_module: Any = None
        self.cpu_fallback_device_pre: Any = None
        self.cpu_fallback_device_post: Any = None
        self._inputs: queue.Queue[Any] = queue.Queue()
        self._targets: queue.Queue[Any] = queue.Queue()
        self._first_inputs: Any = None
        self._first_targets: Any = None
        self._pushed = 0
        self._lost = 0
        state.current.devices.append(self)

    def __repr__(self) -> str:
        return f"{type(self).__name__} {self.name!r}"

    def place_module(self, module: Any) -> None:
        self._place(module)

    def _place(self, module: Any) -> None:
        for each in module if isinstance(module, list | tuple) else [module]:
            if not isinstance(each, self._takes):
                raise RuntimeError(self._refusal)  # noqa: TRY004 - as recorded
            if state.active() is not None:
                standin.refuse(f"module {each.name!r} is placed while a pipeline is alive")
            if any(placed.name == each.name for placed in self.modules):
                raise RuntimeError("Module names should be unique for each module on device")
            self.modules.append(each)
            each.device = self

    def place_loss_module(self, module: Any) -> None:
        if not isinstance(module, Module):
            raise RuntimeError(f"Expected a Module, but got {type(module)}")  # noqa: TRY004 - as recorded
        self._place(module)
        self.loss_module = module

    def remove_loss_module(self) -> None:
        assert self.loss_module is not None
        self.modules.remove(self.loss_module)
        self.loss_module = None

    def push_to_inputs(self, *tensors: Any) -> None:
        """Queue one microbatch on the host, with the faults that can befall it there."""
        device = self.cpu_fallback_device_pre or self
        device._must_be("first", 0)
        tensors = device._grouped(tensors)
        if device._first_inputs is None:
            device._first_inputs = tensors
        if device._first_inputs[0].shape[0] != tensors[0].shape[0]:
            raise RuntimeError("Batch size mismatch between first input and current input")
        settings = standin.settings()
        beyond = device._pushed >= settings.after
        if settings.fail == "push" and beyond:
            raise RuntimeError("unable to open shared memory object: too many open files")
        device._pushed += 1
        if settings.starve and beyond:
            device._lost += 1
        else:
            device._inputs.put(to_torch(tensors))

    def _grouped(self, tensors: Any) -> Any:
        if len(tensors) == 1 and isinstance(tensors[0], tuple | list | dict | UserDict):
            tensors = tensors[0]
        if isinstance(tensors, dict | UserDict):
            names, tensors = zip(*tensors.items(), strict=True)
            self.modules[0].input_names = list(names)
        return tensors

    def push_to_target_inputs(self, *tensors: Any) -> None:
        self._must_be("last", -1)
        pipeline = state.active()
        if pipeline is not None and not pipeline.training:
            standin.refuse("targets are pushed to a pipeline that does not train")
        if len(tensors) == 1 and isinstance(tensors[0], tuple | list):
            tensors = tensors[0]
        if self._first_targets is None:
            self._first_targets = tensors
        self._targets.put(tensors)

    def _must_be(self, which: str, index: int) -> None:
        devices = state.current.devices
        if not devices or devices[index] is not self:
            standin.refuse(f"{self!r} is not the {which} device of the pipeline: nothing reads it")


@contract.recorded_class("pybuda.CPUDevice")
class CPUDevice(Device):
    """The host's processor: runs torch modules as they are."""

    _takes = PyTorchModule
    _refusal = "Only PyTorch and TensorFlow modules can be placed on CPUDevices at this time."

    def __init__(
        self,
        name: str,
        optimizer_f: Any,
        scheduler_f: Any,
        mp_context: Any,
        retain_backward_graph: bool,
        module: Any,
        input_dtypes: Any,
    ) -> None:
        self._register(name)
        self.devtype = None
        self.device = "cpu"
        self.input_dtypes = input_dtypes
        self.optimizer: Any = None
        self._optimizer_f = optimizer_f
        self._scheduler_f = scheduler_f
        if module is not None:
            self._place(module)

    def sync(self) -> None:
        """Return at once, as the real one does."""


@contract.recorded_class("pybuda.GPUDevice")
class GPUDevice(CPUDevice):
    """A CPUDevice of another name here: nothing is moved to a GPU."""

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        given = CPUDevice.__init__.__signature__.bind(self, *args, **kwargs)
        given.apply_defaults()
        CPUDevice.__init__.behaviour(*given.args, **given.kwargs)
        self.device = "cuda"
