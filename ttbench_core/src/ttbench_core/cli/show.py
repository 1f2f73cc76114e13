"""`ttbench show TARGET`: results as a table, as plots, or in another format."""

from __future__ import annotations

import argparse
import itertools
import json
import sys
from collections import Counter
from collections.abc import Iterable, Iterator, Sequence
from typing import Any, Final

from ttbench_core.cli.arguments import Parser, UsageError
from ttbench_core.cli.filters import add_filter_argument, matching_results
from ttbench_core.cli.pivot import DEFAULT_VALUE, PIVOT_FORMATS, print_pivot
from ttbench_core.cli.plots import plot
from ttbench_core.cli.terminal import print_exact, print_line, print_table, report_line
from ttbench_core.errors import OptionError
from ttbench_core.record.result import Result
from ttbench_core.record.tables.cells import Cell, Column
from ttbench_core.record.tables.columns import COLUMNS, DEFAULT_COLUMNS, column, row_of
from ttbench_core.record.tables.writing import as_csv, as_markdown, table_texts
from ttbench_core.results.pivot import parse_shape, pivot
from ttbench_core.results.tt_forge.exporting import to_tt_forge
from ttbench_core.results.tt_forge.own_values import left_out_because
from ttbench_core.sinks.storing import store_result
from ttbench_core.sinks.targets import check_targets

__all__ = ["show_results"]

_FORMATS: Final = ("table", "markdown", "csv", "json", "tt-forge")
_EXAMPLES: Final = """\
TARGET is what -o takes: a file, sqlite:///perf.db, postgresql://USER@HOST/NAME, mlflow:NAME.
FILE@N means only the record at position N, FILE@ID the run whose run_id begins with ID.

examples:
  ttbench show perf.json
  ttbench show perf.json --filter model=bert --filter "samples_per_sec>=100" --sort started_at
  ttbench show sqlite:///perf.db --columns model,config,samples_per_sec,latency_p99_ns
  ttbench show perf.json --format markdown          for a pull request
  ttbench show sqlite:///perf.db --format json      whole records, as -o perf.json writes them
  ttbench show perf.json --plot                     bars and histograms
  ttbench show perf.json --pivot model,backend      a matrix of rates
  ttbench show post_error_perf.json -o sqlite:///perf.db    keep them there as well
  ttbench show perf.json@-1 --format tt-forge       as Tenstorrent's tt-forge tools read it
  ttbench show perf_reports/*.json                  as tt-forge's benchmarks write them

columns: docs/results.md lists them; --columns all shows all.
"""


def show_results(words: Sequence[str]) -> int:
    """Run `ttbench show`: print or store results; raises `RequestError`."""
    options = _parser().parse_intermixed_args(words)
    if not options.target:
        raise UsageError("show takes a TARGET: ttbench show perf.json")
    _check_pivot(options)
    if options.plot and options.format != "table":
        raise UsageError("--plot draws in the terminal: leave out --format")
    if options.output and (options.plot or options.format != "table" or options.columns):
        raise UsageError("-o appends whole results: leave out --format, --columns and --plot")
    found = matching_results(options.target, options.filter)
    if options.sort:
        found = _sorted(found, column(options.sort), reverse=options.reverse)
    elif options.reverse:
        found = reversed(list(found))
    found = itertools.islice(found, options.limit)
    if options.output:
        _append(found, options.output)
    elif options.plot:
        plot(list(found))
    elif options.pivot is not None:
        shape = parse_shape(options.pivot, options.value or DEFAULT_VALUE)
        print_pivot(pivot(found, shape), options.format)
    else:
        _print(found, options)
    return 0


def _check_pivot(options: argparse.Namespace) -> None:
    """Raise for options that a matrix does not go with, before anything is read."""
    if options.pivot is None:
        if options.value is not None:
            raise UsageError("--value names the cells of --pivot: add --pivot model,backend")
        return
    if options.output or options.plot or options.columns:
        raise UsageError("--pivot prints a matrix: leave out -o, --columns and --plot")
    if options.format not in PIVOT_FORMATS:
        raise UsageError(f"--pivot is printed as {', '.join(PIVOT_FORMATS)}: choose one of these")
    parse_shape(options.pivot, options.value or DEFAULT_VALUE)


def _append(results: Iterable[Result], output: Sequence[str]) -> None:
    """Append results to further targets; raises what `store_result` does."""
    targets = check_targets(output)
    count = 0
    # all at once: a database that is read cannot be written
    for result in list(results):
        store_result(result, *targets)
        count += 1
    names = ", ".join(map(str, targets))
    print_line(f"appended {count} result{'' if count == 1 else 's'} to {names}")


