"""From a request to what a backend will run: defaults filled in, unsupported options refused."""

from __future__ import annotations

import math
from collections.abc import Sequence

from ttbench_core.backends.device_selection import select_devices
from ttbench_core.backends.protocol import (
    Backend,
    Capabilities,
    CompileOptions,
    Device,
    PlanningBackend,
)
from ttbench_core.backends.selection import load_backend
from ttbench_core.errors import RequestError, UnsupportedOptionError
from ttbench_core.plugins.registry import BACKENDS, discover
from ttbench_core.request.engine_options import flag_of
from ttbench_core.request.options import INPUTS_PER_CHIP, DataFormat, RunOptions

__all__ = ["plan"]


def plan(options: RunOptions, backend: Backend) -> CompileOptions:
    """Fill in a backend's defaults and refuse what it does not support.

    Raises `UnsupportedOptionError`, whose message says what would work, and
    which other installed backend supports the request.
    """
    capabilities = backend.capabilities()
    _refuse_unsupported(options, backend.name, capabilities)
    devices = (
        tuple(backend.devices_for(options))
        if isinstance(backend, PlanningBackend)
        else select_devices(options, backend)
    )
    if options.training and len(devices) > 1 and not capabilities.training_chips:
        raise UnsupportedOptionError(
            f"backend {backend.name!r} trains on one chip, and --chips 0 means {len(devices)} here"
        )
    return CompileOptions(
        data_format=options.dataformat or capabilities.default_format,
        math_fidelity=options.math_fidelity or capabilities.default_fidelity,
        opt_level=(
            capabilities.default_opt_level
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
    """Give `INPUTS_PER_CHIP` inputs per chip, rounded up to whole groups of microbatches."""
    groups = math.ceil(INPUTS_PER_CHIP * len(devices) / options.microbatch_count)
    return groups * options.microbatch_count


def _refuse_unsupported(options: RunOptions, name: str, capabilities: Capabilities) -> None:
    unsupported = _first_unsupported(options, capabilities)
    if unsupported is None:
        return
    others = [plugin.name for plugin in discover(BACKENDS) if plugin.name != name]
    # one that needs no card of its own comes first
    supporting = [
        (found.own_process, other)
        for other in others
        if (found := _capabilities_if_enough(other, options))
    ]
    remedy = f"; use --backend {min(supporting)[1]}" if supporting else ""
    raise UnsupportedOptionError(f"backend {name!r} has no {unsupported}{remedy}")


def _first_unsupported(options: RunOptions, capabilities: Capabilities) -> str | None:
    """Name the first requested option that is not among the capabilities; None if all are."""
    data_format, fidelity = options.dataformat, options.math_fidelity
    level = options.backend_opt_level
    if data_format is not None and data_format not in capabilities.data_formats:
        known = [str(known) for known in DataFormat if known in capabilities.data_formats]
        return f"data format {data_format} (it has {', '.join(known)})"
    if fidelity is not None and fidelity not in capabilities.math_fidelities:
        return f"math fidelity {fidelity}"
    if level is not None and level not in capabilities.opt_levels:
        return f"optimization level {level} (its highest is {capabilities.opt_levels[-1]})"
    for name in options.requested_engine_options():
        if name not in capabilities.engine_options:
            return flag_of(name)
    if options.timeout is not None and capabilities.patience_s is None:
        return "--timeout"
    if options.threads is not None and not capabilities.threads:
        return "choice of --threads"
    if options.trace not in capabilities.traces:
        return f"trace {options.trace}"
    return _unsupported_mode(options, capabilities)


def _unsupported_mode(options: RunOptions, capabilities: Capabilities) -> str | None:
    if options.generative and not capabilities.generation:
        return "generation (--generative)"
    if options.training and not capabilities.training:
        return "training"
    if options.training and options.chips > 1 and not capabilities.training_chips:
        return "training on several chips (leave out --chips)"
    return None


def _capabilities_if_enough(name: str, options: RunOptions) -> Capabilities | None:
    """Give a backend's capabilities if they are enough for a request."""
    try:
        capabilities = load_backend(name)[0].capabilities()
    except RequestError:  # a backend that cannot be loaded is no remedy
        return None
    return capabilities if _first_unsupported(options, capabilities) is None else None
