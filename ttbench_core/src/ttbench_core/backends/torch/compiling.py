"""From a model to a session: copies, formats, memory layout, levels, devices.

| model | session |
|---|---|
| generating tokens | `GeneratingSession` |
| in training | `DirectSession` around a `TrainingStep`, its stages in a row |
| several stages | `StagedSession`, a thread a stage |
| one stage on CUDA | `AsyncSession` |
| one stage on the CPU | `DirectSession` |

Several devices get one of these each, in a `ReplicatedSession`.
"""

from __future__ import annotations

import contextlib
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any, Final

import torch

from ttbench_core.backends.protocol import CompileOptions, Session
from ttbench_core.backends.replicas import ReplicatedSession
from ttbench_core.backends.torch.formats import (
    Quantised,
    compute_dtype,
    format_notes,
    matmul_precision,
    to_format,
)
from ttbench_core.backends.torch.generating import GeneratingSession, Generator
from ttbench_core.backends.torch.sessions import (
    AsyncSession,
    DirectSession,
    Facts,
    StagedSession,
)
from ttbench_core.backends.torch.stages import Step, as_step, chained, to_host
from ttbench_core.backends.torch.training import TrainingStep
from ttbench_core.errors import UnsupportedOptionError
from ttbench_core.model import BenchmarkModel, GeneratingModule, Stages
from ttbench_core.models.counting import new_tokens_of
from ttbench_core.models.reference.copies import private_copy
from ttbench_core.request.options import DataFormat

__all__ = ["compile_session"]

_HOST: Final = torch.device("cpu")
#: From this level on, convolution weights lie channels last; from the next, torch.compile.
_MEMORY_FORMAT_LEVEL: Final = 1
_COMPILE_LEVEL: Final = 2


@dataclass(frozen=True)
class _Copies:
    """Private copies of a model's stages, ready to run."""

    modules: Mapping[str, Any]
    quantised: Quantised


def compile_session(model: BenchmarkModel, options: CompileOptions) -> Session:
    """Compile a model for the devices that were chosen.

    Raises `UnsupportedOptionError` for a model that PyTorch cannot run as it
    is; what torch raises while compiling passes through.
    """
    _refuse_foreign(model)
    _refuse_generation(model, options)
    devices = [_torch_device(device.kind, device.index) for device in options.devices]
    settings = contextlib.ExitStack()
    with contextlib.ExitStack() as undo:
        undo.callback(settings.close)
        settings.enter_context(_host_threads(options.threads))
        settings.enter_context(matmul_precision(options.math_fidelity))
        if options.opt_level >= _COMPILE_LEVEL:
            # what an earlier run compiled would be found again, or count towards the limit
            # beyond which torch runs eagerly without a word
            torch._dynamo.reset()  # noqa: SLF001
        copies = [_copies(model.stages, options, device) for device in devices]
        if not options.training:
            # once for all inputs: entering it at each costs 1 % of a model of 1.5 ms
            settings.enter_context(torch.inference_mode())
        sessions = []
        for device, own in zip(devices, copies, strict=True):
            sessions.append(_session(model, own, options, device, settings))
            undo.callback(sessions[-1].close)
        undo.pop_all()
    return sessions[0] if len(sessions) == 1 else ReplicatedSession(sessions)


def _session(
    model: BenchmarkModel,
    copies: _Copies,
    options: CompileOptions,
    device: torch.device,
    settings: contextlib.ExitStack,
) -> Session:
    notes = tuple(_notes(model, options, copies.quantised))
    effective = _effective(options, device, copies.quantised)
    facts = Facts(effective, notes, device, _is_reference(options, device))
    if model.generation:
        generator = Generator(
            copies.modules["device"],
            device,
            compute_dtype(options.data_format),
            new_tokens_of(model) or 1,
        )
        return GeneratingSession(generator, facts, settings)
    if options.training:
        step = _training_step(model, copies.modules, options, device)
        _warm_compiler(step, model, options)
        return DirectSession(step, facts, settings)
    steps = _inference_steps(copies.modules, options, device)
    _warm_compiler(chained(steps), model, options)
    if len(steps) > 1:
        return StagedSession(steps, facts, settings)
    if device.type == "cuda":
        return AsyncSession(steps[0], facts, settings)
    return DirectSession(steps[0], facts, settings)


def _copies(stages: Stages, options: CompileOptions, device: torch.device) -> _Copies:
    if device.type == "cuda":
        torch.cuda.reset_peak_memory_stats(device)
    present = stages.present(training=options.training)
    modules: dict[str, Any] = {name: private_copy(module) for name, module in present.items()}
    for name, module in modules.items():
        module.train(options.training)
        if name != "device":
            module.to(torch.float32)
    quantised = to_format(modules["device"], options.data_format)
    modules["device"].to(device)
    if options.opt_level >= _MEMORY_FORMAT_LEVEL:
        _lay_channels_last(modules["device"])
    if options.opt_level >= _COMPILE_LEVEL:
        modules["device"] = torch.compile(modules["device"], dynamic=False)
    return _Copies(modules, quantised)


def _lay_channels_last(module: torch.nn.Module) -> None:
    # weights alone decide: a convolution brings its input into the layout of its weights
    for part in module.modules():
        if isinstance(part, (torch.nn.Conv2d, torch.nn.ConvTranspose2d)):
            for weight in part.parameters(recurse=False):
                if weight.dim() == 4:
                    weight.data = weight.data.contiguous(memory_format=torch.channels_last)


