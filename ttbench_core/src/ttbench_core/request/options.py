"""The options of a run: validated once, then frozen.

Names and values are spelled as in PyBuda's benchmark script, so that scripts
and old result files keep their meaning. None means "not requested": the model
or the backend decides, and the record has what was run.
"""

from __future__ import annotations

import dataclasses
from collections.abc import Mapping
from dataclasses import KW_ONLY, dataclass, field
from typing import Any

from ttbench_core.errors import OptionError
from ttbench_core.request.checking import (
    OptionEnum,
    check_choice,
    check_flag,
    check_integer,
    check_number,
    check_text,
    require,
)
from ttbench_core.request.formats import DataFormat, read_format
from ttbench_core.request.named_values import check_named_values
from ttbench_core.request.variables import parse_variables, variables_as_text

__all__ = ["DataFormat", "MathFidelity", "RunOptions", "Scenario", "Trace", "option_fields"]

#: Inputs of a pass for each chip, when no loop count was asked for (as in the original script).
INPUTS_PER_CHIP = 5
#: No machine has memory or time for more of anything.
_MAX_COUNT = 10**9
_MAX_PROCESSES = 1000
_MAX_THREADS = 4096


class MathFidelity(OptionEnum):
    """How many passes over the mantissas a multiplication may take."""

    LOFI = "LoFi"
    HIFI2 = "HiFi2"
    HIFI3 = "HiFi3"
    HIFI4 = "HiFi4"


class Trace(OptionEnum):
    """Performance trace to be taken after the timed passes."""

    NONE = "none"
    LIGHT = "light"
    VERBOSE = "verbose"


class Scenario(OptionEnum):
    """What a run measures: with as many inputs in flight as keep the engine busy, or with one."""

    THROUGHPUT = "throughput"
    LATENCY = "latency"


