"""initialize_pipeline: every check in its order, then the stages."""

from __future__ import annotations

import os
import queue
import shutil
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import torch

from pybuda import standin
from pybuda.standin import cards, images, state
from pybuda.standin.device import CPUDevice
from pybuda.standin.environment import has, is_one
from pybuda.standin.modules import PyTorchModule
from pybuda.standin.stages import CPUStage, TTStage, must_reach_its_process
from pybuda.standin.tensors import to_torch
from pybuda.standin.values import BackendDevice, BackendType, DeviceMode

RUNTIME_DATA = "runtime_data.yaml"


@dataclass
class Request:
    """The arguments of initialize_pipeline."""

    training: bool
    output_queue: Any = None
    checkpoint_queue: Any = None
    sample_inputs: Any = ()
    sample_targets: Any = ()
    microbatch_count: int = 1
    sequential: bool = False
    verify_cfg: Any = None
    device_mode: Any = DeviceMode.CompileAndRun


def is_sequential(asked: bool = False) -> bool:
    """Say whether commands run in the caller's thread."""
    kinds = {device.devtype for device in state.current.devices}
    modelled = bool(kinds & {BackendType.Golden, BackendType.Model})
    return asked or has("PYBUDA_FORCE_SEQUENTIAL") or modelled


def initialize(request: Request) -> Any:
    """Compile the pipeline; gives the output queue, or the one of checkpoints in training."""
    devices = state.current.devices
    if not request.training:
        assert len(request.sample_targets) == 0, "Sample targets are for training only"
    if not devices:
        state.LOG.warning("Nothing to do")
        return None
    _check_order()
    _check_losses(request, devices)
    if standin.settings().fail == "initialize":
        raise RuntimeError(f"Compile failed for {devices[0]!r}")
    inputs, names = _sample_inputs(request, devices[0])
    microbatch = _microbatch(inputs, devices)
    pipeline = state.Pipeline(
        training=request.training, sequential=is_sequential(request.sequential)
    )
    pipeline.microbatch_count = request.microbatch_count
    state.current.pipeline = pipeline
    _insert_fallback(devices)
    _compile(pipeline, request, inputs, names, microbatch)
    if request.output_queue is not None:
        pipeline.output_queue = request.output_queue
    if request.device_mode == DeviceMode.CompileOnly:
        pipeline.compile_only = pipeline.compiled = True
        return pipeline.output_queue
    pipeline.start()
    if request.training:
        pipeline.checkpoint_queue = request.checkpoint_queue or queue.Queue()
        return pipeline.checkpoint_queue
    return pipeline.output_queue


def _check_order() -> None:
    if state.current.shut_down:
        standin.refuse("the devices were shut down: pybuda_reset() and make new ones")
    if state.active() is not None:
        standin.refuse("a pipeline is alive and would be reused: shutdown() and pybuda_reset()")


def _check_losses(request: Request, devices: list[Any]) -> None:
    if not request.training:
        if request.checkpoint_queue is not None:
            raise RuntimeError("Checkpoint queue should only be provided in training mode")
        if any(device.loss_module is not None for device in devices):
            standin.refuse("a loss module waits for targets for ever when nothing trains")
        return
    if any(device.loss_module is not None for device in devices[:-1]):
        raise RuntimeError("Only the last device in the pipieline should have a loss module.")
    if devices[-1].loss_module is None:
        raise RuntimeError("The last device in pipeline must have a loss module to train.")


def _sample_inputs(request: Request, first: Any) -> tuple[Any, list[str]]:
    given = request.sample_inputs
    if isinstance(given, dict):
        return to_torch(given.values()), list(given)
    if len(given):
        return to_torch(given), []
    if first._first_inputs is None:
        raise RuntimeError(
            "Inputs must be pushed into the first device before trying to compile the model."
        )
    return to_torch(first._first_inputs), first.modules[0].input_names


def _microbatch(inputs: Any, devices: list[Any]) -> int:
    """Give the leading dimension that all inputs share, or that is 1."""
    if state.current.config.compile_subgraphs:
        assert len(inputs) == len(devices[0].modules), (
            f"Number of input groups ({len(inputs)}) must match number of modules "
            f"({len(devices[0].modules)})"
        )
        assert len(devices) == 1, "Compile subgraph does not support multiple devices"
        assert len(inputs) > 1, "Found only 1 module on a TTDevice, but compile_subgraphs is set"
        sizes = [group[0].shape[0] for group in inputs]
        assert len(set(sizes)) == 1, "Microbatch size must be the same for subgraph modules."
        return sizes[0]
    size = inputs[0].shape[0]
    if any(each.shape[0] not in (size, 1) for each in inputs):
        raise RuntimeError("Microbatch size doesn't match for all inputs")
    if is_one("PYBUDA_N300_DATA_PARALLEL"):
        assert size > 1, "microbatch size is expected to be > 1 for data parallel"
    return size