def _steps(
    modules: Mapping[str, Any], options: CompileOptions, device: torch.device
) -> dict[str, Step]:
    places = {
        "cpu_pre": (_HOST, torch.float32),
        "device": (device, compute_dtype(options.data_format)),
        "cpu_post": (_HOST, torch.float32),
    }
    return {
        name: as_step(modules[name], *place) for name, place in places.items() if name in modules
    }


def _inference_steps(
    modules: Mapping[str, Any], options: CompileOptions, device: torch.device
) -> list[Step]:
    """Give one step a stage; alone, the device stage leaves its outputs on the device."""
    steps = _steps(modules, options, device)
    if len(steps) > 1 and device != _HOST:
        steps["device"] = chained([steps["device"], to_host])
    return list(steps.values())


def _training_step(
    model: BenchmarkModel,
    modules: Mapping[str, Any],
    options: CompileOptions,
    device: torch.device,
) -> TrainingStep:
    on_host = "cpu_post" in modules
    place = _HOST if on_host else device
    dtype = torch.float32 if on_host else compute_dtype(options.data_format)
    targets = [
        target.to(place, dtype if target.is_floating_point() else target.dtype)
        for target in model.targets
    ]
    return TrainingStep(
        forward=chained(list(_steps(modules, options, device).values())),
        loss=modules["loss"].to(place, dtype),
        targets=targets,
        parameters=[p for module in modules.values() for p in module.parameters()],
        device=device,
    )


def _warm_compiler(step: Step, model: BenchmarkModel, options: CompileOptions) -> None:
    """Make torch.compile work now, so that compiling does not count as running."""
    if options.opt_level < _COMPILE_LEVEL:
        return
    config = torch._dynamo.config  # noqa: SLF001
    strict = {"fail_on_recompile_limit_hit": True}
    known = {name: value for name, value in strict.items() if hasattr(config, name)}
    with config.patch(known) if known else contextlib.nullcontext():  # type: ignore[attr-defined,unused-ignore]
        step(model.inputs)


def _refuse_generation(model: BenchmarkModel, options: CompileOptions) -> None:
    if not model.generation:
        return
    staged = len(model.stages.present(training=False)) > 1
    generates = (
        isinstance(model.stages.device, GeneratingModule) and new_tokens_of(model) is not None
    )
    if staged or not generates:
        raise UnsupportedOptionError(
            "backend 'torch' generates with one device stage that has prefill() and decode(), and"
            f" 'max_length' in generation; this model's loop is another"
            f" ({', '.join(model.generation)})"
        )
    if len(options.devices) > 1:
        raise UnsupportedOptionError("backend 'torch' generates on one chip: leave out --chips")
    if options.opt_level >= _COMPILE_LEVEL:
        raise UnsupportedOptionError(
            f"-opt {options.opt_level} compiles for fixed shapes, and a past grows with each token:"
            " use -opt 0 or 1, or --no-generative"
        )


def _refuse_foreign(model: BenchmarkModel) -> None:
    for name, module in model.stages.present().items():
        if not isinstance(module, torch.nn.Module):
            raise UnsupportedOptionError(
                f"stage {name} is a {type(module).__name__} of {type(module).__module__}, which"
                " only its own backend can run; backend 'torch' runs a torch.nn.Module"
            )


@contextlib.contextmanager
def _host_threads(count: int | None) -> Iterator[None]:
    before = torch.get_num_threads()
    if count is not None:
        torch.set_num_threads(count)
    try:
        yield
    finally:
        if count is not None:
            torch.set_num_threads(before)


def _torch_device(kind: str, index: int) -> torch.device:
    return _HOST if kind == "cpu" else torch.device(kind, index)


def _effective(
    options: CompileOptions, device: torch.device, quantised: Quantised
) -> dict[str, object]:
    effective: dict[str, object] = {
        "dtype": str(compute_dtype(options.data_format)).removeprefix("torch."),
        "emulated": options.data_format.is_block_float,
        "threads": torch.get_num_threads(),
        "matmul_precision": torch.get_float32_matmul_precision(),
        "compiled": options.opt_level >= _COMPILE_LEVEL,
        "device": str(device),
    }
    if options.data_format.is_block_float:
        effective["quantised_weights"] = quantised.weights
    if device.type == "cuda":
        effective["convolution_tf32"] = torch.backends.cudnn.allow_tf32
    return effective


def _is_reference(options: CompileOptions, device: torch.device) -> bool:
    # channels last is another layout of the same products
    return (
        options.data_format is DataFormat.FP32
        and not options.training
        and options.opt_level < _COMPILE_LEVEL
        and device == _HOST
        and torch.get_float32_matmul_precision() == "highest"
    )


def _notes(model: BenchmarkModel, options: CompileOptions, quantised: Quantised) -> Iterator[str]:
    kind = options.devices[0].kind
    yield from format_notes(options.data_format, options.math_fidelity, kind, quantised)
    stages = len(model.stages.present(training=False))
    if kind == "cpu" and stages > 1 and not options.training:
        yield f"its {stages} stages overlap and share the cores of this CPU, device stage included"