@dataclass(frozen=True, slots=True)
class RunOptions:
    """Every option of one run, as the user gave it.

    Raises `OptionError`, naming option, value and what is allowed.
    """

    #: Name of the model, or `pack:name`.
    model: str
    _: KW_ONLY
    #: Configuration of the model; None runs its default.
    config: str | None = None
    #: Forward, loss and backward instead of forward alone.
    training: bool = False
    #: One of the seven, or the name of a format that the backend declares.
    dataformat: DataFormat | str | None = None
    math_fidelity: MathFidelity | None = None
    backend_opt_level: int | None = None
    #: Inputs a pass; None (or 0) is 5 x the number of chips.
    loop_count: int | None = None
    #: Devices of the kind in use; 0 is all of them.
    chips: int = 1
    #: Layers of a model whose builder supports it; None (or 0) is the configuration's own.
    layers: int | None = None
    trace: Trace = Trace.NONE
    #: Samples an input; None (or 0) is the builder's own.
    microbatch: int | None = None
    #: Tokens of a text or prompt; None is the configuration's own, like the next.
    seq_len: int | None = None
    #: Rows and columns of an image.
    image_size: int | None = None
    #: Whether the model generates tokens, instead of one forward pass; None is its default.
    generative: bool | None = None
    #: Tokens that a model generates for a prompt.
    new_tokens: int | None = None
    #: `pretrained` for those of the hub, or a folder of them; None is random ones.
    weights: str | None = None
    #: `cpu`, `cuda`, `cuda:1`; None is the best of the backend.
    device: str | None = None
    #: Name of a registered backend; None is the best that is usable.
    backend: str | None = None
    #: Seed of random inputs and weights.
    seed: int = 0
    scenario: Scenario = Scenario.THROUGHPUT
    #: Passes a process; None is as many as the interval needs.
    passes: int | None = None
    #: Seconds that the passes of a process may take; None is 60, or no limit to fixed passes.
    max_time: float | None = None
    #: Inputs before the passes; None is until they settle.
    warmup: int | None = None
    #: Fresh processes that the whole measurement is repeated in.
    processes: int = 1
    #: Threads that the engine computes with on the host; None is its own choice.
    threads: int | None = None
    #: Whether outputs are compared with Fp32; None is wherever they can differ.
    verify: bool | None = None
    #: Minimum correlation for outputs to count as right; None is the model's, else 0.99.
    pcc: float | None = None
    #: Whether this machine's peak is measured for comparison.
    roofline: bool = True
    #: Environment variables of the run, `NAME=VALUE NAME ...` quoted as in a shell; a mapping
    #: becomes that text, and a name alone means 1.
    env: str | None = None
    #: Seconds without a heartbeat after which a run counts as hung; None is the engine's own.
    timeout: float | None = None
    #: Interpreter that measures: a path, or a name of `ttbench.toml`; None is this one, or the
    #: one that the settings name for the backend.
    python: str | None = None
    #: Options that the backend declares, by name; values, or their texts.
    engine_options: Mapping[str, object] = field(default_factory=dict, hash=False)
    #: Options of the model: keywords of its builder, by name; values, or their texts.
    model_options: Mapping[str, object] = field(default_factory=dict, hash=False)

    def __post_init__(self) -> None:
        check_text("model", self.model)
        for name in ("config", "device", "backend", "weights", "python"):
            if getattr(self, name) is not None:
                check_text(name, getattr(self, name))
        check_flag("training", self.training)
        check_flag("roofline", self.roofline)
        check_flag("verify", self.verify, optional=True)
        check_flag("generative", self.generative, optional=True)
        self._set("dataformat", read_format(self.dataformat))
        self._set("math_fidelity", check_choice("math fidelity", MathFidelity, self.math_fidelity))
        self._set("trace", check_choice("trace", Trace, self.trace) or Trace.NONE)
        scenario = check_choice("scenario", Scenario, self.scenario)
        self._set("scenario", scenario or Scenario.THROUGHPUT)
        for name in ("loop_count", "layers", "microbatch", "seq_len", "image_size", "new_tokens"):
            given = getattr(self, name)
            size = check_integer(
                name, given, minimum=1, maximum=_MAX_COUNT, zero_means="the default"
            )
            self._set(name, size or None)
        check_integer("backend_opt_level", self.backend_opt_level, minimum=0, maximum=4)
        check_integer("chips", require("chips", self.chips), minimum=0, maximum=_MAX_COUNT)
        check_integer("seed", require("seed", self.seed), minimum=0, maximum=2**63 - 1)
        check_integer("passes", self.passes, minimum=1, maximum=_MAX_COUNT)
        check_integer("warmup", self.warmup, minimum=0, maximum=_MAX_COUNT)
        processes = require("processes", self.processes)
        check_integer("processes", processes, minimum=1, maximum=_MAX_PROCESSES)
        check_integer("threads", self.threads, minimum=1, maximum=_MAX_THREADS)
        self._set("max_time", check_number("max_time", self.max_time, above=0, maximum=_MAX_COUNT))
        self._set("pcc", check_number("pcc", self.pcc, above=-1, maximum=1))
        self._set("timeout", check_number("timeout", self.timeout, above=0, maximum=_MAX_COUNT))
        self._set("env", variables_as_text(self.env))
        for name in ("engine_options", "model_options"):
            self._set(name, check_named_values(name, getattr(self, name)))
        self._check_conflicts()

    def _check_conflicts(self) -> None:
        if self.new_tokens is not None and self.generative is False:
            raise OptionError("--new_tokens counts what is generated: leave out --no-generative")
        if self.verify is False and self.pcc is not None:
            raise OptionError("--pcc says when verification fails: leave out --no-verify")
        if not self.training:
            return
        if self.verify or self.pcc is not None:
            raise OptionError("--verify and --pcc are about outputs of inference: leave out -t")
        for name in ("generative", "new_tokens"):
            if getattr(self, name):
                raise OptionError(f"--{name} is about inference: leave out -t")

    @property
    def wants_trace(self) -> bool:
        """Whether `--trace` asks for a trace after the passes."""
        return self.trace is not Trace.NONE

    @property
    def environment(self) -> dict[str, str]:
        """Give the variables that `env` sets, by name."""
        return parse_variables(self.env or "")

    def as_requested(self) -> dict[str, Any]:
        """Give the options as plain values, None where not asked."""
        return {
            one.name: value.value if isinstance(value, OptionEnum) else value
            for one in option_fields()
            for value in [getattr(self, one.name)]
        }

    def _set(self, name: str, value: object) -> None:
        object.__setattr__(self, name, value)


def option_fields() -> tuple[dataclasses.Field[Any], ...]:
    """Give the fields of `RunOptions`."""
    return dataclasses.fields(RunOptions)
