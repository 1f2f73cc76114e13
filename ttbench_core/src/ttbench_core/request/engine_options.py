"""Options that only some engines honour: PyBuda's, under the names of its own benchmark.

A backend lists those that it honours in its capabilities; with another one they
are refused. Their defaults mean "not requested".
"""

from __future__ import annotations

import dataclasses
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Final

from ttbench_core.errors import OptionError
from ttbench_core.request.checking import (
    OptionEnum,
    check_choice,
    check_flag,
    check_integer,
    check_text,
    require,
)

__all__ = ["Arch", "BalancerPolicy", "BoardConfig", "DevType", "EngineOptions", "flag_of"]

_MAX_MICROBATCH_COUNT: Final = 10**6
#: Flags that are spelled with a dash, as in PyBuda's benchmark.
_DASHED_FLAGS: Final = {
    "balancer_policy": "--balancer-policy",
    "device_config": "--device-config",
    "single_thread": "--single-thread",
}


class Arch(OptionEnum):
    """Families of Tenstorrent chips."""

    GRAYSKULL = "grayskull"
    WORMHOLE_B0 = "wormhole_b0"
    BLACKHOLE = "blackhole"


class DevType(OptionEnum):
    """What runs the compiled model: the card, or a program that imitates it."""

    SILICON = "silicon"
    GOLDEN = "golden"
    MODEL = "model"


class BoardConfig(OptionEnum):
    """Boards that can be compiled for while none is there."""

    GALAXY = "galaxy"
    WH_N150 = "wh_n150"
    WH_N300 = "wh_n300"
    GS_E150 = "gs_e150"
    GS_E300 = "gs_e300"


class BalancerPolicy(OptionEnum):
    """How PyBuda's compiler spreads operations over the cores."""

    DEFAULT = "default"
    CNN = "CNN"
    RIBBON = "Ribbon"
    NLP = "NLP"


@dataclass(frozen=True, kw_only=True)
class EngineOptions:
    """Options that only some engines honour.

    Raises `OptionError`, naming option, value and what is allowed.
    """

    #: In training, inputs that go forward before they go backward.
    microbatch_count: int = 1
    #: Compute activations again in the backward pass instead of keeping them.
    recompute: bool = False
    #: One input at a time, pushed and popped in turn.
    single_thread: bool = False
    #: Let the compiler turn the grids of operations.
    auto_transpose: bool = False
    balancer_policy: BalancerPolicy = BalancerPolicy.DEFAULT
    #: Chips to compile for; None is those that are there.
    arch: Arch | None = None
    #: None is the card itself.
    devtype: DevType | None = None
    #: Board to compile for while none is there.
    device_config: BoardConfig | None = None
    #: File of runtime parameters to compile with while no card is there.
    runtime_params_yaml: str | None = None
    #: The chips of a Galaxy and the card beside it.
    galaxy: bool = False
    #: Let compiler and card report what each operation costs.
    perf_analysis: bool = False
    #: File that the compiled model is saved to, instead of a measurement.
    save_tti: str | None = None
    #: File that the compiled model is loaded from.
    load_tti: str | None = None
    #: Folder for one image that every card runs a share of each input with.
    parallel_tti: str | None = None

    def _check_engine_options(self) -> None:
        count = require("microbatch_count", self.microbatch_count)
        check_integer("microbatch_count", count, minimum=1, maximum=_MAX_MICROBATCH_COUNT)
        for name in _FLAGS:
            check_flag(name, getattr(self, name))
        for name, kind in _CHOICES.items():
            object.__setattr__(self, name, check_choice(flag_of(name), kind, getattr(self, name)))
        if self.balancer_policy is None:
            object.__setattr__(self, "balancer_policy", BalancerPolicy.DEFAULT)
        for name in _FILES:
            # scripts for the original pass "" for none
            object.__setattr__(self, name, getattr(self, name) or None)
            if getattr(self, name) is not None:
                check_text(flag_of(name), getattr(self, name))
        self._check_combinations()

    def _check_combinations(self) -> None:
        if self.save_tti and (self.load_tti or self.parallel_tti):
            other = "load_tti" if self.load_tti else "parallel_tti"
            raise OptionError(f"--save_tti compiles a model and stops: leave out {flag_of(other)}")
        if self.galaxy and (self.parallel_tti or self.load_tti):
            raise OptionError("--galaxy names the chips, and an image its own: use one of them")

    def requested_engine_options(self) -> tuple[str, ...]:
        """Give the names of the fields that were asked for."""
        return tuple(
            field.name
            for field in dataclasses.fields(EngineOptions)
            if getattr(self, field.name) != field.default
        )


_FLAGS: Final = (
    "recompute",
    "single_thread",
    "auto_transpose",
    "galaxy",
    "perf_analysis",
)
_CHOICES: Final[Mapping[str, type[OptionEnum]]] = {
    "arch": Arch,
    "devtype": DevType,
    "device_config": BoardConfig,
    "balancer_policy": BalancerPolicy,
}
_FILES: Final = ("runtime_params_yaml", "save_tti", "load_tti", "parallel_tti")


def flag_of(field: str) -> str:
    """Give the flag of a field, as it is typed."""
    return _DASHED_FLAGS.get(field, f"--{field}")
