"""What a backend does not support, refused before it runs, with a backend that does."""

from __future__ import annotations

from collections.abc import Callable
from typing import Final

from ttbench_core.backends.engine_options import undeclared_option
from ttbench_core.backends.loading import InstalledBackend, installed_backends
from ttbench_core.backends.protocol import Capabilities
from ttbench_core.errors import UnsupportedOptionError, suggestion
from ttbench_core.model import BenchmarkModel
from ttbench_core.models.counting import new_tokens_of
from ttbench_core.models.inputs import input_kinds
from ttbench_core.plugins.registry import name_to_ask_for
from ttbench_core.request.formats import DataFormat, NumberFormat
from ttbench_core.request.options import RunOptions, Scenario

__all__ = ["format_named", "formats_of", "refuse_model", "refuse_unsupported"]

_KIND_TEXTS: Final = {
    "named": "inputs by name",
    "nested": "nested inputs",
    "numbers": "numbers or tensors without dimensions as inputs",
    "tensors": "tensors as inputs",
    "unbatched": "inputs whose first dimension is not the microbatch",
}


def refuse_unsupported(options: RunOptions, name: str, capabilities: Capabilities) -> None:
    """Raise `UnsupportedOptionError` for the first option that a backend does not support.

    Args:
        options: what is asked.
        name: of the backend.
        capabilities: its own.
    """
    unsupported = _unsupported_option(options, capabilities)
    if unsupported is not None:
        other = _other_backend(name, capabilities, lambda one: _supports(options, one))
        remedy = f"; use --backend {other}" if other else ""
        raise UnsupportedOptionError(f"backend {name!r} has no {unsupported}{remedy}")


def refuse_model(
    model: BenchmarkModel, options: RunOptions, name: str, capabilities: Capabilities
) -> None:
    """Raise `UnsupportedOptionError` for a model that a backend cannot run as it was built.

    What counts is what will run: a model that generates unless it is told not to is refused as
    one with `--generative` is.

    Args:
        model: as built.
        options: what is asked.
        name: of the backend.
        capabilities: its own.
    """
    unsupported = _unsupported_model(model, options, capabilities)
    if unsupported is not None:
        what, *remedies = unsupported
        other = _other_backend(
            name,
            capabilities,
            lambda one: _supports(options, one) and _unsupported_model(model, options, one) is None,
        )
        if other:
            remedies.append(f"use --backend {other}")
        remedy = f": {' or '.join(remedies)}" if remedies else ""
        raise UnsupportedOptionError(f"backend {name!r} {what}{remedy}")


def formats_of(capabilities: Capabilities) -> list[NumberFormat]:
    """List the formats of a backend: those of `DataFormat` in their order, then its own."""
    own = [one for one in capabilities.data_formats if not isinstance(one, DataFormat)]
    return [
        *(one for one in DataFormat if one in capabilities.data_formats),
        *sorted(own, key=lambda one: one.value),
    ]


def format_named(name: DataFormat | str | None, capabilities: Capabilities) -> NumberFormat | None:
    """Find the format of a backend that `-df` names; None for one that it does not have."""
    return next((one for one in formats_of(capabilities) if one.value == name), None)


def _unsupported_option(options: RunOptions, capabilities: Capabilities) -> str | None:
    """Name the first requested option that is not among the capabilities; None if all are."""
    asked_format, fidelity = options.dataformat, options.math_fidelity
    level = options.backend_opt_level
    if asked_format is not None and format_named(asked_format, capabilities) is None:
        known = [one.value for one in formats_of(capabilities)]
        hint = suggestion(str(asked_format), known)
        return f"data format {asked_format} (it has {', '.join(known)}){hint}"
    if fidelity is not None and fidelity not in capabilities.math_fidelities:
        return f"math fidelity {fidelity}"
    if level is not None and level not in capabilities.opt_levels:
        return f"optimization level {level} ({_levels_text(capabilities)})"
    undeclared = undeclared_option(capabilities.options, options.engine_options)
    if undeclared is not None:
        return undeclared
    if options.timeout is not None and capabilities.patience_s is None:
        return "--timeout"
    if options.threads is not None and not capabilities.threads:
        return "choice of --threads"
    if options.wants_trace and options.trace not in capabilities.traces:
        return f"trace {options.trace}"
    if not capabilities.measures and (flag := _asked_of_measurement(options)) is not None:
        return f"measurement, which {flag} is about: it compiles only"
    return _unsupported_mode(options, capabilities)


def _levels_text(capabilities: Capabilities) -> str:
    highest = capabilities.opt_levels[-1]
    meaning = capabilities.opt_level_help.get(highest) if len(capabilities.opt_levels) == 1 else ""
    return f"its highest is {highest}{': ' if meaning else ''}{meaning or ''}"


def _asked_of_measurement(options: RunOptions) -> str | None:
    """Name the first requested option that is about a measurement; None if none is."""
    asked = {
        "--passes": options.passes,
        "--max_time": options.max_time,
        "--warmup": options.warmup is not None,
        "--loop_count": options.loop_count,
        "--processes": options.processes > 1,
        "--verify": options.verify,
        "--pcc": options.pcc is not None,
        "--scenario latency": options.scenario is Scenario.LATENCY,
    }
    return next((flag for flag, is_asked in asked.items() if is_asked), None)


def _unsupported_mode(options: RunOptions, capabilities: Capabilities) -> str | None:
    if options.generative and not capabilities.generation:
        return "generation (--generative)"
    if options.training and not capabilities.training:
        return "training"
    if options.training and options.chips > 1 and not capabilities.training_chips:
        return "training on several chips (leave out --chips)"
    return None


def _unsupported_model(
    model: BenchmarkModel, options: RunOptions, capabilities: Capabilities
) -> tuple[str, ...] | None:
    """Say what a backend cannot do with a model, then what would help; None if it runs it."""
    if model.generation and not options.training and not capabilities.generation:
        tokens = new_tokens_of(model)
        count = f" {tokens} tokens" if tokens else ""
        return (
            f"has no generation, and this model generates{count} unless it is told otherwise",
            "add --no-generative",
        )
    stages = [name for name in model.stages.present(training=False) if name != "device"]
    if stages and not capabilities.host_stages:
        return (f"runs a device stage alone, and this model has {' and '.join(stages)}",)
    missing = sorted(input_kinds(model) - capabilities.input_kinds)
    if missing:
        return (f"takes no {_KIND_TEXTS[missing[0]]}, as this model has",)
    return None


def _supports(options: RunOptions, capabilities: Capabilities) -> bool:
    kind = options.device.partition(":")[0] if options.device else None
    has_kind = kind is None or kind in capabilities.device_kinds
    return has_kind and _unsupported_option(options, capabilities) is None


def _other_backend(
    name: str, capabilities: Capabilities, supports: Callable[[Capabilities], bool]
) -> str | None:
    """Give what another backend that supports a request is asked for by; None if there is none.

    A backend that compiles only answers another question: no other does so in its place.
    """
    if not capabilities.measures:
        return None

    def preference(one: InstalledBackend) -> tuple[bool, float, str]:
        # one that needs no card of its own comes first
        return one.capabilities.own_process, -one.capabilities.rank, one.plugin.name

    supporting = [
        one
        for one in installed_backends()
        if one.plugin.name != name and one.capabilities.measures and supports(one.capabilities)
    ]
    return name_to_ask_for(min(supporting, key=preference).plugin) if supporting else None
