"""The flags of `ttbench sweep`: those of a run, each with a list of values."""

from __future__ import annotations

import argparse
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any, Final

from ttbench_core.cli.arguments import Parser
from ttbench_core.cli.engine_arguments import add_engine_options
from ttbench_core.cli.run_arguments import add_run_arguments
from ttbench_core.cli.sweep_places import read_place
from ttbench_core.sweeps.asked import MAX_JOBS, RETRIED
from ttbench_core.sweeps.definition.axes import MACHINE, PLAIN_AXES
from ttbench_core.sweeps.definition.flags import FlagValues
from ttbench_core.sweeps.shards.shards import MAX_SHARDS

__all__ = ["flag_values", "sweep_parser"]

_DESCRIPTION: Final = """\
Run every combination of models, configurations and settings, each in a process of its own.

Every flag of a run takes a list with commas between, and numbers also a range:
-mb "1..64 x2". A flag that is given twice has the values of both; -e takes one value each
time. A backslash keeps a comma within a value. A file has the same and more: docs/sweeps.md.
"""
_EXAMPLES: Final = """\
models: a name, PACK:NAME, a pattern such as 'vit*', all, or 'task:text generation'
Pairs of a model and a configuration that it lacks are left out. Beside FILE, a flag replaces
what the file says of the same setting. Every other flag of a run: ttbench --help.

examples:
  ttbench sweep -m bert,resnet -c tiny,resnet18 -df Fp32,Fp16_b -mb 1,8,32 -o perf.jsonl
  ttbench sweep -m 'vit*' --backend openvino -B streams=1,2 --threads 1..8 --dry-run
  ttbench sweep nightly.toml --rounds 3 --dry-run --all
  ttbench sweep nightly.toml --shard 2/4             the second of four parts
  ttbench sweep nightly.toml --on slurm --shards 4   a job of Slurm; --status says how far it is

exit codes: 0 every cell has a number or is refused; 1 a cell failed, has wrong outputs or was
not stored; 2 the request was wrong, or no cell can run; 130 interrupted
with --status: 0 nothing failed and nothing is missing; 1 something is; 2 the request was wrong
"""
#: Their words are read on their own.
_NAMED: Final = ("backend_option", "model_option")


