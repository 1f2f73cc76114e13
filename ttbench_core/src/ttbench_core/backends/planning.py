"""From a request to what a backend will run: defaults filled in, unsupported options refused."""

from __future__ import annotations

import contextlib
import math
from collections.abc import Iterator, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

from ttbench_core.backends.device_selection import checked_devices, select_devices
from ttbench_core.backends.engine_options import option_with_role
from ttbench_core.backends.protocol import (
    Backend,
    Capabilities,
    CheckingBackend,
    CompileOptions,
    Device,
    PlanningBackend,
)
from ttbench_core.backends.refusals import format_named, refuse_unsupported
from ttbench_core.errors import (
    BackendUnavailableError,
    OptionError,
    TtbenchError,
    UnsupportedOptionError,
    one_line,
)
from ttbench_core.request.declared_options import OptionRole, plain_value
from ttbench_core.request.engine_options import make_options
from ttbench_core.request.options import INPUTS_PER_CHIP, RunOptions

__all__ = ["check_request", "plan"]


def check_request(options: RunOptions, backend: Backend) -> Any:
    """Refuse what a backend does not support, and give its own options; imports no engine.

    Raises `UnsupportedOptionError`, whose message says what would work, and
    which other installed backend supports the request; `OptionError` for options of the
    backend itself that cannot be.
    """
    capabilities = backend.capabilities()
    refuse_unsupported(options, backend.name, capabilities)
    engine = _engine_options(options, capabilities)
    _check_group(options, capabilities, engine)
    _check_device(options, capabilities, engine)
    if isinstance(backend, CheckingBackend):
        with _failures_named(backend, "check a request"):
            backend.check(options, engine)
    return engine


def plan(options: RunOptions, backend: Backend) -> CompileOptions:
    """Fill in a backend's defaults and choose its devices; raises what `check_request` raises."""
    engine = check_request(options, backend)
    capabilities = backend.capabilities()
    devices = _devices(options, backend, capabilities, engine)
    if options.training and len(devices) > 1 and not capabilities.training_chips:
        raise UnsupportedOptionError(
            f"backend {backend.name!r} trains on one chip, and --chips 0 means {len(devices)} here"
        )
    group = int(_value_of(OptionRole.GROUP, capabilities, engine) or 1)
    image = _value_of(OptionRole.IMAGE, capabilities, engine)
    return CompileOptions(
        data_format=format_named(options.dataformat, capabilities) or capabilities.default_format,
        math_fidelity=options.math_fidelity or capabilities.default_fidelity,
        opt_level=(
            capabilities.default_opt_level
            if options.backend_opt_level is None
            else options.backend_opt_level
        ),
        training=options.training,
        devices=devices,
        threads=options.threads,
        loop_count=options.loop_count or _default_loop_count(devices, group),
        inputs_per_group=group,
        engine=engine,
        image=Path(image) if image else None,
        engine_trace=bool(_value_of(OptionRole.TRACE, capabilities, engine)),
        asked=options,
    )


def _check_group(options: RunOptions, capabilities: Capabilities, engine: Any) -> None:
    option = option_with_role(capabilities.options, OptionRole.GROUP)
    if option is None:
        return
    group = getattr(engine, option.name)
    if group < 1:
        raise OptionError(f"{option.flag} must be 1 or more, not {group}")
    if options.loop_count and options.loop_count % group:
        raise OptionError(
            f"--loop_count {options.loop_count} is no multiple of {option.flag} {group}"
        )


def _check_device(options: RunOptions, capabilities: Capabilities, engine: Any) -> None:
    option = option_with_role(capabilities.options, OptionRole.DEVICE)
    kind = plain_value(getattr(engine, option.name)) if option else None
    if option and kind and options.device and options.device.partition(":")[0] != kind:
        raise OptionError(
            f"-d {options.device} and {option.flag} {kind} name two devices: leave one out"
        )


def _engine_options(options: RunOptions, capabilities: Capabilities) -> Any:
    if capabilities.options is None:
        return None
    return make_options(capabilities.options, options.engine_options)


def _value_of(role: OptionRole, capabilities: Capabilities, engine: Any) -> Any:
    option = option_with_role(capabilities.options, role)
    return getattr(engine, option.name) if option else None


def _devices(
    options: RunOptions, backend: Backend, capabilities: Capabilities, engine: Any
) -> tuple[Device, ...]:
    if isinstance(backend, PlanningBackend):
        with _failures_named(backend, "plan its devices"):
            found = backend.devices_for(options, engine)
            return tuple(checked_devices(found, backend, "devices_for()"))
    kind = _value_of(OptionRole.DEVICE, capabilities, engine)
    return select_devices(replace(options, device=options.device or kind), backend)


@contextlib.contextmanager
def _failures_named(backend: Backend, what: str) -> Iterator[None]:
    """Make what a backend does not raise on purpose an error of one line."""
    try:
        yield
    except TtbenchError:
        raise
    except Exception as error:
        raise BackendUnavailableError(
            f"backend {backend.name!r} cannot {what}: {one_line(error)}"
        ) from error


def _default_loop_count(devices: Sequence[Device], group: int) -> int:
    """Give `INPUTS_PER_CHIP` inputs per chip, rounded up to whole groups."""
    return math.ceil(INPUTS_PER_CHIP * len(devices) / group) * group
