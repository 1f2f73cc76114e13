"""Applying one recommended setting to PyBuda's compiler: an attribute, or a call of a function."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any, Final

import pybuda
import pybuda.config

from ttbench_core.backends.protocol import CompileOptions
from ttbench_core.backends.pybuda.configuration import engine_options
from ttbench_core.backends.pybuda.enums import member_of
from ttbench_core.backends.pybuda.options import BalancerPolicy
from ttbench_core.errors import PackContractError, one_line
from ttbench_core.plugins.tuning import Setting

__all__ = ["RULES_SOURCE", "apply_setting"]

#: Where a rule that cannot be applied comes from, for its error.
RULES_SOURCE: Final = "settings of this model (its pack's tuning.json, or its builder)"


def apply_setting(setting: Setting, options: CompileOptions) -> str | None:
    """Apply one setting and give it as text; None for a policy that the user has chosen instead.

    Raises `PackContractError` for a setting that PyBuda does not have or does not accept.
    """
    policy = engine_options(options).balancer_policy
    if setting.name == "balancer_policy" and policy is not BalancerPolicy.DEFAULT:
        return None
    config = pybuda.config._get_global_compiler_config()  # noqa: SLF001 - as PyBuda's own benchmark
    try:
        if setting.is_call:
            args = [_to_pybuda(value) for value in setting.args]
            kwargs = {name: _to_pybuda(value) for name, value in setting.kwargs.items()}
            _find_function(config, setting.name)(*args, **kwargs)
        elif hasattr(config, setting.name):
            setattr(config, setting.name, _to_pybuda(setting.value))
        else:
            raise AttributeError("PyBuda's compiler has no such setting")
    except (AssertionError, AttributeError, TypeError, ValueError) as error:
        raise PackContractError(RULES_SOURCE, f"{setting}: {one_line(error)}") from error
    return str(setting)


def _find_function(config: Any, name: str) -> Callable[..., Any]:
    functions = _callable_functions(config)
    if name not in functions:
        raise ValueError(f"no function that rules may call: {', '.join(functions)}")
    return functions[name]


def _callable_functions(config: Any) -> dict[str, Callable[..., Any]]:
    """Give the functions that rules may call, by name."""
    return {
        "_internal_insert_fj_buffering_nop": pybuda.config._internal_insert_fj_buffering_nop,  # noqa: SLF001 - the original's
        "add_cpu_fallback_ops": pybuda.config.add_cpu_fallback_ops,
        "configure_mixed_precision": pybuda.config.configure_mixed_precision,
        "dont_fuse": config.dont_fuse,
        "enable_amp_light": config.enable_amp_light,
        "insert_buffering_nop": pybuda.insert_buffering_nop,
        "insert_nop": pybuda.insert_nop,
        "manual_fuse": config.manual_fuse,
        "override_multi_op_fracture_factor": pybuda.config.override_multi_op_fracture_factor,
        "override_op_size": pybuda.config.override_op_size,
        "override_t_stream_shape": pybuda.config.override_t_stream_shape,
        "override_u_kt": pybuda.config.override_u_kt,
        "place_on_new_chip": config.place_on_new_chip,
        "place_on_new_epoch": config.place_on_new_epoch,
        "remove_cpu_fallback_ops": pybuda.config.remove_cpu_fallback_ops,
        "set_auto_transposing_placement": pybuda.config.set_auto_transposing_placement,
        "set_chip_break": pybuda.set_chip_break,
        "set_epoch_break": pybuda.config.set_epoch_break,
    }


def _to_pybuda(value: Any) -> Any:
    """Replace names by PyBuda's enum members, and keys that are digits by whole numbers."""
    if isinstance(value, str):
        return member_of(value)
    if isinstance(value, Mapping):
        converted = {key: _to_pybuda(one) for key, one in value.items()}
        return {
            int(key) if key.isdigit() else key: tuple(one) if isinstance(one, list) else one
            for key, one in converted.items()
        }
    if isinstance(value, (list, tuple)):
        return [_to_pybuda(one) for one in value]
    return value
