"""From a model to a session: copies, formats, memory layout, levels, devices.

| model | session |
|---|---|
| generating tokens | `GeneratingSession` |
| in training | `SyncSession` around a `TrainingStep`, its stages in a row |
| several stages | `StagedSession`, a thread per stage |
| one stage on CUDA | `AsyncSession` |
| one stage on the CPU | `SyncSession` |

Several devices get one of these each, in a `ReplicatedSession`.
"""

from __future__ import annotations

import contextlib
from collections.abc import Iterator

import torch

from ttbench_core.backends.protocol import CompileOptions, Session
from ttbench_core.backends.replicas import ReplicatedSession
from ttbench_core.backends.shared.host_threads import host_threads
from ttbench_core.backends.torch.checks import check_request
from ttbench_core.backends.torch.formats import Quantised, compute_dtype, format_notes
from ttbench_core.backends.torch.generating import GeneratingSession, TokenGenerator
from ttbench_core.backends.torch.global_settings import matmul_precision
from ttbench_core.backends.torch.model_copies import COMPILE_LEVEL, ModelCopy, copy_model
from ttbench_core.backends.torch.options import torch_options
from ttbench_core.backends.torch.sessions import (
    AsyncSession,
    SessionInfo,
    StagedSession,
    SyncSession,
)
from ttbench_core.backends.torch.stages import HOST, Step, chain_steps, inference_steps
from ttbench_core.backends.torch.training import make_training_step
from ttbench_core.model import BenchmarkModel
from ttbench_core.models.counting import new_tokens_of
from ttbench_core.models.inputs import tensor_mapper
from ttbench_core.request.options import DataFormat

__all__ = ["compile_session"]


def compile_session(model: BenchmarkModel, options: CompileOptions) -> Session:
    """Compile a model for the devices that were chosen.

    Raises `UnsupportedOptionError` for a model that PyTorch cannot run as it
    is; what torch raises while compiling passes through.
    """
    check_request(model, options)
    devices = [_torch_device(device.kind, device.index) for device in options.devices]
    settings = contextlib.ExitStack()
    with contextlib.ExitStack() as undo:
        undo.callback(settings.close)
        settings.enter_context(host_threads(options.threads))
        settings.enter_context(matmul_precision(options.math_fidelity))
        if options.opt_level >= COMPILE_LEVEL:
            # what an earlier run compiled would be reused, or count towards the limit beyond
            # which torch silently runs eagerly
            torch._dynamo.reset()  # noqa: SLF001
        copies = [copy_model(model.stages, options, device) for device in devices]
        if not options.training:
            # once for all inputs: entering it for each costs 1 % of a model of 1.5 ms
            settings.enter_context(torch.inference_mode())
        sessions = []
        for device, model_copy in zip(devices, copies, strict=True):
            sessions.append(_make_session(model, model_copy, options, device, settings))
            undo.callback(sessions[-1].close)
        undo.pop_all()
    return sessions[0] if len(sessions) == 1 else ReplicatedSession(sessions)


def _make_session(
    model: BenchmarkModel,
    model_copy: ModelCopy,
    options: CompileOptions,
    device: torch.device,
    settings: contextlib.ExitStack,
) -> Session:
    cache = torch_options(options).cache
    modules, data_format = model_copy.modules, options.data_format
    notes = tuple(_notes(model, options, model_copy.quantised))
    effective = _effective(options, device, model_copy.quantised)
    is_reference = _is_reference(options, device) and cache == "dynamic"
    if model.generation:
        effective["cache"] = cache
    info = SessionInfo(effective, notes, device, is_reference)
    if model.generation:
        generator = TokenGenerator(
            modules["device"],
            device,
            compute_dtype(data_format),
            new_tokens_of(model) or 1,
            cache=cache,
            compiled=options.opt_level >= COMPILE_LEVEL,
        )
        _trigger_compilation(generator, model, options)
        return GeneratingSession(generator, info, settings)
    if options.training:
        step = make_training_step(model, modules, data_format, device)
        _trigger_compilation(step, model, options)
        return SyncSession(step, info, settings)
    steps = inference_steps(modules, data_format, device, model.inputs)
    _trigger_compilation(chain_steps(steps), model, options)
    if len(steps) > 1:
        return StagedSession(steps, info, settings)
    if device.type == "cuda":
        pin = tensor_mapper(torch.Tensor.pin_memory, model.inputs)
        return AsyncSession(steps[0], pin, info, settings)
    return SyncSession(steps[0], info, settings)


def _trigger_compilation(step: Step, model: BenchmarkModel, options: CompileOptions) -> None:
    """Run one input, so that torch.compile compiles now: compiling must not count as running."""
    if options.opt_level < COMPILE_LEVEL:
        return
    config = torch._dynamo.config  # noqa: SLF001
    strict = {"fail_on_recompile_limit_hit": True}
    known = {name: value for name, value in strict.items() if hasattr(config, name)}
    with config.patch(known) if known else contextlib.nullcontext():  # type: ignore[attr-defined,unused-ignore]
        step(model.inputs)


def _torch_device(kind: str, index: int) -> torch.device:
    return HOST if kind == "cpu" else torch.device(kind, index)


def _effective(
    options: CompileOptions, device: torch.device, quantised: Quantised
) -> dict[str, object]:
    effective: dict[str, object] = {
        "dtype": str(compute_dtype(options.data_format)).removeprefix("torch."),
        "emulated": options.data_format.is_block_float,
        "threads": torch.get_num_threads(),
        "matmul_precision": torch.get_float32_matmul_precision(),
        "compiled": options.opt_level >= COMPILE_LEVEL,
        "device": str(device),
    }
    if options.data_format.is_block_float:
        effective["quantised_weights"] = quantised.weights
    if device.type == "cuda":
        effective["convolution_tf32"] = torch.backends.cudnn.allow_tf32
    return effective


def _is_reference(options: CompileOptions, device: torch.device) -> bool:
    # the channels-last level is allowed: the same products in another layout
    return (
        options.data_format is DataFormat.FP32
        and not options.training
        and options.opt_level < COMPILE_LEVEL
        and device == HOST
        and torch.get_float32_matmul_precision() == "highest"
    )


def _notes(model: BenchmarkModel, options: CompileOptions, quantised: Quantised) -> Iterator[str]:
    kind = options.devices[0].kind
    yield from format_notes(options.data_format, options.math_fidelity, kind, quantised)
    stages = len(model.stages.present(training=False))
    if kind == "cpu" and stages > 1 and not options.training:
        yield f"its {stages} stages overlap and share the cores of this CPU, device stage included"
