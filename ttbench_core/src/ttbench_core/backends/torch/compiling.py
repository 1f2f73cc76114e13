"""From a model to a session: copies on their devices, compiled at the levels that do.

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
from collections.abc import Callable
from dataclasses import dataclass
from functools import partial

import torch

from ttbench_core.backends.protocol import CompileOptions, Session
from ttbench_core.backends.replicas import ReplicatedSession
from ttbench_core.backends.shared.host_threads import host_threads
from ttbench_core.backends.shared.stages import HOST, Place, Step, chain_steps, inference_steps
from ttbench_core.backends.shared.token_generator import TokenGenerator
from ttbench_core.backends.shared.training import make_training_step
from ttbench_core.backends.torch.checks import check_request
from ttbench_core.backends.torch.facts import session_info
from ttbench_core.backends.torch.generating import GeneratingSession
from ttbench_core.backends.torch.global_settings import matmul_precision
from ttbench_core.backends.torch.inductor import Compilation, prepared_compilation
from ttbench_core.backends.torch.model_copies import ModelCopy, copy_model, stage_dtype
from ttbench_core.backends.torch.options import torch_options
from ttbench_core.backends.torch.sessions import (
    AsyncSession,
    SessionInfo,
    StagedSession,
    SyncSession,
)
from ttbench_core.model import BenchmarkModel
from ttbench_core.models.counting import new_tokens_of
from ttbench_core.models.inputs import tensor_mapper

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
        compilation = settings.enter_context(prepared_compilation(options))
        copies = [copy_model(model.stages, options, device) for device in devices]
        if not options.training:
            # once for all inputs: entering it for each costs 1 % of a model of 1.5 ms
            settings.enter_context(torch.inference_mode())
        parts = [
            _prepare(model, copy, options, device, compilation)
            for device, copy in zip(devices, copies, strict=True)
        ]
        compiled: dict[str, object] = {}
        if compilation is not None:
            # now, and together: compiling must not count as running, nor as that of one device
            compiled = compilation.compile_now([partial(one.step, model.inputs) for one in parts])
        sessions = []
        for device, copy, part in zip(devices, copies, parts, strict=True):
            info = session_info(model, options, device, copy.quantised, compiled)
            sessions.append(part.open_session(info, settings))
            undo.callback(sessions[-1].close)
        undo.pop_all()
    return sessions[0] if len(sessions) == 1 else ReplicatedSession(sessions)


@dataclass(frozen=True)
class _Prepared:
    """A copy of a model that can run; nothing of it is compiled yet."""

    #: Runs one input through all stages.
    step: Step
    open_session: Callable[[SessionInfo, contextlib.ExitStack], Session]


def _prepare(
    model: BenchmarkModel,
    model_copy: ModelCopy,
    options: CompileOptions,
    device: torch.device,
    compilation: Compilation | None,
) -> _Prepared:
    asked = torch_options(options)
    modules, dtype = dict(model_copy.modules), stage_dtype(options)
    if model.generation:
        generator = TokenGenerator(
            modules["device"],
            device,
            dtype,
            new_tokens_of(model) or 1,
            static_cache=asked.cache == "static",
            compiler=None if compilation is None else compilation.function,
        )
        return _Prepared(generator, partial(GeneratingSession, generator))
    if compilation is not None:
        modules["device"] = compilation.module(modules["device"])
    place = Place(device, dtype, asked.autocast)
    if options.training:
        step = make_training_step(model, modules, place, _finisher(device))
        return _Prepared(step, partial(SyncSession, step))
    steps = inference_steps(modules, place, model.inputs)
    if len(steps) > 1:
        return _Prepared(chain_steps(steps), partial(StagedSession, steps))
    if device.type == "cuda":
        pin = tensor_mapper(torch.Tensor.pin_memory, model.inputs)
        return _Prepared(steps[0], partial(AsyncSession, steps[0], pin))
    return _Prepared(steps[0], partial(SyncSession, steps[0]))


def _torch_device(kind: str, index: int) -> torch.device:
    return HOST if kind == "cpu" else torch.device(kind, index)


def _finisher(device: torch.device) -> Callable[[], object]:
    """Give what waits until a device has finished."""
    return partial(torch.cuda.synchronize, device) if device.type == "cuda" else lambda: None