def _parser() -> Parser:
    parser = Parser(
        prog="ttbench show",
        usage="ttbench show TARGET [TARGET ...] [options]",
        description="Show stored results",
        epilog=_EXAMPLES,
        formatter_class=argparse.RawDescriptionHelpFormatter,
        allow_abbrev=False,
    )
    parser.add_argument("target", nargs="*", metavar="TARGET", help="Where results are stored")
    add_filter_argument(parser)
    parser.add_argument("--sort", metavar="COLUMN", help="Order by a column, empty cells last")
    parser.add_argument("--reverse", action="store_true", help="Reverse the order")
    parser.add_argument("--limit", type=_count, metavar="N", help="Only the first N results")
    parser.add_argument(
        "--columns",
        metavar="NAMES",
        help="Columns to show, with commas between them, or all; by default the usual ones",
    )
    parser.add_argument(
        "--format",
        choices=_FORMATS,
        default="table",
        help="What to print: a table (default); markdown; csv with full values; json, whole"
        " records unless --columns names some; tt-forge, an object per run",
    )
    parser.add_argument(
        "-o",
        "--output",
        action="append",
        metavar="TARGET",
        help="Append the results to another place instead; can be given more than once",
    )
    parser.add_argument(
        "--pivot",
        metavar="NAMES",
        help="Print a matrix: a row for each value of the first columns, a column for each of the"
        " last one, as model,backend",
    )
    parser.add_argument(
        "--value",
        metavar="COLUMN",
        help=f"What the cells of --pivot are: by default {DEFAULT_VALUE}, the geometric mean over"
        " the records",
    )
    parser.add_argument("--plot", action="store_true", help="Draw bars and histograms instead")
    parser.add_argument("--debug", action="store_true", help="Show tracebacks of errors")
    return parser


def _count(text: str) -> int:
    if not text.isdecimal() or int(text) < 1:
        raise argparse.ArgumentTypeError(f"must be 1 or more, not {text!r}")
    return min(int(text), sys.maxsize)


def _sorted(results: Iterable[Result], by: Column, *, reverse: bool) -> Iterator[Result]:
    keyed = [(by.read(vars(result)), result) for result in results]
    known: list[tuple[Any, Result]] = [pair for pair in keyed if pair[0] is not None]
    known.sort(key=lambda pair: pair[0], reverse=reverse)
    yield from (result for _, result in known)
    yield from (result for cell, result in keyed if cell is None)


def _print(results: Iterable[Result], options: argparse.Namespace) -> None:
    if options.format == "tt-forge":
        _print_tt_forge(list(results))
    elif options.format == "json" and options.columns is None:
        _print_list(result.to_json() for result in results)
    elif options.format == "json":
        names = _names(options)
        _print_list(json.dumps(_cells(result, names)) for result in results)
    elif options.format == "csv":
        names = _names(options, default=[one.name for one in COLUMNS])
        text = as_csv((row_of(vars(result)) for result in results), names)
        print_exact(text, end="")
    else:
        _print_rows([row_of(vars(result)) for result in results], options)


def _print_rows(rows: Sequence[dict[str, Cell]], options: argparse.Namespace) -> None:
    if not rows:
        print_line("no results")
        return
    header, texts = table_texts(
        rows,
        _names(options, default=DEFAULT_COLUMNS),
        include_empty=options.columns not in (None, "all"),
    )
    if options.format == "markdown":
        print_exact(as_markdown(header, texts))
    else:
        print_table(header, texts)


def _names(options: argparse.Namespace, default: Sequence[str] = ()) -> list[str]:
    if options.columns is None:
        return list(default)
    if options.columns.strip() == "all":
        return [one.name for one in COLUMNS]
    names = [name.strip() for name in options.columns.split(",") if name.strip()]
    if not names:
        raise OptionError("--columns names none: model,config,samples_per_sec")
    return [column(name).name for name in names]


def _cells(result: Result, names: Sequence[str]) -> dict[str, Cell]:
    return {name: column(name).read(vars(result)) for name in names}


def _print_list(texts: Iterable[str]) -> None:
    """Print a JSON list, an element a line, without holding it."""
    separator = "["
    for text in texts:
        print_exact(f"{separator}\n{text}", end="")
        separator = ","
    print_exact("\n]" if separator == "," else "[]")


def _print_tt_forge(results: Sequence[Result]) -> None:
    """Print a single run as an object, several as a list; report how many are left out, and why."""
    reasons = [left_out_because(result) for result in results]
    found = [
        to_tt_forge(result)
        for result, reason in zip(results, reasons, strict=True)
        if reason is None
    ]
    if counts := Counter(reason for reason in reasons if reason is not None):
        told = (f"{count} {reason}" for reason, count in counts.items())
        report_line(f"left out {', '.join(told)}")
    print_exact(json.dumps(found[0] if len(found) == 1 else found, indent=2, allow_nan=False))
