"""The flags of `ttbench`, spelled as in the seed.

Values are checked in `RunOptions`, which `run()` uses as well, so that a wrong
one is reported alike everywhere; argparse only tells words from numbers.
"""

from __future__ import annotations

import argparse
from collections.abc import Sequence
from typing import NoReturn

from ttbench_core.cli.engine_arguments import add_engine_options, choices_of
from ttbench_core.errors import RequestError
from ttbench_core.request.options import DEFAULT_PCC, DataFormat, MathFidelity, Scenario, Trace

__all__ = ["Parser", "UsageError", "parse"]

_EXAMPLES = """\
examples:
  ttbench --list                               what can be benchmarked here
  ttbench -m bert -c tiny -o perf.json         measure, and append to a JSON list
  ttbench -m resnet -c resnet18 -df Fp16_b -t  training in bfloat16
  ttbench -m bert -c tiny --processes 5        an interval that covers what processes differ by
  ttbench -m bert -c tiny --vs "-df Fp16_b"    two variants side by side, taking turns
  ttbench show perf.json                       what was kept (ttbench show --help)
  ttbench compare old.json new.json            faster, slower or the same (ttbench compare --help)
  ttbench report perf.json -o report.html      a page of charts (ttbench report --help)
  ttbench doctor                               what is installed and usable here
  ttbench info bert                            what a model is, without running it

exit codes: 0 fine; 1 the benchmark failed, its outputs are wrong, its result could not be
kept, or it is unstable and --strict; 2 the request was wrong; 130 interrupted (what was
measured is kept)
"""


class UsageError(RequestError):
    """The command line cannot be read."""


class Parser(argparse.ArgumentParser):
    """Raises `UsageError` instead of leaving the process."""

    def error(self, message: str) -> NoReturn:
        """Say what is wrong and where every option is told."""
        raise UsageError(f"{message} ({self.prog} --help shows every option)")


def parse(words: Sequence[str]) -> argparse.Namespace:
    """Read the command line; raises `UsageError`, and exits for `--help` and `--version`."""
    options = _parser().parse_args(_with_flags_as_values(words))
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


def _parser() -> argparse.ArgumentParser:
    parser = Parser(
        prog="ttbench",
        description="Benchmark a model on a Tenstorrent card, a GPU or the CPU",
        epilog=_EXAMPLES,
        formatter_class=argparse.RawDescriptionHelpFormatter,
        allow_abbrev=False,
    )
    _add_what(parser.add_argument_group("what to run"))
    _add_how(parser.add_argument_group("how to run it"))
    _add_measuring(parser.add_argument_group("how it is measured"))
    _add_checking(parser.add_argument_group("what is checked and kept"))
    add_engine_options(
        parser.add_argument_group(
            "Tenstorrent cards", "What only --backend pybuda honours; other engines refuse it."
        )
    )
    other = parser.add_argument_group("other")
    other.add_argument(
        "-l",
        "--list",
        nargs="?",
        const="",
        metavar="WORD",
        help="List available models and configurations: all, or those that WORD is in",
    )
    other.add_argument(
        "--json",
        action="store_true",
        help="Print JSON: the catalogue with --list, else the record of the run",
    )
    other.add_argument("--debug", action="store_true", help="Show tracebacks of errors")
    other.add_argument("--version", action=_Version, nargs=0, help="Show ttbench's version")
    return parser


def _add_what(group: argparse._ArgumentGroup) -> None:
    group.add_argument(
        "-m",
        "--model",
        help="Model to benchmark (i.e. bert), or PACK:MODEL where two packs have it",
    )
    group.add_argument(
        "-c", "--config", help="Model configuration to benchmark (i.e. tiny, base, large)"
    )
    group.add_argument("-t", "--training", action="store_true", help="Benchmark training")
    group.add_argument(
        "-mb",
        "--microbatch",
        type=int,
        help="Samples in one input. By default, what the configuration declares.",
    )
    group.add_argument(
        "--layers",
        type=int,
        help="Number of layers to run on models where this is applicable"
        " (i.e. nlp encoders/decoders)",
    )
    group.add_argument(
        "--seq_len",
        type=int,
        metavar="TOKENS",
        help="Tokens of a text or prompt, where a model has",
    )
    group.add_argument(
        "--image_size",
        type=int,
        metavar="PIXELS",
        help="Rows and columns of an image, where a model has one",
    )
    group.add_argument(
        "--generative",
        action=argparse.BooleanOptionalAction,
        default=None,
        help="Generate tokens, and count these; or run the model once an input. By default, what"
        " the model is for.",
    )
    group.add_argument(
        "--new_tokens",
        type=int,
        metavar="TOKENS",
        help="Tokens that a model generates for a prompt",
    )
    group.add_argument(
        "--weights",
        metavar="{pretrained,FOLDER}",
        help="Trained weights, from the hub or from a folder. By default, random ones.",
    )
    group.add_argument(
        "--seed", type=int, default=0, help="Seed of random weights and inputs (default 0)"
    )


