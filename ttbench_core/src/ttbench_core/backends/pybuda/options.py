"""The options that only PyBuda has, under the names and flags of its own benchmark."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, Final

from ttbench_core.errors import OptionError
from ttbench_core.request.checking import OptionEnum
from ttbench_core.request.declared_options import OptionRole
from ttbench_core.request.engine_options import engine_option
from ttbench_core.request.options import RunOptions, Scenario

__all__ = ["Arch", "BalancerPolicy", "BoardConfig", "DevType", "PybudaOptions", "check_with_run"]

_MAX_MICROBATCH_COUNT: Final = 10**6


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


def _option(flag: str, default: Any, text: str, **more: Any) -> Any:
    return engine_option(default, help=text, flags=flag.split(), **more)


@dataclass(frozen=True)
class PybudaOptions:
    """The options of PyBuda; their defaults mean "not requested".

    Raises `OptionError` for options that contradict each other.
    """

    microbatch_count: int = _option(
        "--microbatch_count",
        1,
        "In training, inputs that go forward before they go backward; --loop_count is a multiple"
        " of it",
        minimum=1,
        maximum=_MAX_MICROBATCH_COUNT,
        role=OptionRole.GROUP,
    )
    recompute: bool = _option(
        "--recompute", False, "In training, compute activations again instead of keeping them"
    )
    single_thread: bool = _option(
        "--single-thread", False, "Push one input, wait for its output, push the next"
    )
    auto_transpose: bool = _option(
        "--auto_transpose", False, "Let the compiler transpose the grids of operations"
    )
    balancer_policy: BalancerPolicy = _option(
        "-bp --balancer-policy",
        BalancerPolicy.DEFAULT,
        "How the compiler spreads operations over the cores. By default, what the pack recommends"
        " for the model.",
    )
    arch: Arch | None = _option(
        "--arch", None, "Chips to compile for. By default, the installed ones.", compared=False
    )
    devtype: DevType | None = _option(
        "--devtype",
        None,
        "The card (default), or a model of it in software; the same as -d",
        compared=False,
        role=OptionRole.DEVICE,
    )
    device_config: BoardConfig | None = _option(
        "--device-config", None, "Board to compile for while no card is there", compared=False
    )
    runtime_params_yaml: str | None = _option(
        "--runtime_params_yaml",
        None,
        "Runtime parameters to compile with while no card is there",
        metavar="FILE",
        compared=False,
    )
    galaxy: bool = _option("--galaxy", False, "Run on the chips of a Galaxy and the card beside it")
    perf_analysis: bool = _option(
        "--perf_analysis",
        False,
        "After the timed passes, write what each operation costs on compiler and card, in"
        " ttbench-traces/",
        compared=False,
        role=OptionRole.TRACE,
    )
    save_tti: str | None = _option(
        "--save_tti",
        None,
        "Compile, save the compiled model to FILE, and stop",
        metavar="FILE",
        compared=False,
        role=OptionRole.IMAGE,
    )
    load_tti: str | None = _option(
        "--load_tti",
        None,
        "Load the compiled model from FILE, which can run code: only one that you made",
        metavar="FILE",
        compared=False,
    )
    parallel_tti: str | None = _option(
        "--parallel_tti",
        None,
        "Save the compiled model in FOLDER, or take that of --load_tti, and run a share of each"
        " input on every card",
        metavar="FOLDER",
    )

    def __post_init__(self) -> None:
        if self.save_tti and (self.load_tti or self.parallel_tti):
            other = "--load_tti" if self.load_tti else "--parallel_tti"
            raise OptionError(f"--save_tti compiles a model and stops: leave out {other}")
        if self.galaxy and (self.parallel_tti or self.load_tti):
            raise OptionError("--galaxy names the chips, and an image its own: use one of them")


def check_with_run(asked: PybudaOptions, run: RunOptions) -> None:
    """Raise `OptionError` for options of PyBuda that contradict those of the run."""
    if asked.save_tti and (run.wants_trace or asked.perf_analysis):
        raise OptionError("--save_tti measures nothing: leave out --trace and --perf_analysis")
    if run.training and (asked.single_thread or asked.parallel_tti):
        flag = "--single-thread" if asked.single_thread else "--parallel_tti"
        raise OptionError(f"{flag} is about inference: leave out -t")
    if asked.microbatch_count > 1 and (asked.single_thread or run.scenario is Scenario.LATENCY):
        one = "--single-thread" if asked.single_thread else "--scenario latency"
        raise OptionError(
            f"{one} keeps one input in flight, --microbatch_count {asked.microbatch_count} needs"
            " as many: leave one of them out"
        )
    if asked.parallel_tti and run.chips > 1:
        raise OptionError("--parallel_tti gives each card one image: leave out --chips")
