"""`ttbench info --backend NAME`: what an engine can do, and the options that it declares."""

from __future__ import annotations

from collections.abc import Collection, Iterator
from typing import Any

from ttbench_core.backends.loading import load_backend
from ttbench_core.backends.protocol import Capabilities
from ttbench_core.backends.refusals import formats_of
from ttbench_core.request.checking import OptionEnum
from ttbench_core.request.declared_options import DeclaredOption, option_texts, plain_value
from ttbench_core.request.engine_options import declared_options
from ttbench_core.request.formats import EngineFormat
from ttbench_core.request.options import MathFidelity, Trace

__all__ = ["backend_facts", "backend_rows"]


def backend_facts(name: str) -> dict[str, Any]:
    """Give what a backend says of itself as plain JSON values; imports no engine.

    Raises `UnknownNameError` and what loading it raises.
    """
    installed = load_backend(name)
    capabilities = installed.capabilities
    return {
        "backend": installed.plugin.name,
        "pack": installed.plugin.pack,
        "version": installed.plugin.version,
        "devices": list(capabilities.device_kinds),
        "untested_devices": list(capabilities.untested_kinds),
        "formats": [_format_facts(one, capabilities) for one in formats_of(capabilities)],
        "math_fidelities": _in_order(MathFidelity, capabilities.math_fidelities),
        "levels": [
            {
                "level": level,
                "help": capabilities.opt_level_help.get(level, ""),
                "default": level == capabilities.default_opt_level,
            }
            for level in capabilities.opt_levels
        ],
        "traces": _in_order(Trace, capabilities.traces),
        "training": capabilities.training,
        "generation": capabilities.generation,
        "host_stages": capabilities.host_stages,
        "threads": capabilities.threads,
        "own_process": capabilities.own_process,
        "measures": capabilities.measures,
        "rank": capabilities.rank,
        "variables": list(capabilities.variables),
        "options": [_option_facts(one) for one in declared_options(capabilities.options)],
    }


def backend_rows(facts: dict[str, Any]) -> Iterator[tuple[str, str]]:
    """Give the same as labels and texts; a star marks what runs by default."""
    yield "backend", facts["backend"]
    yield "from", f"{facts['pack']} {facts['version']}"
    yield "devices", f"{', '.join(facts['devices'])} (-d)"
    if facts["untested_devices"]:
        yield "untested", f"{', '.join(facts['untested_devices'])}: not tried by its authors"
    yield "formats", f"{', '.join(map(_format_text, facts['formats']))} (-df)"
    for one in facts["formats"]:
        if one["pcc"] is not None:
            yield f"-df {one['name']}", _format_meaning(one)
    if facts["math_fidelities"]:
        yield "fidelities", f"{', '.join(facts['math_fidelities'])} (-mf)"
    yield "levels", f"{', '.join(map(_level_text, facts['levels']))} (-opt)"
    yield "runs", ", ".join(_abilities(facts))
    yield "traces", ", ".join(facts["traces"])
    if facts["variables"]:
        yield "recorded", f"{', '.join(facts['variables'])} of the environment"
    for one in facts["options"]:
        yield f"{one['flag']} {one['metavar'] or ''}".strip(), _option_text(one)
    if not facts["options"]:
        yield "options", "none of its own"


def _in_order(kind: type[OptionEnum], supported: Collection[Any]) -> list[str]:
    return [one.value for one in kind if one in supported]


def _format_facts(one: Any, capabilities: Capabilities) -> dict[str, Any]:
    own = one if isinstance(one, EngineFormat) else None
    return {
        "name": one.value,
        "default": one == capabilities.default_format,
        "help": own.help if own else "",
        "pcc": own.pcc if own else None,
        "peak_format": own.peak_format.value if own and own.peak_format else None,
    }


def _option_facts(option: DeclaredOption) -> dict[str, Any]:
    return {
        "name": option.name,
        "flag": ", ".join(option.flags) or f"-B {option.name}=",
        "type": "choice" if option.choices else option.kind.__name__,
        "metavar": option.metavar,
        "choices": option_texts(option.choices),
        "default": plain_value(option.default),
        "minimum": option.minimum,
        "maximum": option.maximum,
        "compared": option.compared,
        "help": option.help,
    }


def _format_text(one: dict[str, Any]) -> str:
    return f"{one['name']}*" if one["default"] else str(one["name"])


def _format_meaning(one: dict[str, Any]) -> str:
    parts = [one["help"]] if one["help"] else []
    parts.append(f"outputs count as right from a correlation of {one['pcc']:g} on")
    if one["peak_format"]:
        parts.append(f"the peak is that of {one['peak_format']}")
    return "; ".join(parts)


def _level_text(one: dict[str, Any]) -> str:
    level = f"{one['level']}*" if one["default"] else str(one["level"])
    return f"{level} {one['help']}".strip()


def _abilities(facts: dict[str, Any]) -> Iterator[str]:
    yield "inference" if facts["measures"] else "nothing: it compiles models for inference"
    for key, text in (
        ("training", "training"),
        ("generation", "generation"),
        ("host_stages", "stages on the host"),
        ("threads", "--threads"),
    ):
        if facts[key]:
            yield text
    if facts["own_process"]:
        yield "in a process of its own"


def _option_text(one: dict[str, Any]) -> str:
    values = f" {{{','.join(one['choices'])}}}" if one["choices"] else ""
    default = "" if one["default"] in (None, False, "default") else f" (default {one['default']})"
    return f"{one['help']}{default}{values}"
