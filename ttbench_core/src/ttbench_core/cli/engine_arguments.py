"""The flags that only some engines honour, spelled as in PyBuda's benchmark."""

from __future__ import annotations

import argparse

from ttbench_core.request.checking import OptionEnum
from ttbench_core.request.engine_options import Arch, BalancerPolicy, BoardConfig, DevType, flag_of

__all__ = ["add_engine_options", "choices_of"]


def add_engine_options(group: argparse._ArgumentGroup) -> None:
    """Add a flag for each field of `EngineOptions`."""
    _add_running(group)
    _add_compiling(group)
    _add_images(group)


def choices_of(kind: type[OptionEnum]) -> str:
    """Give the spellings of an option's values, as the help shows them."""
    return "{" + ",".join(member.value for member in kind) + "}"


def _add_running(group: argparse._ArgumentGroup) -> None:
    group.add_argument(
        "--microbatch_count",
        type=int,
        default=1,
        help="In training, inputs that go forward before they go backward; --loop_count is a"
        " multiple of it (default 1)",
    )
    _flag(group, "single_thread", "Push one input, wait for its output, push the next")
    _flag(group, "recompute", "In training, compute activations again instead of keeping them")
    _flag(
        group,
        "perf_analysis",
        "After the timed passes, write what each operation costs on compiler and card, in"
        " ttbench-traces/",
    )


def _add_compiling(group: argparse._ArgumentGroup) -> None:
    _choice(
        group,
        "devtype",
        DevType,
        "The card (default), or a model of it in software; the same as -d",
    )
    _choice(group, "arch", Arch, "Chips to compile for. By default, the installed ones.")
    _choice(group, "device_config", BoardConfig, "Board to compile for while no card is there")
    group.add_argument(
        "--runtime_params_yaml",
        metavar="FILE",
        help="Runtime parameters to compile with while no card is there",
    )
    _flag(group, "galaxy", "Run on the chips of a Galaxy and the card next to it")
    _flag(group, "auto_transpose", "Let the compiler transpose the grids of operations")
    group.add_argument(
        "-bp",
        "--balancer-policy",
        default=BalancerPolicy.DEFAULT.value,
        metavar=choices_of(BalancerPolicy),
        help="How the compiler spreads operations over the cores. By default, what the pack"
        " recommends for the model.",
    )


def _add_images(group: argparse._ArgumentGroup) -> None:
    group.add_argument(
        "--save_tti", metavar="FILE", help="Compile, save the compiled model to FILE, and stop"
    )
    group.add_argument(
        "--load_tti",
        metavar="FILE",
        help="Load the compiled model from FILE, which can run code: only one that you made",
    )
    group.add_argument(
        "--parallel_tti",
        metavar="FOLDER",
        help="Save the compiled model in FOLDER, or take that of --load_tti, and run a share of"
        " each input on every card",
    )


def _flag(group: argparse._ArgumentGroup, field: str, text: str) -> None:
    group.add_argument(flag_of(field), dest=field, action="store_true", help=text)


def _choice(group: argparse._ArgumentGroup, field: str, kind: type[OptionEnum], text: str) -> None:
    group.add_argument(flag_of(field), dest=field, metavar=choices_of(kind), help=text)