def _insert_fallback(devices: list[Any]) -> None:
    """Put a CPUDevice in front of embeddings, as automatic fallback does (it passes through)."""
    config = state.current.config
    if not config.enable_tvm_cpu_fallback or "embedding" not in config.cpu_fallback_ops:
        return
    device = devices[0]
    torch_modules = [getattr(each, "module", None) for each in device.modules]
    if (
        isinstance(device, CPUDevice)
        or device._image is not None
        or not any(
            isinstance(part, torch.nn.Embedding)
            for module in torch_modules
            if isinstance(module, torch.nn.Module)
            for part in module.modules()
        )
    ):
        return
    assert len(device.modules) - (device.loss_module is not None) == 1, (
        "Compile subgraph or multiple modules on 1 device do not support CPU fallback"
    )
    state.LOG.warning("Unsupported ops found before main graph, will be executed on the CPU")
    _put_in_front(device, devices)


def _put_in_front(device: Any, devices: list[Any]) -> None:
    pipeline, state.current.pipeline = state.current.pipeline, None
    front = CPUDevice("cpu0_fallback", module=PyTorchModule("fallback0", _Through()))
    state.current.pipeline = pipeline
    devices.insert(0, devices.pop())
    front._inputs, front._first_inputs = device._inputs, device._first_inputs
    front._pushed, front._lost = device._pushed, device._lost
    device.cpu_fallback_device_pre = front


class _Through(torch.nn.Module):
    def forward(self, *tensors: Any) -> Any:
        return tensors


def _compile(
    pipeline: state.Pipeline, request: Request, inputs: Any, names: list[str], microbatch: int
) -> None:
    """Make the stages and lead one row through them, as the real compiler does."""
    config = state.current.config
    config.enable_training = request.training
    _build(Path(config.backend_output_dir))
    scale = 1.0 if request.verify_cfg is None else request.verify_cfg.scale_loss
    groups = list(inputs) if config.compile_subgraphs else None
    values = None if groups else _one_row(inputs)
    if names:
        state.current.devices[0].modules[0].input_names = names
    targets = _targets(request)
    for device in state.current.devices:
        if isinstance(device, CPUDevice):
            if not pipeline.sequential:
                must_reach_its_process(device)
            stage: Any = CPUStage(device, training=request.training, scale_loss=scale)
        else:
            _prepare(device, config)
            stage = TTStage(device, training=request.training, groups=groups)
            stage.link(config.enable_link_past_cache_ios)
            device._stage = stage
            stage.graph_state = _graph_state(device, inputs, targets, microbatch, groups)
        if values is not None:
            with torch.no_grad():
                values = stage.trace(values)
        pipeline.stages.append(stage)
    pipeline.shapes = None if groups else [each.shape for each in inputs]
    _leave_traces()


def _build(folder: Path) -> None:
    """Empty the folder and build in it; the device of an image finds its binaries there."""
    if any(device._image is not None for device in _tenstorrents()):
        _find_binaries(folder)
        return
    shutil.rmtree(folder, ignore_errors=True)
    folder.mkdir(parents=True)
    for name in ("netlist.yaml", RUNTIME_DATA):
        (folder / name).touch()
    os.getcwd()


def _tenstorrents() -> list[Any]:
    return [device for device in state.current.devices if not isinstance(device, CPUDevice)]


def _find_binaries(folder: Path) -> None:
    """Raise as the runtime of a card does where a compiled model has no binaries."""
    silicon = any(device.devtype == BackendType.Silicon for device in _tenstorrents())
    if silicon and not (folder / RUNTIME_DATA).is_file():
        raise RuntimeError(f"Pre-compiled build folder {folder} has no {RUNTIME_DATA}")


def _prepare(device: Any, config: Any) -> None:
    cards.settle(device, config)
    if standin.settings().fail == "compile":
        raise RuntimeError("Backend compile failed!")
    cards.check_wheel(device)
    if not device.modules:
        raise RuntimeError("Trying to run device with no modules")
    if device.arch == BackendDevice.Wormhole_B0:
        os.environ["TT_BACKEND_MULTI_THREADED_PUSH"] = "1"


def _one_row(inputs: Any) -> tuple[torch.Tensor, ...]:
    return tuple(each.detach()[:1].clone() for each in inputs)


def _targets(request: Request) -> Any:
    if not request.training:
        return ()
    last = state.current.devices[-1]
    if len(request.sample_targets):
        return to_torch(request.sample_targets)
    if last._first_targets is None:
        raise RuntimeError(
            "Targets must be pushed into the last device before trying to compile the model."
        )
    return to_torch(last._first_targets)


def _graph_state(device: Any, inputs: Any, targets: Any, microbatch: int, groups: Any) -> Any:
    if device._image is not None:
        return device._image.compiled_graph_state
    flat = inputs if groups is None else [each for group in groups for each in group]
    shapes = [[1, *each.shape[1:]] for each in flat]
    if is_one("PYBUDA_N300_DATA_PARALLEL"):  # all inputs of each chip, with half of the batch
        shapes, microbatch = 2 * shapes, microbatch // 2
    return images.CompiledGraphState(
        ordered_input_shapes=shapes,
        ordered_target_shapes=[[1, *each.shape[1:]] for each in targets],
        microbatch=microbatch,
        groups=groups,
    )


def _leave_traces() -> None:
    if has("PYBUDA_OP_PERF"):
        Path("op_perf.csv").write_text("name,grid,cycles\nmatmul_0,1x1,1000\n")
