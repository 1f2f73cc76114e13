"""`ttbench history TARGET`: when the rates of comparable runs changed, and what changed there."""

from __future__ import annotations

import argparse
import json
from collections.abc import Iterable
from typing import Final

from ttbench_core.cli.arguments import Parser, UsageError
from ttbench_core.cli.filters import add_filter_argument, matching_results
from ttbench_core.cli.terminal import (
    print_bars,
    print_exact,
    print_line,
    print_pairs,
    print_table,
)
from ttbench_core.errors import suggestion
from ttbench_core.record.formatting import format_number
from ttbench_core.results.comparison.effect import ratio_interval_text, ratio_text
from ttbench_core.results.history import (
    DEFAULT_SENSITIVITY,
    DIRECTIONS,
    Change,
    History,
    Segment,
    SeriesHistory,
    history,
)
from ttbench_core.results.history.texts import p_text, remarks_on, segment_text, start_text

__all__ = ["show_history"]

#: More bars are not readable.
_MAX_BARS: Final = 40
_HEADER: Final = (
    *("", "first run after", "run", "before", "after", "after / before", "95 % interval"),
    *("change", "p"),
)
_EXAMPLES: Final = """\
TARGET is what -o of a run takes: a file of results or a URL. Results of several are put
together. Runs that ttbench compare would compare are one series, whatever their versions,
commit and machine: these are listed where the rate changed.

examples:
  ttbench history nightly.jsonl
  ttbench history sqlite:///perf.db --filter model=bert --filter "started_at>=2026-01-01"
  ttbench history nightly.jsonl --plot                      a bar for the rate between changes
  ttbench history nightly.jsonl --fail-on slower            in CI, after the run of tonight

exit codes: 0 fine; 1 the newest change of a series is one that --fail-on names; 2 the request
was wrong, or a file cannot be read
"""


def show_history(words: Iterable[str]) -> int:
    """Run `ttbench history`: print the changes, and give the exit code.

    That is 1 where `--fail-on` names the direction of the newest change of a series, else 0.
    Raises `RequestError` for a wrong request.
    """
    options = _parser().parse_intermixed_args(list(words))
    if not options.targets:
        raise UsageError("history takes files of results: ttbench history perf.json")
    if options.json and options.plot:
        raise UsageError("--plot draws in the terminal: leave out --json")
    wanted = _directions(options.fail_on)
    found = history(
        matching_results(options.targets, options.filter),
        all_points=options.all_points,
        max_p=options.max_p,
        min_change=options.min_change / 100,
        window=options.window,
    )
    if options.json:
        print_exact(json.dumps(found.to_record(), allow_nan=False))
    elif options.plot:
        _plot(found)
    else:
        _show(found)
    return 1 if wanted & found.outcomes else 0


def _parser() -> Parser:
    parser = Parser(
        prog="ttbench history",
        usage="ttbench history TARGET [TARGET ...] [options]",
        description="Find when the rates of comparable runs changed, and what changed there",
        epilog=_EXAMPLES,
        formatter_class=argparse.RawDescriptionHelpFormatter,
        allow_abbrev=False,
    )
    parser.add_argument("targets", nargs="*", metavar="TARGET", help="Where results are stored")
    add_filter_argument(parser)
    parser.add_argument(
        "--all-points",
        action="store_true",
        help="Count runs whose verdict is noisy or unstable, too; by default they are ignored",
    )
    _add_sensitivity(parser)
    parser.add_argument(
        "--fail-on",
        action="append",
        default=[],
        metavar="DIRECTION",
        help="Exit with 1 when the newest change of a series has this direction; can be given"
        f" more than once, or as a list with commas. Of {', '.join(DIRECTIONS)}.",
    )
    parser.add_argument("--json", action="store_true", help="Print the history as JSON")
    parser.add_argument(
        "--plot", action="store_true", help="Draw a bar for the rate between two changes instead"
    )
    parser.add_argument("--debug", action="store_true", help="Show tracebacks of errors")
    return parser


def _add_sensitivity(parser: Parser) -> None:
    default = DEFAULT_SENSITIVITY
    parser.add_argument(
        "--max-p",
        type=float,
        default=default.max_p,
        metavar="P",
        help=f"The largest p-value of a change (default {default.max_p:g}); smaller finds less",
    )
    parser.add_argument(
        "--min-change",
        type=float,
        default=default.min_change * 100,
        metavar="PERCENT",
        help="Changes of up to this many percent do not count"
        f" (default {default.min_change * 100:g})",
    )
    parser.add_argument(
        "--window",
        type=int,
        default=default.window,
        metavar="RUNS",
        help=f"Runs that are searched at once (default {default.window})",
    )


def _directions(words: Iterable[str]) -> frozenset[str]:
    directions = [part.strip() for word in words for part in word.split(",")]
    for one in directions:
        if one not in DIRECTIONS:
            raise UsageError(
                f"cannot fail on {one!r}: one of {', '.join(DIRECTIONS)}"
                f"{suggestion(one, DIRECTIONS)}"
            )
    return frozenset(directions)


def _show(found: History) -> None:
    if not found.series:
        print_line("no results with a rate")
    elif rows := [_row(series, change) for series, change in found.changes()]:
        print_table(_HEADER, rows)
        print_line()
    print_pairs(remarks_on(found))


def _row(series: SeriesHistory, change: Change) -> list[str]:
    return [
        series.label,
        start_text(change.after.first),
        change.after.first.name,
        f"{format_number(change.before.rate_per_s)} {series.unit}s/s",
        f"{format_number(change.after.rate_per_s)} {series.unit}s/s",
        ratio_text(change.ratio),
        ratio_interval_text(change.interval) or "none",
        change.direction,
        p_text(change.p_value),
    ]


def _plot(found: History) -> None:
    """Draw a bar for each segment of the first series, the newest segments where there are many."""
    drawn = [one for one in found.series if one.segments]
    if not drawn:
        print_line("no results with a rate")
    left = _MAX_BARS
    for number, series in enumerate(drawn):
        if left == 0:
            print_line()
            print_line(f"and {len(drawn) - number} more series: --filter chooses")
            break
        if number:
            print_line()
        shown = series.segments[-left:]
        print_bars(series.label, [_bar(series, one) for one in shown])
        left -= len(shown)


def _bar(series: SeriesHistory, segment: Segment) -> tuple[str, float, str]:
    rate = segment.rate_per_s
    return segment_text(segment), rate, f"{format_number(rate)} {series.unit}s/s"
