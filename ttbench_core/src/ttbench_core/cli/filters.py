"""`--filter`, and the results of targets that it leaves."""

from __future__ import annotations

import argparse
from collections.abc import Iterable, Iterator, Sequence

from ttbench_core.record.result import Result
from ttbench_core.record.tables.conditions import Condition, parse_condition
from ttbench_core.results.reading import stream_selected
from ttbench_core.sinks.readers import ReaderFinder

__all__ = ["add_filter_argument", "matching_results"]


def add_filter_argument(parser: argparse.ArgumentParser) -> None:
    """Add `--filter`, whose values are texts for `matching_results`."""
    parser.add_argument(
        "--filter",
        action="append",
        default=[],
        metavar="CONDITION",
        help="Only results of which this holds: COLUMN=VALUE, or with != < <= > >= instead; can"
        " be given more than once. No VALUE means an empty cell.",
    )


def matching_results(targets: Iterable[str], filters: Iterable[str]) -> Iterator[Result]:
    """Return the results of targets that match, target after target, without holding them.

    Raises `OptionError` at once for a filter that is none.
    """
    return _matching(targets, [parse_condition(text) for text in filters])


def _matching(targets: Iterable[str], conditions: Sequence[Condition]) -> Iterator[Result]:
    find = ReaderFinder()
    for target in targets:
        for result in stream_selected(target, find):
            record = vars(result)
            if all(one.matches(record) for one in conditions):
                yield result
