"""`ttbench new pack|backend|sink NAME`: a package that installs, runs and passes its tests."""

from __future__ import annotations

import argparse
import os
import shlex
from collections.abc import Sequence
from pathlib import Path
from typing import Final

from ttbench_core.cli.arguments import Parser
from ttbench_core.cli.terminal import print_line, print_pairs
from ttbench_core.scaffolding.writing import KINDS, NewPackage, new_package, write_package

__all__ = ["make_package"]

_EXAMPLES: Final = """\
examples:
  ttbench new pack film        a model pack: a builder, its options and its test
  ttbench new backend chip     a backend with an option, a format and a device of its own
  ttbench new sink board       a sink with a scheme of its own: -o board:PLACE

The package is written to a folder of that name here, or under --in. Then:
  pip install ./chip && pytest chip
"""
_TRY: Final = {
    "pack": "ttbench -m {name}",
    "backend": "ttbench -m bert -c tiny --backend {name}",
    "sink": "ttbench -m bert -c tiny -o {name}:results",
}
_DOCS: Final = {"pack": "docs/tutorial.md", "backend": "docs/backends.md", "sink": "docs/sinks.md"}


def make_package(words: Sequence[str]) -> int:
    """Run `ttbench new`: write a package and say what comes next; raises what writing raises."""
    options = _parser().parse_args(words)
    package = new_package(options.kind, options.name)
    folder = Path(options.folder or ".") / package.name
    files = write_package(package, folder)
    print_pairs([("wrote", str(file)) for file in files])
    print_line()
    print_pairs(_next_steps(package, folder))
    return 0


def _parser() -> Parser:
    parser = Parser(
        prog="ttbench new",
        description="Write a new model pack, backend or sink that installs, runs and passes its"
        " tests at once",
        epilog=_EXAMPLES,
        formatter_class=argparse.RawDescriptionHelpFormatter,
        allow_abbrev=False,
    )
    parser.add_argument("kind", choices=tuple(KINDS), help="What to write")
    parser.add_argument(
        "name", metavar="NAME", help="Name of the model or the backend, or scheme of the sink"
    )
    parser.add_argument(
        "--in", dest="folder", metavar="FOLDER", help="Where its folder is made. By default, here."
    )
    return parser


def _next_steps(package: NewPackage, folder: Path) -> list[tuple[str, str]]:
    # with a dot in front, because pip would look a bare word up in its index
    place = shlex.quote(str(folder) if folder.is_absolute() else f"{os.curdir}/{folder}")
    return [
        ("install", f"pip install {place}"),
        ("test", f"pytest {place}"),
        ("run", _TRY[package.kind].format(name=package.name)),
        ("contract", _DOCS[package.kind]),
    ]
