"""`ttbench engines -m MODEL`: every engine and format of this machine on one model, as a table."""

from __future__ import annotations

import argparse
import json
import sys
from collections.abc import Callable, Sequence
from typing import Final

from ttbench_core.cli.arguments import Parser, UsageError, parse
from ttbench_core.cli.run import request_from, signals_interrupt
from ttbench_core.cli.terminal import print_exact, print_line, print_pairs, print_table, report_line
from ttbench_core.errors import RequestError
from ttbench_core.record.run_errors import ResultNotStoredError
from ttbench_core.results.engine_row import EngineCell, EngineRow
from ttbench_core.results.engine_rows import HEADER, EngineRows
from ttbench_core.running.engine_matrix import planned_cells, run_cells
from ttbench_core.sinks.targets import check_targets

__all__ = ["compare_engines"]

_DESCRIPTION: Final = """\
Run one model on every engine and format of this machine, each in a process of its own, and
print a table: rate, interval, ratio to the first row, share of the machine's peak, what it
really computed in, correlation with Fp32, compile time and verdict.

An engine that is missing, refuses or fails is a row with its reason and stops no other.
"""
_EXAMPLES: Final = """\
Every other flag of a run counts for all rows: ttbench --help.

examples:
  ttbench engines -m bert -c base -mb 8
  ttbench engines -m resnet -c resnet50 --backend torch,openvino -df Fp32 -o perf.json
  ttbench engines -m bert -c tiny -opt 2,3 --max_time 10 --processes 3

exit codes: 0 at least one row has a number and none failed; 1 a row failed or has wrong
outputs; 2 the request was wrong, or every engine refused it; 130 interrupted
"""


def compare_engines(words: Sequence[str]) -> int:
    """Run `ttbench engines`; gives the exit code. Raises `RequestError` for a wrong request."""
    if {"-h", "--help"} & set(words):
        _parser().parse_args(["--help"])
    options = parse(words, lists=True)
    _refuse(options)
    cells = _planned(options)
    targets = check_targets(options.output)
    options.verify = True if options.verify is None else options.verify
    rows: list[EngineRow] = []
    ended: KeyboardInterrupt | ResultNotStoredError | None = None
    with signals_interrupt():
        request = request_from(options, processes=1)
        try:
            # each row is kept as it comes: what ends the command is shown with those before it
            for row in run_cells(request, cells, targets, on_cell=_shown_on_stderr(len(cells))):
                rows.append(row)  # noqa: PERF402
        except (KeyboardInterrupt, ResultNotStoredError) as early:
            ended = early
    _raise_common_refusal(rows, cells)
    _show(EngineRows(tuple(rows)), as_json=options.json)
    if targets and not options.json:
        print_pairs([("appended to", ", ".join(map(str, targets)))])
    if ended is not None:
        raise ended
    return _exit_code(rows)


def _raise_common_refusal(rows: Sequence[EngineRow], cells: Sequence[EngineCell]) -> None:
    """Raise what every cell was refused for, such as a model that is not installed."""
    are_refused = len(rows) == len(cells) and all(row.status == "refused" for row in rows)
    reasons = {row.reason for row in rows}
    engines = {row.cell.backend for row in rows}
    if are_refused and len(reasons) == 1 and len(engines) > 1:
        raise RequestError(str(reasons.pop()))


def _planned(options: argparse.Namespace) -> list[EngineCell]:
    """Plan the cells that three flags name, and leave these out of what all have in common."""
    cells = planned_cells(
        _names(options.backend), _names(options.dataformat), _levels(options.backend_opt_level)
    )
    options.backend = options.dataformat = options.backend_opt_level = None
    return cells


def _parser() -> Parser:
    parser = Parser(
        prog="ttbench engines",
        usage="ttbench engines -m MODEL [--backend NAMES] [-df FORMATS] [-opt LEVELS] [flags]",
        description=_DESCRIPTION,
        epilog=_EXAMPLES,
        formatter_class=argparse.RawDescriptionHelpFormatter,
        allow_abbrev=False,
    )
    parser.add_argument(
        "--backend", metavar="NAMES", help="Engines, with commas between; all that are installed"
    )
    parser.add_argument(
        "-df",
        "--dataformat",
        metavar="FORMATS",
        help="Formats, with commas between; Fp32, Fp16_b and those that an engine declares",
    )
    parser.add_argument(
        "-opt",
        "--backend_opt_level",
        dest="levels",
        metavar="LEVELS",
        help="Levels of engines that have several, with commas between; what an engine says",
    )
    return parser


def _refuse(options: argparse.Namespace) -> None:
    """Raise `UsageError` for flags that make no sense for several engines."""
    if options.model is None:
        raise UsageError("say what to run with -m MODEL; ttbench --list shows what there is")
    others = {"--vs": options.vs, "--in-process": options.in_process, "--list": options.list}
    for flag, is_given in others.items():
        if is_given:
            raise UsageError(f"{flag} is for a run of its own, not for ttbench engines")


def _names(text: str | None) -> list[str]:
    names = [name.strip() for name in (text or "").split(",") if name.strip()]
    if text is not None and not names:
        raise UsageError(f"{text!r} names nothing: write names with commas between")
    return list(dict.fromkeys(names))


def _levels(text: str | None) -> list[int]:
    try:
        return [int(name) for name in _names(text)]
    except ValueError:
        raise UsageError(f"-opt {text!r} must be numbers with commas between") from None


def _shown_on_stderr(count: int) -> Callable[[int, EngineCell], None]:
    def show(number: int, cell: EngineCell) -> None:
        if sys.stderr.isatty():
            report_line(f"{number + 1} of {count}: {cell.label}")

    return show


def _show(rows: EngineRows, *, as_json: bool) -> None:
    if as_json:
        print_exact(json.dumps(rows.to_record(), allow_nan=False))
        return
    if rows.rows:
        print_table(HEADER, rows.table())
    for line in (*rows.reasons(), *rows.notes()):
        print_line(line)


def _exit_code(rows: Sequence[EngineRow]) -> int:
    if any(row.status == "failed" for row in rows):
        return 1
    measured = [row for row in rows if row.result is not None]
    if not measured:
        return 2
    return int(not all(row.result and row.result.outputs_are_right for row in measured))
