"""Which backend and devices run a request, and whether they can honour it."""

from __future__ import annotations

import math
from collections.abc import Sequence

from ttbench_core.backends.protocol import (
    Backend,
    Capabilities,
    CompileOptions,
    Device,
    PlanningBackend,
)
from ttbench_core.errors import (
    BackendUnavailableError,
    PackContractError,
    PackLoadError,
    RequestError,
    UnsupportedOptionError,
    one_line,
)
from ttbench_core.plugins.registry import BACKENDS, Plugin, discover, find, load
from ttbench_core.request.engine_options import flag_of
from ttbench_core.request.options import INPUTS_PER_CHIP, DataFormat, RunOptions

__all__ = ["choose_backend", "choose_engine", "exclusive_engine", "plan"]

#: The core's own backends in the order of preference; others run when they are named.
_PREFERRED = ("pybuda", "torch")


def choose_backend(name: str | None) -> Backend:
    """Load the backend that was asked for, or the best one that can run here.

    Raises `UnknownNameError`, `PackLoadError`, `BackendUnavailableError`.
    """
    return choose_engine(name)[0]


def choose_engine(name: str | None, device: str | None = None) -> tuple[Backend, Plugin]:
    """Do what `choose_backend` does, and say where the backend came from.

    Args:
        name: as asked; None is the best one.
        device: what `-d` names: the best one that has its kind.
    """
    if name is not None:
        return _usable(name)
    refusal = ""
    candidates, named = _with_device(device)
    for preferred in candidates:
        try:
            return _usable(preferred, automatically=not named)
        except BackendUnavailableError as error:
            refusal = str(error)
    # the last is the one that every machine can have
    raise BackendUnavailableError(f"{refusal}; ttbench doctor tells of the others")


def exclusive_engine(name: str | None, device: str | None = None) -> Backend | None:
    """Give the backend that a request will run with if that wants a process of its own.

    Takes what `choose_engine` takes. Imports no engine: whether the backend can run is found
    out in that process. Raises `UnknownNameError` and `PackLoadError`.
    """
    candidates, named = _with_device(device) if name is None else ((name,), True)
    for candidate in candidates:
        backend = _load(candidate)[0]
        if not backend.capabilities().own_process:
            continue
        if named or _is_automatic(backend):
            return backend
    return None


def plan(options: RunOptions, backend: Backend) -> CompileOptions:
    """Fill in a backend's defaults and refuse what it cannot honour.

    Raises `UnsupportedOptionError`, which says what would work, and which
    other installed backend could.
    """
    can = backend.capabilities()
    _refuse_unsupported(options, backend.name, can)
    devices = (
        tuple(backend.devices_for(options))
        if isinstance(backend, PlanningBackend)
        else _devices(options, backend)
    )
    if options.training and len(devices) > 1 and not can.training_chips:
        raise UnsupportedOptionError(
            f"backend {backend.name!r} trains on one chip, and --chips 0 means {len(devices)} here"
        )
    return CompileOptions(
        data_format=options.dataformat or can.default_format,
        math_fidelity=options.math_fidelity or can.default_fidelity,
        opt_level=(
            can.default_opt_level
            if options.backend_opt_level is None
            else options.backend_opt_level
        ),
        training=options.training,
        devices=devices,
        threads=options.threads,
        loop_count=options.loop_count or _default_loop_count(options, devices),
        asked=options,
    )


def _default_loop_count(options: RunOptions, devices: Sequence[Device]) -> int:
    """Give 5 inputs a chip, and whole groups of what goes forward together."""
    groups = math.ceil(INPUTS_PER_CHIP * len(devices) / options.microbatch_count)
    return groups * options.microbatch_count


def _load(name: str) -> tuple[Backend, Plugin]:
    plugin = find(BACKENDS, name, "backend")
    loaded = load(plugin)
    if not callable(loaded):
        raise PackContractError(plugin.where, "is not a backend: register a class")
    try:
        backend: Backend = loaded()
        backend.capabilities()
    except Exception as error:
        raise PackLoadError(plugin.where, one_line(error)) from error
    return backend, plugin


def _usable(name: str, *, automatically: bool = False) -> tuple[Backend, Plugin]:
    backend, plugin = _load(name)
    try:
        availability = backend.availability()
    except Exception as error:
        raise BackendUnavailableError(
            f"backend {backend.name!r} cannot say whether it can run: {one_line(error)}"
        ) from error
    if not availability.usable or (automatically and not availability.automatic):
        raise BackendUnavailableError(
            f"backend {backend.name!r} cannot run here: {availability.reason};"
            f" {availability.remedy}"
        )
    return backend, plugin


