"""Compiler settings and environment of a run: what the pack recommends, and what was asked.

The user comes first: a variable that is set already stays, and an option that
was given on the command line wins over a recommendation. The environment is as
before when the context ends; the compiler settings are forgotten with `pybuda_reset`.
"""

from __future__ import annotations

import contextlib
import os
import tempfile
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

import pybuda
import pybuda.config

from ttbench_core.backends.protocol import CompileOptions
from ttbench_core.backends.pybuda.names import fidelity_of, format_of, member_of, trace_of
from ttbench_core.errors import PackContractError, one_line
from ttbench_core.model import BenchmarkModel
from ttbench_core.plugins.tuning import Facts, Setting, Tuning, evaluate_rules
from ttbench_core.request.engine_options import Arch, BalancerPolicy, DevType, EngineOptions
from ttbench_core.request.options import Trace

__all__ = [
    "Applied",
    "applied",
    "build_folder",
    "configure",
    "configure_running",
    "engine_options",
    "is_sequential",
    "tuning_of",
]

_SEQUENTIAL: Final = "PYBUDA_FORCE_SEQUENTIAL"
#: Where a rule is that cannot be applied.
_RULES: Final = "settings of this model (its pack's tuning.json, or its builder)"
#: Seconds that the card may take to accept an input before PyBuda gives up.
_PUSH_TIMEOUT_S: Final = "500"


#: What a decoder whose past stays on the card is compiled with.
_GENERATING: Final = (
    Setting("compile_subgraphs", value=True),
    Setting("enable_link_past_cache_ios", value=True),
    Setting("enable_tvm_cpu_fallback", value=False),
    Setting("default_dram_parameters", value=False),
)


@dataclass(frozen=True)
class Applied:
    """What was set for a run, for its record."""

    environment: Mapping[str, str]
    #: Variables that were recommended and that the user has set otherwise.
    kept: Mapping[str, str]
    settings: Sequence[str]

    def to_record(self) -> dict[str, object]:
        """Give it as plain values."""
        return {
            "environment": dict(self.environment),
            "kept_environment": dict(self.kept),
            "settings": list(self.settings),
        }


def engine_options(options: CompileOptions) -> EngineOptions:
    """Give what was asked of this engine alone."""
    return options.asked if options.asked is not None else EngineOptions()


def is_sequential(options: CompileOptions) -> bool:
    """Say whether PyBuda computes in the calling thread: without a card, or when told to."""
    return options.devices[0].kind != DevType.SILICON or _SEQUENTIAL in os.environ


def tuning_of(model: BenchmarkModel, options: CompileOptions) -> Tuning:
    """Settle what holds for a run: the engine's own, the pack's rules, then the builder's.

    A builder passes rules as `tuning={"pybuda": {"rules": [...]}}`, in the form of
    `tuning.json`. Raises `PackContractError` for rules that cannot be read.
    """
    facts = _facts(options)
    of_pack = evaluate_rules(options.rules, facts, _RULES)
    own = model.tuning.get("pybuda", {})
    if set(own) - {"rules"}:
        raise PackContractError(_RULES, "tuning['pybuda'] of a builder takes 'rules' alone")
    rules: Any = own.get("rules", ())
    of_builder = evaluate_rules(rules, facts, _RULES)
    environment = {**_own(model, options), **of_pack.environment, **of_builder.environment}
    generating = _GENERATING if model.generation else ()
    return Tuning(environment, (*generating, *of_pack.settings, *of_builder.settings))


@contextlib.contextmanager
def applied(tuning: Tuning, options: CompileOptions) -> Iterator[Applied]:
    """Set environment and compiler settings, and put the environment back at the end.

    PyBuda forgets its configuration first, and so reads the environment again.
    """
    kept = {
        name: os.environ[name]
        for name, value in tuning.environment.items()
        if os.environ.get(name, value) != value
    }
    news = {name: value for name, value in tuning.environment.items() if name not in kept}
    with _variables(news):
        pybuda.pybuda_reset()
        said = [_apply(setting, options) for setting in tuning.settings]
        yield Applied(news, kept, [one for one in said if one is not None])


def configure(options: CompileOptions, *, trace: Trace = Trace.NONE, folder: str = "") -> None:
    """Tell PyBuda how to compile; before any device is made.

    Args:
        options: what will be run.
        trace: what the card is to record.
        folder: where PyBuda puts what it leaves; its own choice if empty.
    """
    asked = engine_options(options)
    if asked.balancer_policy is not BalancerPolicy.DEFAULT:
        pybuda.set_configuration_options(balancer_policy=asked.balancer_policy.value)
    pybuda.set_configuration_options(
        default_df_override=format_of(options.data_format),
        math_fidelity=fidelity_of(options.math_fidelity) if options.math_fidelity else None,
        backend_opt_level=options.opt_level,
        performance_trace=trace_of(trace),
        backend_output_dir=folder or None,
        backend_runtime_params_path=asked.runtime_params_yaml,
        device_config=asked.device_config.value if asked.device_config else None,
        enable_auto_fusing=False if "PYBUDA_DISABLE_FUSE_OPS" in os.environ else None,
        enable_recompute=asked.recompute or None,
        enable_auto_transposing_placement=asked.auto_transpose or None,
    )


