"""The way back, optimizers and parameters."""

from __future__ import annotations

from typing import Any

from pybuda import standin
from pybuda.standin import state
from pybuda.standin.device import CPUDevice
from pybuda.standin.running import pipeline_for
from pybuda.standin.tensors import Tensor


def backward(input_count: int, zero_grad: bool, sequential: bool) -> None:
    """Lead the losses back, oldest first."""
    pipeline = pipeline_for("run_backward()", sequential)
    if pipeline is None:
        return
    if pipeline.training and pipeline.waiting_backward < input_count:
        standin.refuse(
            f"run_backward() of {input_count} would wait for ever: "
            f"{pipeline.waiting_backward} went forward"
        )
    pipeline.waiting_backward -= input_count
    for turn in range(input_count):
        clear = zero_grad and turn == 0
        pipeline.post(lambda clear=clear: _one_backward(pipeline, clear))


def _one_backward(pipeline: state.Pipeline, clear: bool) -> None:
    if not pipeline.training:
        raise RuntimeError("the pipeline was not compiled for training")
    settings = standin.settings()
    if settings.fail == "backward" and pipeline.went_back >= settings.after:
        raise RuntimeError("the way back failed (a fault that a test asked for)")
    pipeline.went_back += 1
    if clear:
        for stage in pipeline.stages:
            for parameter in stage.parameters().values():
                parameter.grad = None
    for loss in pipeline.losses.popleft():
        loss.backward()


def optimizer(checkpoint: bool, sequential: bool) -> None:
    """Step every device's optimizer."""
    pipeline = pipeline_for("run_optimizer()", sequential)
    if pipeline is not None:
        pipeline.post(lambda: _step(pipeline))
    if not checkpoint:
        return
    active = state.active()
    if active is None or not active.training:
        raise RuntimeError("Pipeline hasn't been initialized for training")
    active.checkpoint_queue.put(
        parameters("get_parameter_checkpoint()", "checkpoint", None, sequential)
    )


def _step(pipeline: state.Pipeline) -> None:
    for stage in pipeline.stages:
        if stage.kept_optimizer is None:
            stage.kept_optimizer = stage.optimizer()
        if stage.kept_optimizer is not None:
            stage.kept_optimizer.step()


def schedulers(sequential: bool) -> None:
    """Do nothing but check that it may be called: no learning rate changes here."""
    pipeline_for("run_schedulers()", sequential)


def parameters(
    who: str, kind: str, device: Any = None, sequential: bool = False
) -> list[dict[str, Any]]:
    """Read parameters or their gradients; a device that does not answer gives {}."""
    pipeline = pipeline_for(who, sequential)
    devices = state.current.devices if device is None else [device]
    if pipeline is None:
        return [{} for _ in devices]
    pipeline.wait_until_idle(who)
    return [_read(pipeline, each, kind) for each in devices]


def _read(pipeline: state.Pipeline, device: Any, kind: str) -> dict[str, Any]:
    if isinstance(device, CPUDevice) and kind == "gradients":
        return {}
    stage = pipeline.stages[state.current.devices.index(device)]
    held = stage.parameters().items()
    if kind == "gradients":
        return {name: Tensor(it.grad.clone()) for name, it in held if it.grad is not None}
    return {name: Tensor(it.detach().clone()) for name, it in held}


def update(device: Any, given: list[dict[str, Any]], sequential: bool) -> None:
    """Load parameters, one dict for each device."""
    pipeline = pipeline_for("update_device_parameters()", sequential)
    if pipeline is None:
        return
    devices = state.current.devices if device is None else [device]
    for each, values in zip(devices, given, strict=True):
        stage = pipeline.stages[state.current.devices.index(each)]
        pipeline.post(lambda stage=stage, values=values: stage.load(values))