def _with_device(device: str | None) -> tuple[Sequence[str], bool]:
    """Give the preferred backends that have this kind of device, and whether that names them.

    Gives all where none has it.
    """
    if device is None:
        return _PREFERRED, False
    kind = device.partition(":")[0]
    having = [name for name in _PREFERRED if kind in _load(name)[0].capabilities().device_kinds]
    return having or _PREFERRED, bool(having)


def _is_automatic(backend: Backend) -> bool:
    availability = backend.availability()
    return availability.usable and availability.automatic


def _refuse_unsupported(options: RunOptions, name: str, can: Capabilities) -> None:
    lack = _lack(options, can)
    if lack is None:
        return
    others = [plugin.name for plugin in discover(BACKENDS) if plugin.name != name]
    able = [(it.own_process, other) for other in others if (it := _able(other, options))]
    # one that needs no card of its own is the nearer remedy
    remedy = f"; use --backend {min(able)[1]}" if able else ""
    raise UnsupportedOptionError(f"backend {name!r} has no {lack}{remedy}")


def _lack(options: RunOptions, can: Capabilities) -> str | None:
    """Name the first thing that was asked for and is not among the capabilities."""
    level = options.backend_opt_level
    if options.dataformat is not None and options.dataformat not in can.data_formats:
        known = [str(known) for known in DataFormat if known in can.data_formats]
        return f"data format {options.dataformat} (it has {', '.join(known)})"
    if options.math_fidelity is not None and options.math_fidelity not in can.math_fidelities:
        return f"math fidelity {options.math_fidelity}"
    if level is not None and level not in can.opt_levels:
        return f"optimization level {level} (its highest is {can.opt_levels[-1]})"
    for name in options.requested_engine_options():
        if name not in can.engine_options:
            return flag_of(name)
    if options.timeout is not None and can.patience_s is None:
        return "--timeout"
    if options.threads is not None and not can.threads:
        return "choice of --threads"
    if options.trace not in can.traces:
        return f"trace {options.trace}"
    return _lack_of_mode(options, can)


def _lack_of_mode(options: RunOptions, can: Capabilities) -> str | None:
    if options.generative and not can.generation:
        return "generation (--generative)"
    if options.training and not can.training:
        return "training"
    if options.training and options.chips > 1 and not can.training_chips:
        return "training on several chips (leave out --chips)"
    return None


def _able(name: str, options: RunOptions) -> Capabilities | None:
    """Give what a backend can if that is enough for a request."""
    try:
        can = _load(name)[0].capabilities()
    except RequestError:  # a backend that cannot be used is no remedy
        return None
    return can if _lack(options, can) is None else None


def _devices(options: RunOptions, backend: Backend) -> tuple[Device, ...]:
    there = _found_devices(backend)
    kind, _, index = (options.device or there[0].kind).partition(":")
    of_kind = [device for device in there if device.kind == kind]
    if not of_kind:
        raise UnsupportedOptionError(_no_device(options, backend, there))
    if index:
        chosen = [device for device in of_kind if str(device.index) == index]
        if not chosen:
            raise UnsupportedOptionError(_no_device(options, backend, there))
        of_kind = chosen
    wanted = options.chips or len(of_kind)
    if wanted > len(of_kind):
        raise UnsupportedOptionError(
            f"--chips {wanted} asks for more than there is: {_count(of_kind)} of kind"
            f" {kind!r}{f' at index {index}' if index else ''}"
        )
    return tuple(of_kind[:wanted])


def _found_devices(backend: Backend) -> list[Device]:
    try:
        there = list(backend.devices())
    except Exception as error:
        raise BackendUnavailableError(
            f"backend {backend.name!r} cannot list its devices: {one_line(error)}"
        ) from error
    if not there:
        raise BackendUnavailableError(f"backend {backend.name!r} finds no device here")
    return there


def _no_device(options: RunOptions, backend: Backend, there: Sequence[Device]) -> str:
    known = sorted({device.kind for device in there})
    kinds = backend.capabilities().device_kinds
    kind = (options.device or "").partition(":")[0]
    if kind not in kinds:
        return f"unknown device {options.device!r}: backend {backend.name!r} has {', '.join(kinds)}"
    specs = ", ".join(device.spec for device in there)
    return (
        f"device {options.device!r} is not there: backend {backend.name!r} finds {specs}"
        if kind in known
        else f"no {kind} device is usable here: backend {backend.name!r} finds {specs}"
    )


def _count(devices: Sequence[Device]) -> str:
    return f"{len(devices)} device" + ("s" if len(devices) != 1 else "")
