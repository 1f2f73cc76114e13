"""The global compiler configuration and the functions that change it.

Every change after a pipeline was compiled is refused: the real library takes it without effect.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from pybuda import standin
from pybuda.standin import contract, state
from pybuda.standin.environment import apply_to, resolve_output_build_directory
from pybuda.standin.values import CompileDepth, PerfTraceLevel, TTIDumpFormat

__all__ = ["CompileDepth", "CompilerConfig", "PerfTraceLevel", "TTIDumpFormat"]

contract.NAMES["resolve_output_build_directory"] = resolve_output_build_directory
# device_config -> harvested rows as a mask
BOARDS = {
    "wh_n150": 2048,
    "wh_n300": 2052,
    "galaxy": 0,
    "gs_e150": 0,
    "gs_e300": 2050,
    "bh_test": 2048,
}
UNRECORDED = {"enable_forked_dram_inputs", "chip_ids"}  # set by code, in no list of fields


@dataclass
class Mixed:
    """One rule of configure_mixed_precision."""

    op_type: Any = None
    epoch_type: Any = None
    output_df: Any = None
    intermediate_df: Any = None
    accumulate_df: Any = None
    math_fidelity: Any = None
    name_regex: Any = None
    input_df: Any = None
    is_gradient_op: Any = None
    input_parameter_indices_to_optimize: Any = None


class _Behaviour:
    enable_forked_dram_inputs = False

    def __post_init__(self) -> None:
        apply_to(self)

    def __setattr__(self, name: str, value: Any) -> None:
        if name not in type(self).__dataclass_fields__ and name not in UNRECORDED:
            raise AttributeError(f"CompilerConfig has no {name!r}")
        self._open(f"is given {name}")
        object.__setattr__(self, name, value)

    def _open(self, what: str) -> None:
        if state.frozen(self):
            standin.refuse(f"CompilerConfig {what} after the pipeline was compiled")

    def enable_amp_light(self, level: int = 1) -> None:
        self._open("gets a rule")
        if level:
            bits, fidelity = {1: (8, "HiFi2"), 2: (4, "HiFi2"), 3: (4, "LoFi")}[level]
            indices = [(operand, bits) for operand in (1, 2)]
            _rule(
                op_type="matmul",
                math_fidelity=contract.NAMES["MathFidelity"][fidelity],
                input_parameter_indices_to_optimize=indices,
                config=self,
            )

    def place_on_new_epoch(self, op_names: Any) -> None:
        self._open("gets ops")
        self.op_names_to_epoch_break.append(_as_list(op_names))

    def place_on_new_chip(self, op_names: Any) -> None:
        self._open("gets ops")
        self.op_names_to_chip_break.append(_as_list(op_names))

    def dont_fuse(self, op_names: Any) -> None:
        self._open("gets ops")
        self.op_names_dont_fuse.extend(_as_list(op_names))

    def manual_fuse(self, op_names: Any) -> None:
        self._open("gets ops")
        self.op_names_manual_fuse.extend(_as_list(op_names))

    def save_intermediates(self) -> bool:
        return bool(self.op_intermediates_to_save)


def _as_list(op_names: Any) -> list[Any]:
    return [op_names] if isinstance(op_names, str) else op_names


def _rule(config: Any = None, **given: Any) -> None:
    (config or state.current.config).amp_properties.append(Mixed(**given))


def _configuring(name: str) -> Callable[[Callable[..., Any]], Callable[..., Any]]:
    """Give a function its signature; it is refused once the pipeline is compiled."""

    def make(behaviour: Callable[..., Any]) -> Callable[..., Any]:
        def configure(*args: Any, **kwargs: Any) -> Any:
            if state.frozen(state.current.config):
                standin.refuse(f"{name} is called after the pipeline was compiled")
            return behaviour(*args, **kwargs)

        return contract.function(name)(configure)

    return make


CompilerConfig = contract.recorded_class("pybuda.CompilerConfig")(
    contract.dataclass_of("pybuda.CompilerConfig", __name__, _Behaviour)
)
_EFFECTS = contract.CONTRACT["set_configuration_options_effect"]
_OPTIONS = contract.signature(
    contract.CONTRACT["functions"]["pybuda.config.set_configuration_options"]["params"]
)


def _board(config: Any, name: str) -> None:
    if name not in BOARDS:
        raise RuntimeError(f"Unsupported backend device configuration: {name}. One of {[*BOARDS]}")
    file = "bh_syslevel.yaml" if name == "bh_test" else f"{name}_syslevel.yaml"
    folder = Path(__file__).parent / "tti" / "runtime_param_yamls"
    config.backend_runtime_params_path = str(folder / file)
    config.harvesting_mask = BOARDS[name]


@_configuring("pybuda.config.set_configuration_options")
def set_configuration_options(*args: Any, **kwargs: Any) -> None:
    """Apply what is not None to the attributes that the contract names."""
    config = state.current.config
    for name, value in _OPTIONS.bind(*args, **kwargs).arguments.items():
        if value is None or not _EFFECTS[name]:
            continue
        if name == "device_config":
            _board(config, value)
            continue
        if name == "backend_opt_level":
            assert value in range(5), "Backend opt level must be 0-4"
        if name == "harvested_rows":
            value = sum(1 << row for row in value)  # noqa: PLW2901 - as the attribute has it
        if name == "enable_auto_transposing_placement":
            value = value or config.enable_auto_transposing_placement  # noqa: PLW2901
        (attribute,) = _EFFECTS[name]
        setattr(config, attribute, value)


@_configuring("pybuda.config.configure_mixed_precision")
def configure_mixed_precision(**given: Any) -> None:
    """Keep a rule; at least one selector must be there."""
    for name in ("output_df", "intermediate_df", "accumulate_df"):
        assert given[name] is None or isinstance(given[name], contract.NAMES["DataFormat"]), name
    fidelity = given["math_fidelity"]
    assert fidelity is None or isinstance(fidelity, contract.NAMES["MathFidelity"])
    selectors = ("op_type", "epoch_type", "name_regex", "is_gradient_op")
    assert any(given[name] for name in selectors), f"give one of {selectors}"
    if isinstance(given["input_df"], dict):
        for operand, entry in given["input_df"].items():
            assert len(entry) == 2, f"For operand index {operand}, invalid config"
    _rule(**given)


@_configuring("pybuda.config.set_epoch_break")
def set_epoch_break(op_names: Any) -> None:
    state.current.config.place_on_new_epoch(op_names)


@_configuring("pybuda.set_chip_break")
def set_chip_break(op_names: Any) -> None:
    state.current.config.place_on_new_chip(op_names)


def _override(op_name: str, attribute: str, value: Any) -> None:
    overrides = state.current.config.balancer_op_overrides
    overrides.setdefault(op_name, {})[attribute] = value


@_configuring("pybuda.config.override_op_size")
def override_op_size(op_name: str, grid_size: Any) -> None:
    _override(op_name, "grid_shape", grid_size)


@_configuring("pybuda.config.override_t_stream_shape")
def override_t_stream_shape(op_name: str, shape: Any) -> None:
    _override(op_name, "t_stream_shape", shape)


@_configuring("pybuda.config.override_u_kt")
def override_u_kt(op_name: str, u_kt: int) -> None:
    _override(op_name, "u_kt", u_kt)


@_configuring("pybuda.config.override_multi_op_fracture_factor")
def override_multi_op_fracture_factor(op_name: str, multi_op_fracture_factor: int) -> None:
    factors = state.current.config.conv_multi_op_fracture_factor_override
    factors[op_name] = multi_op_fracture_factor


@_configuring("pybuda.config.set_auto_transposing_placement")
def set_auto_transposing_placement(is_enabled: bool) -> None:
    state.current.config.enable_auto_transposing_placement = is_enabled


@_configuring("pybuda.config.add_cpu_fallback_ops")
def add_cpu_fallback_ops(op_types: Any) -> None:
    state.current.config.cpu_fallback_ops.update(_as_list(op_types))


@_configuring("pybuda.config.remove_cpu_fallback_ops")
def remove_cpu_fallback_ops(op_types: Any) -> None:
    state.current.config.cpu_fallback_ops.difference_update(_as_list(op_types))


def _nops(src_op: str, dest_ops: Any, **given: Any) -> None:
    for destination in _as_list(dest_ops):
        state.current.config.buffering_nops_to_insert[src_op, destination, 0, 0] = given


insert_nop = _configuring("pybuda.insert_nop")(_nops)
insert_buffering_nop = _configuring("pybuda.insert_buffering_nop")(_nops)
_internal_insert_fj_buffering_nop = _configuring("pybuda.config._internal_insert_fj_buffering_nop")(
    _nops
)


@_configuring("pybuda.override_dram_queue_placement")
def override_dram_queue_placement(dram_queue: str, *, chip_id: Any, channel: Any) -> None:
    state.current.config.manual_dram_queue_placement[dram_queue] = (chip_id, channel)


@contract.function("pybuda.config._get_global_compiler_config")
def _get_global_compiler_config() -> Any:
    return state.current.config


state.new_config = CompilerConfig
state.current.config = CompilerConfig()