def sweep_parser() -> Parser:
    """Make the parser; the help shows the flags of sweeps, and not again those of a run."""
    parser = Parser(
        prog="ttbench sweep",
        usage="ttbench sweep [FILE] [-m MODELS] [flags of a run, with lists] [-o TARGET]",
        description=_DESCRIPTION,
        epilog=_EXAMPLES,
        formatter_class=argparse.RawDescriptionHelpFormatter,
        allow_abbrev=False,
    )
    parser.add_argument("file", nargs="?", type=Path, metavar="FILE", help="Definition in TOML")
    parser.add_argument(
        "--machine",
        action="append",
        metavar="NAMES",
        help="Machines that the cells are for: names of [machines.NAME] in FILE, or every; those"
        " that this machine is not are left to others",
    )
    parser.add_argument("--name", help="Name of the sweep, for records (default: of the file)")
    parser.add_argument(
        "--rounds", type=int, metavar="N", help="How often each run is repeated (default 1)"
    )
    parser.add_argument(
        "--order_seed", type=int, metavar="N", help="Seed of the order of the runs (default 0)"
    )
    parser.add_argument(
        "--cell_timeout", type=float, metavar="SECONDS", help="Time that a run may take"
    )
    parser.add_argument(
        "-o",
        "--output",
        action="append",
        metavar="TARGET",
        help="Where to append the results, which also say what is done: the same command goes on"
        " where it ended; repeatable",
    )
    parser.add_argument(
        "--retry",
        action="append",
        choices=RETRIED,
        help="Run cells again that failed, or were refused; repeatable",
    )
    parser.add_argument(
        "--jobs",
        type=_count_to(MAX_JOBS),
        default=1,
        metavar="N",
        help="Cells that run at once, each on a device of its own: with -d cuda, cuda:0 and on;"
        " with --on ray, on each machine (default 1)",
    )
    parser.add_argument(
        "--shard",
        metavar="I/N",
        help="Run the I-th of N parts alone, such as 2/4; {shard} in -o is then 2of4",
    )
    parser.add_argument(
        "--times",
        metavar="TARGET",
        help="Results by whose times shards take as long as each other; the same for all shards",
    )
    parser.add_argument(
        "--on",
        type=read_place,
        metavar="WHERE",
        help="slurm: write a script with a task for each of --shards N, and submit it with sbatch;"
        " ray: run the cells on the machines of a Ray cluster; ray://HOST:PORT says where its head"
        " is",
    )
    parser.add_argument(
        "--shards",
        type=_count_to(MAX_SHARDS),
        metavar="N",
        help="How many parts --on makes of the sweep",
    )
    parser.add_argument(
        "--slurm",
        action="append",
        metavar="NAME=VALUE",
        help="An option of sbatch, such as partition=gpu; NAME=no leaves one out; repeatable",
    )
    parser.add_argument(
        "--dry-run",
        action="store_true",
        help="Show the cells, what is refused and why, and how long it takes; run nothing",
    )
    parser.add_argument(
        "--status",
        action="store_true",
        help="Show what is done, runs, failed or is missing, as the outputs tell; run nothing",
    )
    parser.add_argument(
        "--all", action="store_true", help="Show every cell, not the first 50 alone"
    )
    parser.add_argument("--json", action="store_true", help="Print JSON")
    parser.add_argument("--debug", action="store_true", help="Show tracebacks of errors")
    for action in _actions_of_a_run():
        _add_as_list(parser, action)
    return parser


def _count_to(most: int) -> Callable[[str], int]:
    """Give what reads a number from 1 to this one."""

    def read(text: str) -> int:
        if not text.isdecimal() or not 0 < int(text) <= most:
            raise argparse.ArgumentTypeError(f"{text!r} must be a number from 1 to {most}")
        return int(text)

    return read


def flag_values(options: argparse.Namespace) -> FlagValues:
    """Give what the flags say, with the words of each."""
    actions = {action.dest: action for action in _actions_of_a_run()}
    given = {
        name: getattr(options, name)
        for name in actions
        if name not in _NAMED and getattr(options, name) is not None
    }
    spelled = {name: "/".join(actions[name].option_strings[:2]) for name in given}
    if options.machine is not None:
        given[MACHINE], spelled[MACHINE] = options.machine, "--machine"
    return FlagValues(
        axes=given,
        spelled=spelled,
        engine_options=options.backend_option or (),
        model_options=options.model_option or (),
        name=options.name,
        rounds=options.rounds,
        outputs=options.output,
        order_seed=options.order_seed,
        cell_timeout_s=options.cell_timeout,
    )


def _actions_of_a_run() -> Iterator[argparse.Action]:
    """Yield the flags that are settings of a run, and those of engines."""
    parser = Parser(add_help=False)
    add_run_arguments(parser)
    engines = parser.add_argument_group()
    add_engine_options(engines)
    own = {action.dest for action in engines._group_actions}  # noqa: SLF001 - argparse has no other way
    for action in parser._actions:  # noqa: SLF001
        if action.dest in (*PLAIN_AXES, *_NAMED) or action.dest in own:
            yield action


def _add_as_list(parser: Parser, action: argparse.Action) -> None:
    reading: dict[str, Any] = {"action": "append"}
    if isinstance(action, argparse.BooleanOptionalAction):
        reading = {"action": argparse.BooleanOptionalAction}
    elif action.nargs == 0:
        reading = {"action": "store_true"}
    flags = [one for one in action.option_strings if not one.startswith("--no-")]
    parser.add_argument(*flags, dest=action.dest, default=None, help=argparse.SUPPRESS, **reading)
