"""What a backend says of itself, checked field by field: it may come from anywhere."""

from __future__ import annotations

import math
from collections.abc import Callable, Collection, Mapping
from typing import Any, Final

from ttbench_core.backends.protocol import Capabilities
from ttbench_core.models.inputs import INPUT_KINDS
from ttbench_core.request.engine_options import declared_options
from ttbench_core.request.formats import DataFormat, EngineFormat
from ttbench_core.request.options import MathFidelity, Trace

__all__ = ["capability_fault"]


def capability_fault(capabilities: object, *, is_of_core: bool) -> str | None:
    """Say what is wrong with the capabilities of a backend; None for nothing.

    Args:
        capabilities: what `capabilities()` gave.
        is_of_core: whether the backend is part of ttbench-core, whose options have flags.
    """
    if not isinstance(capabilities, Capabilities):
        return (
            f"its capabilities() gave a {type(capabilities).__name__}: give a"
            " ttbench_core.backends.protocol.Capabilities"
        )
    for name, (is_right, what) in _FIELDS.items():
        value = getattr(capabilities, name)
        if not is_right(value):
            return f"its {name} must be {what}, not {value!r}"
    return _contradiction(capabilities) or _option_fault(capabilities, is_of_core=is_of_core)


def _contradiction(capabilities: Capabilities) -> str | None:
    if capabilities.default_format not in capabilities.data_formats:
        return f"its default_format {capabilities.default_format} is not among its data_formats"
    if capabilities.default_opt_level not in capabilities.opt_levels:
        return f"its default_opt_level {capabilities.default_opt_level} is not in its opt_levels"
    missing = set(capabilities.compared_opt_levels) - set(capabilities.opt_levels)
    if missing:
        return f"{min(missing)} of its compared_opt_levels is not in its opt_levels"
    return None


def _option_fault(capabilities: Capabilities, *, is_of_core: bool) -> str | None:
    try:
        declared = declared_options(capabilities.options)
    except Exception as error:  # noqa: BLE001 - annotations of a dataclass may raise anything
        return f"its options cannot be read: {error}"
    flagged = [option.name for option in declared if option.flags]
    if flagged and not is_of_core:
        return f"its option {flagged[0]!r} has flags of its own: it is given as -B {flagged[0]}="
    return None


def _is_number(value: Any) -> bool:
    return isinstance(value, (int, float)) and not isinstance(value, bool) and math.isfinite(value)


def _is_list_of(kinds: type | tuple[type, ...]) -> Callable[[Any], bool]:
    def check(value: Any) -> bool:
        is_list = isinstance(value, Collection) and not isinstance(value, (str, bytes, Mapping))
        return is_list and all(isinstance(one, kinds) for one in value)

    return check


def _are_kinds_of_devices(value: Any) -> bool:
    return _is_list_of(str)(value) and bool(value) and all(one and ":" not in one for one in value)


def _are_formats(value: Any) -> bool:
    own = [one for one in value if isinstance(one, EngineFormat)] if _FORMATS(value) else []
    return (
        _FORMATS(value)
        and bool(value)
        and all(isinstance(one.name, str) and one.name and _is_number(one.pcc) for one in own)
    )


def _are_variables(value: Any) -> bool:
    return _is_list_of(str)(value) and all(one.rstrip("*") for one in value)


_FORMATS: Final = _is_list_of((DataFormat, EngineFormat))
_A_SWITCH: Final = (lambda value: isinstance(value, bool), "true or false")
#: How each field is checked, and what it must be.
_FIELDS: Final[Mapping[str, tuple[Callable[[Any], bool], str]]] = {
    "device_kinds": (_are_kinds_of_devices, "a list of names without a colon"),
    "data_formats": (_are_formats, "a list of DataFormat and EngineFormat"),
    "math_fidelities": (_is_list_of(MathFidelity), "a list of MathFidelity"),
    "default_fidelity": (
        lambda value: value is None or isinstance(value, MathFidelity),
        "a MathFidelity or None",
    ),
    "opt_levels": (lambda value: isinstance(value, range) and len(value) > 0, "a range"),
    "opt_level_help": (lambda value: isinstance(value, Mapping), "a mapping of levels to texts"),
    "compared_opt_levels": (_is_list_of(int), "a list of levels"),
    "traces": (_is_list_of(Trace), "a list of Trace"),
    "training": _A_SWITCH,
    "training_chips": _A_SWITCH,
    "generation": _A_SWITCH,
    "host_stages": _A_SWITCH,
    "threads": _A_SWITCH,
    "own_process": _A_SWITCH,
    "untested_kinds": (_is_list_of(str), "a list of kinds of devices"),
    "measures": _A_SWITCH,
    "input_kinds": (
        lambda value: _is_list_of(str)(value) and set(value) <= INPUT_KINDS,
        f"a set of {', '.join(sorted(INPUT_KINDS))}",
    ),
    "variables": (_are_variables, "a list of names, of which * alone is none"),
    "rank": (_is_number, "a number"),
    "patience_s": (lambda value: value is None or (_is_number(value) and value > 0), "seconds"),
}
