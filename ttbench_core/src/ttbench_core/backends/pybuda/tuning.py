"""Recommended compiler settings and environment variables of a run.

They come from the engine, the pack and the builder. The user comes first: a
variable that is already set stays, and an option that was given on the command
line wins over a recommendation. The environment is restored when the context
ends; the compiler settings are forgotten with `pybuda_reset`.
"""

from __future__ import annotations

import contextlib
import os
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Final

import pybuda

from ttbench_core.backends.protocol import CompileOptions
from ttbench_core.backends.pybuda.compiler_settings import RULES_SOURCE, apply_setting
from ttbench_core.backends.pybuda.configuration import SEQUENTIAL_VARIABLE, engine_options
from ttbench_core.backends.pybuda.options import Arch, DevType
from ttbench_core.errors import PackContractError
from ttbench_core.model import BenchmarkModel
from ttbench_core.plugins.tuning import Facts, Setting, Tuning, evaluate_rules

__all__ = ["AppliedTuning", "apply_tuning", "tuning_of"]

#: Seconds that the card may take to accept an input before PyBuda gives up.
_PUSH_TIMEOUT_S: Final = "500"
#: Compiler settings for a decoder whose past stays on the card.
_GENERATION_SETTINGS: Final = (
    Setting("compile_subgraphs", value=True),
    Setting("enable_link_past_cache_ios", value=True),
    Setting("enable_tvm_cpu_fallback", value=False),
    Setting("default_dram_parameters", value=False),
)


@dataclass(frozen=True)
class AppliedTuning:
    """What was set for a run, for its record."""

    environment: Mapping[str, str]
    #: Variables that were recommended and that the user has set to another value.
    kept: Mapping[str, str]
    settings: Sequence[str]

    def to_record(self) -> dict[str, object]:
        """Give it as plain values."""
        return {
            "environment": dict(self.environment),
            "kept_environment": dict(self.kept),
            "settings": list(self.settings),
        }


def tuning_of(model: BenchmarkModel, options: CompileOptions) -> Tuning:
    """Combine the recommendations for a run: the engine's, the pack's rules, the builder's.

    Later ones win. A builder passes rules as `tuning={"pybuda": {"rules": [...]}}`, in the form
    of `tuning.json`. Raises `PackContractError` for rules that cannot be read.
    """
    facts = _facts(options)
    of_pack = evaluate_rules(options.rules, facts, RULES_SOURCE)
    builder_tuning = model.tuning.get("pybuda", {})
    if set(builder_tuning) - {"rules"}:
        raise PackContractError(RULES_SOURCE, "tuning['pybuda'] of a builder takes 'rules' alone")
    rules: Any = builder_tuning.get("rules", ())
    of_builder = evaluate_rules(rules, facts, RULES_SOURCE)
    environment = {
        **_engine_environment(model, options),
        **of_pack.environment,
        **of_builder.environment,
    }
    for_generation = _GENERATION_SETTINGS if model.generation else ()
    return Tuning(environment, (*for_generation, *of_pack.settings, *of_builder.settings))


@contextlib.contextmanager
def apply_tuning(tuning: Tuning, options: CompileOptions) -> Iterator[AppliedTuning]:
    """Set environment and compiler settings, and restore the environment at the end.

    PyBuda is reset first, so that it reads the environment again.
    """
    kept = {
        name: os.environ[name]
        for name, value in tuning.environment.items()
        if os.environ.get(name, value) != value
    }
    changes = {name: value for name, value in tuning.environment.items() if name not in kept}
    with _environment(changes):
        pybuda.pybuda_reset()
        applied = [apply_setting(setting, options) for setting in tuning.settings]
        yield AppliedTuning(changes, kept, [text for text in applied if text is not None])


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


def _engine_environment(model: BenchmarkModel, options: CompileOptions) -> dict[str, str]:
    """Give the variables that PyBuda's benchmark sets for every model, and those of generation."""
    variables = {"TT_BACKEND_PUSH_TIMEOUT": _PUSH_TIMEOUT_S}
    silicon = options.devices[0].kind == DevType.SILICON
    wormhole = options.devices[0].arch == Arch.WORMHOLE_B0
    if silicon and wormhole and not engine_options(options).galaxy:
        # cards have different numbers of rows of cores: all are used like the smallest
        variables["PYBUDA_FORCE_EMULATE_HARVESTED"] = "1"
    if model.generation:
        # subgraphs are chosen on the device object, which another process would not see
        variables[SEQUENTIAL_VARIABLE] = "1"
        variables["PYBUDA_ROTATE_PAST_CACHE_PARAMS"] = "1"
    if engine_options(options).parallel_tti:
        # nested processes do not respond on Wormhole
        variables["PYBUDA_FORCE_THREADS"] = "1"
    return variables


@contextlib.contextmanager
def _environment(variables: Mapping[str, str]) -> Iterator[None]:
    """Set variables of this process; restore the whole environment at the end.

    PyBuda sets some of its own meanwhile.
    """
    previous = dict(os.environ)
    os.environ.update(variables)
    try:
        yield
    finally:
        for name in os.environ.keys() - previous.keys():
            del os.environ[name]
        os.environ.update(previous)
