"""`ttbench report TARGET`: results as one HTML page or as Markdown."""

from __future__ import annotations

import argparse
import os
from collections.abc import Sequence
from typing import Final

from ttbench_core.cli.arguments import Parser, UsageError
from ttbench_core.cli.terminal import print_exact, print_line
from ttbench_core.results.answer import AnswerOptions, parse_baseline, parse_price
from ttbench_core.results.reading import stream_selected
from ttbench_core.results.report import FORMATS, format_of, merge_by_time, report_text, write_report
from ttbench_core.sinks.readers import ReaderFinder

__all__ = ["report_results"]

_DEFAULT_OUTPUT: Final = "report.html"
_EXAMPLES: Final = """\
TARGET is what -o of a run takes: a file of results or a URL. Several are put together in
the order of time. FILE@N and FILE@ID mean one record, as for ttbench compare.

examples:
  ttbench report perf.json                                report.html, which needs no network
  ttbench report perf.json nightly.jsonl -o nightly.html --title "Nightly"
  ttbench report sweep.jsonl -o answer.html --baseline "backend=torch dataformat=Fp32"
  ttbench report sweep.jsonl -o answer.html --price h100=2.50 --price epyc=0.80
  ttbench report new.json --baseline main.json --format markdown >> "$GITHUB_STEP_SUMMARY"

exit codes: 0 written; 2 the request was wrong, or a file cannot be read or written
"""


def report_results(words: Sequence[str]) -> int:
    """Run `ttbench report`: write the report and give the exit code.

    Raises `RequestError` for a wrong request.
    """
    options = _parser().parse_intermixed_args(words)
    if not options.targets:
        raise UsageError("report takes files of results: ttbench report perf.json")
    chosen = format_of(options.output, options.format)
    output = options.output or _DEFAULT_OUTPUT
    _refuse_overwriting(output, [*options.targets, options.baseline or ""])
    find = ReaderFinder()
    results = merge_by_time([stream_selected(target, find) for target in options.targets])
    conditions = None if options.baseline is None else parse_baseline(options.baseline)
    old = None if conditions is not None else options.baseline
    baseline = None if old is None else stream_selected(old)
    asked = AnswerOptions(conditions or (), dict(map(parse_price, options.price)))
    if options.output is None and chosen != "html":
        text = report_text(
            results, baseline=baseline, title=options.title, format=chosen, asked=asked
        )
        print_exact(text, end="")
        return 0
    path = write_report(
        results,
        output,
        baseline=baseline,
        title=options.title,
        format=chosen,
        asked=asked,
    )
    print_line(f"report in {path}")
    return 0


def _refuse_overwriting(output: str, targets: Sequence[str]) -> None:
    for target in targets:
        if os.path.realpath(output) == os.path.realpath(target.rpartition("@")[0] or target):
            raise UsageError(f"{target} would be overwritten: name another file with -o")


def _parser() -> Parser:
    parser = Parser(
        prog="ttbench report",
        usage="ttbench report TARGET [TARGET ...] [options]",
        description="Report results: tables and charts in one HTML file, or Markdown",
        epilog=_EXAMPLES,
        formatter_class=argparse.RawDescriptionHelpFormatter,
        allow_abbrev=False,
    )
    parser.add_argument("targets", nargs="*", metavar="TARGET", help="Where results are stored")
    parser.add_argument(
        "-o",
        "--output",
        metavar="FILE",
        help=f"File to write (default {_DEFAULT_OUTPUT}; Markdown is printed). It is replaced.",
    )
    parser.add_argument(
        "--baseline",
        metavar="OLD",
        help="Results to compare with, at the top of the report; or, as"
        ' "backend=torch dataformat=Fp32", which engine of TARGET the ratios are relative to: by'
        " default torch in Fp32 at its lowest level",
    )
    parser.add_argument(
        "--price",
        action="append",
        default=[],
        metavar="NAME=EUR",
        help="What an hour costs of a device or host with NAME in its name, in EUR: the report"
        " gives the cost of a million samples; can be given more than once",
    )
    parser.add_argument(
        "--format",
        choices=FORMATS,
        help="By default by the file's suffix: markdown for .md, else html",
    )
    parser.add_argument("--title", metavar="TEXT", help="Title of the report")
    parser.add_argument("--debug", action="store_true", help="Show tracebacks of errors")
    return parser