def _add_how(group: argparse._ArgumentGroup) -> None:
    group.add_argument(
        "-df",
        "--dataformat",
        metavar=choices_of(DataFormat),
        help="Set data format (default Fp32, on a Tenstorrent card Bfp8_b)",
    )
    group.add_argument(
        "-mf",
        "--math_fidelity",
        metavar=choices_of(MathFidelity),
        help="Set math fidelity (on a Tenstorrent card by default LoFi)",
    )
    group.add_argument(
        "-opt",
        "--backend_opt_level",
        type=int,
        metavar="{0,1,2,3,4}",
        help="Set backend optimization level (default 1, on a Tenstorrent card 4). torch has 0"
        " eager, 1 eager with memory formats for inference, 2 torch.compile.",
    )
    group.add_argument(
        "-d",
        "--device",
        help="Device to run on: cpu, cuda, cuda:1, silicon. By default, the best there is.",
    )
    group.add_argument("--backend", help="Engine to run with. By default, the best that is usable.")
    group.add_argument(
        "--chips",
        type=int,
        default=1,
        help="Number of chips to run benchmark on. 0 to run on all available.",
    )
    group.add_argument(
        "--threads",
        type=int,
        help="Threads that the engine computes with on the host. By default, its own choice.",
    )
    group.add_argument(
        "-e",
        "--env",
        help='Environment variables to run with, in a process of its own: -e "NAME=VALUE OTHER",'
        " where a name alone means 1",
    )
    group.add_argument(
        "--timeout",
        type=float,
        metavar="SECONDS",
        help="On a Tenstorrent card, time that compiling or an output may take before the run"
        " counts as hung (default 1800 and 120)",
    )


def _add_measuring(group: argparse._ArgumentGroup) -> None:
    group.add_argument(
        "--loop_count",
        type=int,
        help="Set the number of times to loop through the model in one pass."
        " By default, it will be 5x the number of chips.",
    )
    group.add_argument(
        "--passes",
        type=int,
        help="Number of passes; the median is reported. By default, until their 95%% interval"
        " is within 2%%: 5 to 100.",
    )
    group.add_argument(
        "--max_time",
        type=float,
        metavar="SECONDS",
        help="Time that the passes of a process may take (default 60, 20 with --vs, and none with"
        " --passes);"
        " the first one is always completed",
    )
    group.add_argument(
        "--warmup",
        type=int,
        metavar="INPUTS",
        help="Inputs before the passes. By default, until two windows of them agree.",
    )
    group.add_argument(
        "--processes",
        type=int,
        help="Repeat the whole measurement in so many fresh processes, and give the interval"
        " over them (default 1; with --vs 5 pairs)",
    )
    group.add_argument(
        "--scenario",
        default=Scenario.THROUGHPUT.value,
        metavar=choices_of(Scenario),
        help="Keep as many inputs in flight as the engine can use (default), or one at a time",
    )
    group.add_argument(
        "--vs",
        metavar="FLAGS",
        help="Measure a second variant, with these flags added, in turns with the first, and"
        ' give the ratio: --vs "-df Fp16_b". A list of flags in one word.',
    )
    group.add_argument(
        "--trace",
        default=Trace.NONE.value,
        metavar=choices_of(Trace),
        help="Performance trace to be generated after the timed passes, in ttbench-traces/.",
    )


def _add_checking(group: argparse._ArgumentGroup) -> None:
    group.add_argument(
        "--verify",
        action=argparse.BooleanOptionalAction,
        default=None,
        help="Compare the outputs with Fp32 eager on the CPU. By default, where they can differ.",
    )
    group.add_argument(
        "--pcc",
        type=float,
        help="Verify, with this correlation below which outputs count as wrong. By default, what"
        f" the model declares for the format, else {DEFAULT_PCC}.",
    )
    group.add_argument(
        "--roofline",
        action=argparse.BooleanOptionalAction,
        default=True,
        help="Measure this machine's peak and give the share of it that was reached (default)",
    )
    group.add_argument(
        "--strict", action="store_true", help="Exit with 1 where the verdict is unstable"
    )
    group.add_argument(
        "-o",
        "--output",
        action="append",
        metavar="TARGET",
        help="Where to append the result, optionally; can be given more than once. A file: a JSON"
        " list, or by its suffix .jsonl, .csv or .parquet. A database: sqlite:///perf.db or"
        " postgresql://USER@HOST/NAME. An experiment: mlflow:NAME.",
    )
    group.add_argument(
        "--disable_output",
        type=int,
        nargs="?",
        const=1,
        default=0,
        choices=(0, 1),
        help="With 1, keep no result in spite of -o",
    )


class _Version(argparse.Action):
    def __call__(self, parser: argparse.ArgumentParser, *_: object) -> NoReturn:
        import ttbench_core

        print(f"ttbench {ttbench_core.__version__}")
        parser.exit()