def configure_running(options: CompileOptions, *, trace: Trace, folder: str) -> None:
    """Tell PyBuda again what is no matter of compiling: an image that is loaded brings its own.

    Args:
        options: what will be run.
        trace: what the card is to record.
        folder: where PyBuda puts what it leaves.
    """
    pybuda.set_configuration_options(
        backend_opt_level=options.opt_level,
        performance_trace=trace_of(trace),
        backend_output_dir=folder or None,
    )


@contextlib.contextmanager
def build_folder() -> Iterator[str]:
    """Give a folder that PyBuda may empty and build in, for this run alone; removed at the end.

    Its own choice is the same folder for runs that differ in nothing that it looks at, and one
    would empty that of the other. Empty where the user has chosen one.
    """
    if "PYBUDA_BUILD_DIR" in os.environ:
        yield ""
        return
    with tempfile.TemporaryDirectory(
        prefix="ttbench-pybuda-", ignore_cleanup_errors=True
    ) as folder:
        yield str(Path(folder) / "build")


def _facts(options: CompileOptions) -> Facts:
    asked = options.asked
    fidelity = options.math_fidelity
    return Facts(
        config=asked.config if asked else None,
        dataformat=options.data_format.value,
        math_fidelity=fidelity.value if fidelity else None,
        backend_opt_level=options.opt_level,
        arch=options.devices[0].arch,
        balancer_policy=engine_options(options).balancer_policy.value,
        training=options.training,
        chips=1 if engine_options(options).parallel_tti else len(options.devices),
        layers=asked.layers if asked else None,
        environment=dict(os.environ),
    )


def _own(model: BenchmarkModel, options: CompileOptions) -> dict[str, str]:
    """Give what PyBuda's benchmark sets for every model, and what generating needs."""
    found = {"TT_BACKEND_PUSH_TIMEOUT": _PUSH_TIMEOUT_S}
    silicon = options.devices[0].kind == DevType.SILICON
    wormhole = options.devices[0].arch == Arch.WORMHOLE_B0
    if silicon and wormhole and not engine_options(options).galaxy:
        # cards differ in how many rows of cores they have: all are used as the smallest
        found["PYBUDA_FORCE_EMULATE_HARVESTED"] = "1"
    if model.generation:
        # subgraphs are chosen on the device object, which another process would not see
        found[_SEQUENTIAL] = "1"
        found["PYBUDA_ROTATE_PAST_CACHE_PARAMS"] = "1"
    if engine_options(options).parallel_tti:
        # processes of processes do not answer on Wormhole
        found["PYBUDA_FORCE_THREADS"] = "1"
    return found


def _apply(setting: Setting, options: CompileOptions) -> str | None:
    """Apply one setting and say so; None for a policy that the user has chosen himself."""
    policy = engine_options(options).balancer_policy
    if setting.name == "balancer_policy" and policy is not BalancerPolicy.DEFAULT:
        return None
    config = pybuda.config._get_global_compiler_config()  # noqa: SLF001 - as PyBuda's own benchmark
    try:
        if setting.is_call:
            args = [_translated(value) for value in setting.args]
            kwargs = {name: _translated(value) for name, value in setting.kwargs.items()}
            _call_of(config, setting.name)(*args, **kwargs)
        elif hasattr(config, setting.name):
            setattr(config, setting.name, _translated(setting.value))
        else:
            raise AttributeError("PyBuda's compiler has no such setting")
    except (AssertionError, AttributeError, TypeError, ValueError) as error:
        raise PackContractError(_RULES, f"{setting}: {one_line(error)}") from error
    return str(setting)


def _call_of(config: Any, name: str) -> Callable[..., Any]:
    known = _calls(config)
    if name not in known:
        raise ValueError(f"no function that rules may call: {', '.join(known)}")
    return known[name]


def _calls(config: Any) -> dict[str, Callable[..., Any]]:
    """Give the functions that rules may name."""
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


def _translated(value: Any) -> Any:
    """Put PyBuda's members for their names, and whole numbers for the keys of an object."""
    if isinstance(value, str):
        return member_of(value)
    if isinstance(value, Mapping):
        pairs = {key: _translated(one) for key, one in value.items()}
        return {
            int(key) if key.isdigit() else key: tuple(one) if isinstance(one, list) else one
            for key, one in pairs.items()
        }
    if isinstance(value, (list, tuple)):
        return [_translated(one) for one in value]
    return value


@contextlib.contextmanager
def _variables(variables: Mapping[str, str]) -> Iterator[None]:
    """Set variables of this process; afterwards the whole environment is as it was before.

    PyBuda sets some of its own meanwhile.
    """
    before = dict(os.environ)
    os.environ.update(variables)
    try:
        yield
    finally:
        for name in os.environ.keys() - before.keys():
            del os.environ[name]
        os.environ.update(before)
