"""`ttbench env`: interpreters for engines: making one, and listing them."""

from __future__ import annotations

import argparse
import shlex
from collections.abc import Sequence
from pathlib import Path
from typing import Final

from ttbench_core.cli.arguments import Parser
from ttbench_core.cli.terminal import print_line, print_pairs, print_table
from ttbench_core.request.credentials import hide_credentials
from ttbench_core.request.settings_file import read_interpreters, settings_file
from ttbench_core.scaffolding.environments import (
    NewEnvironment,
    make_environment,
    new_environment,
)

__all__ = ["run_env"]

_EXAMPLES: Final = """\
examples:
  ttbench env create ov --backend openvino              from where ttbench-core is from
  ttbench env create ov --backend openvino --from ./ttbench_core -c constraints.txt
  ttbench env create ov --backend openvino --dry-run    show the commands alone
  ttbench env list

An environment gets ttbench-core in the version that runs this, and what the backend needs. It
is added to the user's ttbench.toml: ttbench -m bert --backend openvino then measures there.
"""


def run_env(words: Sequence[str]) -> int:
    """Run `ttbench env`; raises what making an environment raises."""
    options = _parser().parse_args(words)
    if options.command == "list":
        _list()
        return 0
    new = new_environment(
        options.name,
        options.backend,
        base=options.python,
        folder=options.path,
        sources=options.sources,
        constraints=options.constraints,
    )
    if options.dry_run:
        for command in new.commands:
            _show(command)
        return 0
    file = make_environment(new, _show)
    print_pairs(_made(new, file))
    return 0


def _show(command: Sequence[str]) -> None:
    # an address may hold a password
    print_line(hide_credentials(shlex.join(command)))


def _made(new: NewEnvironment, file: Path) -> list[tuple[str, str]]:
    rows = [
        ("interpreter", str(new.interpreter)),
        ("added to", str(file)),
        ("run", f"ttbench -m bert -c tiny --backend {new.backend}"),
    ]
    counts = settings_file()
    if counts is not None and counts.absolute() != file:
        rows.append(("note", f"here {counts} counts instead: add it there too"))
    return rows


def _list() -> None:
    file = settings_file()
    known = read_interpreters(file) if file is not None else ()
    if not known:
        print_line("no interpreter is named; ttbench env create NAME --backend BACKEND makes one")
        return
    print_table(
        ["interpreter", "backends", "python"],
        [
            [
                one.name,
                ", ".join(one.backends) or "-",
                f"{one.python}" if one.python.exists() else f"{one.python} (missing)",
            ]
            for one in known
        ],
    )


def _parser() -> Parser:
    parser = Parser(
        prog="ttbench env",
        description="Make an interpreter for an engine, and list those of ttbench.toml",
        epilog=_EXAMPLES,
        formatter_class=argparse.RawDescriptionHelpFormatter,
        allow_abbrev=False,
    )
    commands = parser.add_subparsers(dest="command", required=True, metavar="create|list")
    commands.add_parser("list", help="Show the interpreters of ttbench.toml", allow_abbrev=False)
    create = commands.add_parser("create", help="Make a virtual environment", allow_abbrev=False)
    create.add_argument("name", metavar="NAME", help="Name of its interpreter in ttbench.toml")
    create.add_argument("--backend", required=True, help="Backend that will live there")
    create.add_argument(
        "--python", metavar="BASE", help="Interpreter that makes it. By default, this one."
    )
    create.add_argument(
        "--path",
        type=Path,
        metavar="FOLDER",
        help="Where it is made. By default, in the user's data folder.",
    )
    create.add_argument(
        "--from",
        dest="sources",
        action="append",
        default=[],
        metavar="PATH_OR_URL",
        help="A checkout or a wheel to install from; can be given more than once. By default, the"
        " folder that ttbench-core was installed from, else the package index.",
    )
    create.add_argument("-c", "--constraints", type=Path, metavar="FILE", help="Constraints of pip")
    create.add_argument(
        "--dry-run", action="store_true", help="Show the commands, and run none of them"
    )
    return parser
