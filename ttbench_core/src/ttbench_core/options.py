"""What was asked of a run: validated once, then frozen.

Names and values are spelled as in PyBuda's benchmark script, so that scripts
and old result files keep their meaning. None means "not asked": the model or
the backend decides, and the record says what was run.
"""

from __future__ import annotations

import dataclasses
from dataclasses import dataclass
from enum import Enum
from typing import TypeVar

from ttbench_core.errors import OptionError, suggestion

__all__ = ["DataFormat", "MathFidelity", "RunOptions", "Scenario", "Trace"]

#: Correlation with Fp32 below which outputs count as wrong, where the model declares none.
DEFAULT_PCC = 0.99
#: Inputs of a pass for each chip, when no loop count was asked for (the seed's rule).
INPUTS_PER_CHIP = 5
#: More of anything than any machine has memory or time for.
_MOST = 10**9
_MOST_PROCESSES = 1000
_MOST_THREADS = 4096


class _Spelled(str, Enum):
    """An option value that compares equal to its own spelling."""

    def __str__(self) -> str:
        return str(self.value)


class DataFormat(_Spelled):
    """The number format a model's device stage is asked to run in."""

    FP32 = "Fp32"
    FP16 = "Fp16"
    FP16_B = "Fp16_b"
    BFP8 = "Bfp8"
    BFP8_B = "Bfp8_b"
    BFP4 = "Bfp4"
    BFP4_B = "Bfp4_b"

    @property
    def is_block_float(self) -> bool:
        """Whether blocks of 16 elements share one exponent in this format."""
        return self.value.startswith("Bfp")


class MathFidelity(_Spelled):
    """How many passes over the mantissas a multiplication may take."""

    LOFI = "LoFi"
    HIFI2 = "HiFi2"
    HIFI3 = "HiFi3"
    HIFI4 = "HiFi4"


class Trace(_Spelled):
    """Performance trace to be taken after the timed passes."""

    NONE = "none"
    LIGHT = "light"
    VERBOSE = "verbose"


class Scenario(_Spelled):
    """What a run is about: as many inputs in flight as keep the engine busy, or one."""

    THROUGHPUT = "throughput"
    LATENCY = "latency"


_Choice = TypeVar("_Choice", bound=_Spelled)


@dataclass(frozen=True)
class RunOptions:
    """Every option of one run, as the user gave it.

    Raises `OptionError`, naming option, value and what is allowed.
    """

    #: Name of the model, or `pack:name`.
    model: str
    #: Configuration of the model; None runs its default.
    config: str | None = None
    #: Forward, loss and backward instead of forward alone.
    training: bool = False
    dataformat: DataFormat | None = None
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
    #: Correlation below which outputs count as wrong; None is the model's, else 0.99.
    pcc: float | None = None
    #: Whether this machine's peak is measured for comparison.
    roofline: bool = True

    def __post_init__(self) -> None:
        _text("model", self.model)
        for name in ("config", "device", "backend"):
            if getattr(self, name) is not None:
                _text(name, getattr(self, name))
        _flag("training", self.training)
        _flag("roofline", self.roofline)
        _flag("verify", self.verify, optional=True)
        self._set("dataformat", _choice("data format", DataFormat, self.dataformat))
        self._set("math_fidelity", _choice("math fidelity", MathFidelity, self.math_fidelity))
        self._set("trace", _choice("trace", Trace, self.trace) or Trace.NONE)
        self._set("scenario", _choice("scenario", Scenario, self.scenario) or Scenario.THROUGHPUT)
        for name in ("loop_count", "layers", "microbatch"):
            self._set(name, _whole(name, getattr(self, name), least=0, most=_MOST) or None)
        _whole("backend_opt_level", self.backend_opt_level, least=0, most=4)
        _whole("chips", _required("chips", self.chips), least=0, most=_MOST)
        _whole("seed", _required("seed", self.seed), least=0, most=2**63 - 1)
        _whole("passes", self.passes, least=1, most=_MOST)
        _whole("warmup", self.warmup, least=0, most=_MOST)
        _whole("processes", _required("processes", self.processes), least=1, most=_MOST_PROCESSES)
        _whole("threads", self.threads, least=1, most=_MOST_THREADS)
        self._set("max_time", _number("max_time", self.max_time, above=0, most=_MOST))
        self._set("pcc", _number("pcc", self.pcc, above=-1, most=1))
        if self.training and (self.verify or self.pcc is not None):
            raise OptionError("--verify and --pcc are about outputs of inference: leave out -t")
        if self.verify is False and self.pcc is not None:
            raise OptionError("--pcc says when verification fails: leave out --no-verify")

    def as_asked(self) -> dict[str, object]:
        """Give the options as plain values for the record, None where not asked."""
        return {
            field.name: value.value if isinstance(value, _Spelled) else value
            for field in dataclasses.fields(self)
            for value in [getattr(self, field.name)]
        }

    def _set(self, name: str, value: object) -> None:
        object.__setattr__(self, name, value)


def _text(name: str, value: object) -> None:
    if not isinstance(value, str) or not value:
        raise OptionError(f"{name} must be a name, not {value!r}")


def _required(name: str, value: int | None) -> int:
    if value is None:
        raise OptionError(f"{name} must be a whole number, not None")
    return value


def _whole(name: str, value: int | None, *, least: int, most: int | None = None) -> int | None:
    if value is None:
        return None
    allowed = f"{least} to {most}" if most is not None else f"{least} or more"
    if isinstance(value, bool) or not isinstance(value, int):
        raise OptionError(f"{name} must be a whole number ({allowed}), not {value!r}")
    if value < least or (most is not None and value > most):
        raise OptionError(f"{name} must be {allowed}, not {value}")
    return value


def _number(name: str, value: float | None, *, above: float, most: float) -> float | None:
    if value is None:
        return None
    fits = isinstance(value, (int, float)) and not isinstance(value, bool)
    if not fits or not above < value <= most:
        raise OptionError(
            f"{name} must be a number above {above:g} and at most {most:g}, not {value!r}"
        )
    return float(value)


def _flag(name: str, value: object, *, optional: bool = False) -> None:
    if not isinstance(value, bool) and not (optional and value is None):
        raise OptionError(f"{name} must be true or false, not {value!r}")


def _choice(name: str, kind: type[_Choice], value: object) -> _Choice | None:
    if value is None:
        return None
    spellings = [member.value for member in kind]
    if value in spellings:
        return kind(value)
    hint = suggestion(value, spellings) if isinstance(value, str) else ""
    raise OptionError(f"unknown {name} {value!r}: one of {', '.join(spellings)}{hint}")
