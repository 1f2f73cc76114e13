"""From a model to a session: copies, formats, memory layout, levels, devices."""

from __future__ import annotations

import contextlib
from collections.abc import Iterator, Mapping
from typing import Any

import torch

from ttbench_core.backends.protocol import CompileOptions, Session
from ttbench_core.backends.replicas import ReplicatedSession
from ttbench_core.backends.torch.copies import private_copy
from ttbench_core.backends.torch.formats import (
    compute_dtype,
    format_notes,
    matmul_precision,
    to_format,
)
from ttbench_core.backends.torch.sessions import (
    AsyncSession,
    DirectSession,
    Facts,
    StagedSession,
    Step,
    TrainingStep,
    chained,
    inference,
)
from ttbench_core.backends.torch.stages import device_stage, host_stage, to_host
from ttbench_core.errors import UnsupportedOptionError
from ttbench_core.model import BenchmarkModel, Stages

__all__ = ["compile_session"]

#: From this level on, convolution weights lie channels last; from the next, torch.compile.
_MEMORY_FORMAT_LEVEL = 1
_COMPILE_LEVEL = 2


def compile_session(model: BenchmarkModel, options: CompileOptions) -> Session:
    """Compile a model for the devices that were chosen.

    Raises `UnsupportedOptionError` for a model that PyTorch cannot run as it
    is; what torch raises while compiling passes through.
    """
    _refuse_foreign(model)
    devices = [_torch_device(device.kind, device.index) for device in options.devices]
    settings = contextlib.ExitStack()
    with contextlib.ExitStack() as undo:
        undo.callback(settings.close)
        settings.enter_context(matmul_precision(options.math_fidelity))
        sessions = []
        for device in devices:
            sessions.append(_on_device(model, options, device, settings))
            undo.callback(sessions[-1].close)
        undo.pop_all()
    return sessions[0] if len(sessions) == 1 else ReplicatedSession(sessions)


def _on_device(
    model: BenchmarkModel,
    options: CompileOptions,
    device: torch.device,
    settings: contextlib.ExitStack,
) -> AsyncSession | DirectSession | StagedSession:
    if device.type == "cuda":
        torch.cuda.reset_peak_memory_stats(device)
    notes = tuple(_notes(model, options))
    facts = Facts(_effective(options, device), notes, [device], settings)
    stages = _copies(model.stages, options, device)
    if options.training:
        step = _training_step(model, stages, options, device)
        _warm_compiler(step, model, options)
        return DirectSession(step, facts)
    steps = [inference(step) for step in _steps(stages, options, device)]
    _warm_compiler(chained(steps), model, options)
    if len(steps) > 1:
        return StagedSession(steps, facts)
    if device.type == "cuda":
        return AsyncSession(steps[0], device, facts)
    return DirectSession(steps[0], facts)


def _copies(stages: Stages, options: CompileOptions, device: torch.device) -> dict[str, Any]:
    copies: dict[str, Any] = {
        name: private_copy(module)
        for name, module in stages.present(training=options.training).items()
    }
    for module in copies.values():
        module.train(options.training)
    to_format(copies["device"], options.data_format)
    copies["device"].to(device)
    if options.opt_level >= _MEMORY_FORMAT_LEVEL:
        _lay_channels_last(copies["device"])
    if options.opt_level >= _COMPILE_LEVEL:
        copies["device"] = torch.compile(copies["device"])
    return copies


def _lay_channels_last(module: torch.nn.Module) -> None:
    # weights alone decide: a convolution brings its input into the layout of its weights
    for part in module.modules():
        if isinstance(part, (torch.nn.Conv2d, torch.nn.ConvTranspose2d)):
            part.weight.data = part.weight.data.contiguous(memory_format=torch.channels_last)


def _steps(stages: Mapping[str, Any], options: CompileOptions, device: torch.device) -> list[Step]:
    """Give one step a stage; the last one leaves its outputs on the device if it is alone."""
    on_device = device_stage(stages["device"], device, compute_dtype(options.data_format))
    steps: list[Step] = []
    if "cpu_pre" in stages:
        steps.append(host_stage(stages["cpu_pre"]))
    steps.append(on_device)
    if "cpu_post" in stages:
        steps.append(host_stage(stages["cpu_post"], torch.float32))
    if len(steps) > 1 and device.type != "cpu":
        index = steps.index(on_device)
        steps[index] = _then_to_host(on_device)
    return steps


def _training_step(
    model: BenchmarkModel, stages: Mapping[str, Any], options: CompileOptions, device: torch.device
) -> TrainingStep:
    forward = chained(_steps(stages, options, device))
    dtype = compute_dtype(options.data_format)
    loss_device = torch.device("cpu") if "cpu_post" in stages else device
    loss_dtype = torch.float32 if "cpu_post" in stages else dtype
    targets = [
        target.to(loss_device, loss_dtype if target.is_floating_point() else target.dtype)
        for target in model.targets
    ]
    loss = stages["loss"].to(loss_device, loss_dtype)
    parameters = [p for module in stages.values() for p in module.parameters()]
    return TrainingStep(forward, loss, targets, parameters)


def _then_to_host(step: Step) -> Step:
    def run(inputs: Any) -> Any:
        return to_host(step(inputs))

    return run


def _warm_compiler(step: Step, model: BenchmarkModel, options: CompileOptions) -> None:
    # torch.compile works at the first call: without this one, compiling would count as running
    if options.opt_level >= _COMPILE_LEVEL:
        step(model.inputs)


def _refuse_foreign(model: BenchmarkModel) -> None:
    if model.generation:
        raise UnsupportedOptionError(
            "backend 'torch' runs a model once an input, and this one wants a generation loop"
            f" ({', '.join(model.generation)})"
        )
    for name, module in model.stages.present().items():
        if not isinstance(module, torch.nn.Module):
            raise UnsupportedOptionError(
                f"stage {name} is a {type(module).__name__} of {type(module).__module__}, which"
                " only its own backend can run; backend 'torch' runs a torch.nn.Module"
            )


def _torch_device(kind: str, index: int) -> torch.device:
    return torch.device(kind) if kind == "cpu" else torch.device(kind, index)


def _effective(options: CompileOptions, device: torch.device) -> dict[str, object]:
    return {
        "dtype": str(compute_dtype(options.data_format)).removeprefix("torch."),
        "emulated": options.data_format.is_block_float,
        "threads": torch.get_num_threads(),
        "matmul_precision": torch.get_float32_matmul_precision(),
        "compiled": options.opt_level >= _COMPILE_LEVEL,
        "device": str(device),
    }


def _notes(model: BenchmarkModel, options: CompileOptions) -> Iterator[str]:
    kind = options.devices[0].kind
    yield from format_notes(options.data_format, options.math_fidelity, kind)
    stages = len(model.stages.present(training=False))
    if kind == "cpu" and stages > 1 and not options.training:
        yield f"its {stages} stages overlap and share the cores of this CPU, device stage included"
