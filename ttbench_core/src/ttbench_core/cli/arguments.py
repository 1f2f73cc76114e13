"""The flags of `ttbench`, spelled as in the seed.

Values are checked in `RunOptions`, which `run()` uses as well, so that a wrong
one is reported alike everywhere; argparse only tells words from numbers.
"""

from __future__ import annotations

import argparse
from collections.abc import Iterator, Sequence
from typing import Any, NoReturn

from ttbench_core.cli.engine_arguments import add_engine_options, engine_lines
from ttbench_core.cli.run_arguments import add_run_arguments
from ttbench_core.cli.terminal import print_line, print_text
from ttbench_core.errors import RequestError

__all__ = ["Parser", "UsageError", "parse"]

_EXAMPLES = """\
examples:
  ttbench --list                               what can be benchmarked here
  ttbench -m bert -c tiny -o perf.json         measure, and append to a JSON list
  ttbench -m resnet -c resnet18 -df Fp16_b -t  training in bfloat16
  ttbench -m bert -c tiny --processes 5        an interval that covers what processes differ by
  ttbench -m bert -c tiny --vs "-df Fp16_b"    two variants side by side, taking turns
  ttbench show perf.json                       stored results (ttbench show --help)
  ttbench compare old.json new.json            faster, slower or the same (ttbench compare --help)
  ttbench history nightly.jsonl                when rates changed (ttbench history --help)
  ttbench report perf.json -o report.html      a page of charts (ttbench report --help)
  ttbench doctor                               what is installed and usable here
  ttbench info bert                            what a model is, without running it
  ttbench info --backend torch                 what an engine can do, and its options
  ttbench sweep -m bert,gpt2 -mb 1,8 -o p.json many runs of one definition (ttbench sweep --help)
  ttbench env create ov --backend openvino     an interpreter of its own for an engine
  ttbench new backend mychip                   a backend of your own to start from; a pack; a sink

exit codes: 0 fine; 1 the benchmark failed, its outputs are wrong, its result could not be
kept, or it is unstable and --strict; 2 the request was wrong; 130 interrupted (what was
measured is kept)
"""


class UsageError(RequestError):
    """The command line cannot be read."""


class Parser(argparse.ArgumentParser):
    """Raises `UsageError` instead of leaving the process."""

    def error(self, message: str) -> NoReturn:
        """Raise `UsageError` with a pointer to the help."""
        raise UsageError(f"{message} ({self.prog} --help shows every option)")

    def parse_args(  # type: ignore[override]
        self, args: Sequence[str] | None = None, namespace: Any = None
    ) -> argparse.Namespace:
        """Read all words; raises `UsageError`, which shows no value of a flag that is not known."""
        found: argparse.Namespace
        found, left = self.parse_known_args(args, namespace)
        self._refuse_unknown(left)
        return found

    def parse_intermixed_args(  # type: ignore[override]
        self, args: Sequence[str] | None = None, namespace: Any = None
    ) -> argparse.Namespace:
        """Do what `parse_args` does, with words before, between and after the flags."""
        found: argparse.Namespace
        found, left = self.parse_known_intermixed_args(args, namespace)
        self._refuse_unknown(left)
        return found

    def _refuse_unknown(self, words: Sequence[str]) -> None:
        if words:
            self.error(f"unrecognized arguments: {' '.join(_without_values(words))}")

    def _get_values(self, action: argparse.Action, arg_strings: list[str]) -> Any:
        """Refuse `--flag=--`: of it, versions of argparse make an empty list or the text."""
        if action.nargs is None and action.option_strings and arg_strings == ["--"]:
            raise UsageError(f"argument {'/'.join(action.option_strings)}: -- is no value")
        return super()._get_values(action, arg_strings)

    def print_help(self, file: object = None) -> None:  # noqa: ARG002 - of the base class
        """Print the help; argparse itself ignores that nobody reads it."""
        print_text(self.format_help())


def _without_values(words: Sequence[str]) -> Iterator[str]:
    """Yield words that nobody knows; of a flag not its value, which may be a secret."""
    follows_flag = False
    for word in words:
        is_flag = word.startswith("-")
        if word.startswith("--"):
            yield word.partition("=")[0]
        elif is_flag:
            yield word[:2]
        elif not follows_flag:
            yield word
        follows_flag = is_flag


def parse(words: Sequence[str], *, lists: bool = False) -> argparse.Namespace:
    """Read the command line; raises `UsageError`, and exits for `--help` and `--version`.

    Args:
        words: after `ttbench`.
        lists: whether `-opt`, like `-df` and `--backend`, stays the text that was typed, because
            it may name several.
    """
    parser = _parser()
    if lists:
        parser.get_action("backend_opt_level").type = str
    options = parser.parse_args(_with_flags_as_values(words))
    if options.disable_output:
        options.output = None
    return options


def _with_flags_as_values(words: Sequence[str]) -> list[str]:
    """Join `--vs` and its value: argparse takes a value that begins with a dash for a flag."""
    joined: list[str] = []
    for word in words:
        if joined and joined[-1] == "--vs":
            joined[-1] = f"--vs={word}"
        else:
            joined.append(word)
    return joined


def _parser() -> _RunParser:
    parser = _RunParser(
        prog="ttbench",
        description="Benchmark a model on a Tenstorrent card, a GPU or the CPU",
        epilog=_EXAMPLES,
        formatter_class=argparse.RawDescriptionHelpFormatter,
        allow_abbrev=False,
    )
    add_run_arguments(parser)
    engines = parser.add_argument_group("what only some engines have")
    add_engine_options(engines)
    other = parser.add_argument_group("other")
    other.add_argument(
        "-l",
        "--list",
        nargs="?",
        const="",
        metavar="WORD",
        help="List available models and configurations: all, or those that contain WORD",
    )
    other.add_argument(
        "--json",
        action="store_true",
        help="Print JSON: the catalogue with --list, else the record of the run",
    )
    other.add_argument("--debug", action="store_true", help="Show tracebacks of errors")
    other.add_argument("--version", action=_Version, nargs=0, help="Show ttbench's version")
    return parser


class _RunParser(Parser):
    """Its help has a line for each engine that declares options; only the help loads them all."""

    def get_action(self, name: str) -> argparse.Action:
        """Give the action of an option by the name of its value."""
        return next(action for action in self._actions if action.dest == name)

    def format_help(self) -> str:
        """Give the help."""
        self._action_groups[-2].description = "\n".join(engine_lines())
        return super().format_help()


class _Version(argparse.Action):
    def __call__(self, parser: argparse.ArgumentParser, *_: object) -> NoReturn:
        import ttbench_core

        print_line(f"ttbench {ttbench_core.__version__}")
        parser.exit()
