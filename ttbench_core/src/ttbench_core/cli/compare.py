"""`ttbench compare OLD NEW`: what became faster or slower between two files of results."""

from __future__ import annotations

import argparse
import json
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from typing import Final

from ttbench_core.cli.arguments import Parser, UsageError
from ttbench_core.cli.terminal import print_exact, print_line, print_pairs, print_table
from ttbench_core.errors import suggestion
from ttbench_core.record.comparability import left_out_texts
from ttbench_core.results.comparison import (
    DEFAULT_BAND,
    INCONCLUSIVE,
    KEY_NAMES,
    OUTCOMES,
    Comparison,
    Key,
    Measured,
    Pair,
    Unmatched,
    compare,
)
from ttbench_core.results.comparison.effect import (
    MAX_ADVISED_PROCESSES,
    ratio_interval_text,
    ratio_text,
)
from ttbench_core.results.reading import select

__all__ = ["compare_results"]

_DESCRIPTION: Final = (
    "Compare results: what NEW does faster or slower than OLD, and how certain that is"
)
_EXAMPLES: Final = """\
OLD and NEW are files of results. FILE@N means only the record at position N (0 is the
first, -1 the last), FILE@ID the run whose run_id begins with ID (4 characters or more).

examples:
  ttbench compare old.json new.json                     all that both have
  ttbench compare perf.json@0 perf.json@-1              the first and the last of one file
  ttbench compare fp32.json bf16.json --across dataformat
  ttbench compare old.json new.json --fail-on slower,failed,vanished

exit codes: 0 compared; 1 something that --fail-on names was found; 2 the request was wrong
or nothing in OLD and NEW is alike
"""
_WITHIN_ONE_FILE: Final = (
    "compare takes OLD and NEW; to compare two records of one file:"
    " ttbench compare {0}@0 {0}@-1 (ttbench compare --help shows more)"
)


def compare_results(words: Sequence[str]) -> int:
    """Run `ttbench compare`: compare OLD and NEW and print the comparison.

    Gives the exit code: 1 where `--fail-on` names something that was found,
    else 0. Raises `RequestError` for a wrong request.
    """
    options = _parser().parse_intermixed_args(words)
    if len(options.results) != 2:
        raise UsageError(_WITHIN_ONE_FILE.format(next(iter(options.results), "perf.json")))
    wanted = _outcomes(options.fail_on)
    old, new = map(select, options.results)
    comparison = compare(old, new, band=options.band / 100, across=_split(options.across))
    if options.json:
        print_exact(json.dumps(comparison.to_record(), allow_nan=False))
    else:
        _show(comparison)
    return 1 if wanted & comparison.outcomes else 0


def _parser() -> Parser:
    parser = Parser(
        prog="ttbench compare",
        usage="ttbench compare OLD NEW [options]",
        description=_DESCRIPTION,
        epilog=_EXAMPLES,
        formatter_class=argparse.RawDescriptionHelpFormatter,
        allow_abbrev=False,
    )
    parser.add_argument(
        "results", nargs="*", metavar="OLD NEW", help="Files of results, or records of them"
    )
    parser.add_argument(
        "--band",
        type=float,
        metavar="PERCENT",
        default=DEFAULT_BAND * 100,
        help=f"Changes up to this many percent count as the same (default {DEFAULT_BAND * 100:g})",
    )
    parser.add_argument(
        "--across",
        action="append",
        default=[],
        metavar="NAME",
        help="Compare results that differ in this, too; can be given more than once."
        f" One of {', '.join(KEY_NAMES)}.",
    )
    parser.add_argument(
        "--fail-on",
        action="append",
        default=[],
        metavar="OUTCOME",
        help="Exit with 1 when any of these is found; can be given more than once, or as a list"
        f" with commas. Of {', '.join(OUTCOMES)}.",
    )
    parser.add_argument("--json", action="store_true", help="Print the comparison as JSON")
    parser.add_argument("--debug", action="store_true", help="Show tracebacks of errors")
    return parser


def _split(words: Iterable[str]) -> list[str]:
    return [part.strip() for word in words for part in word.split(",")]


def _outcomes(words: Iterable[str]) -> frozenset[str]:
    outcomes = _split(words)
    for outcome in outcomes:
        if outcome not in OUTCOMES:
            raise UsageError(
                f"cannot fail on {outcome!r}: one of {', '.join(OUTCOMES)}"
                f"{suggestion(outcome, OUTCOMES)}"
            )
    return frozenset(outcomes)


def _show(comparison: Comparison) -> None:
    if comparison.pairs:
        counted = " or ".join(dict.fromkeys(f"{pair.new.unit}s/s" for pair in comparison.pairs))
        header = ["", f"OLD {counted}", f"NEW {counted}", "NEW / OLD", "95 % interval", "verdict"]
        print_table(header, map(_row, comparison.pairs))
        print_line()
    print_pairs(_remarks(comparison))


def _row(pair: Pair) -> list[str]:
    effect = pair.effect
    return [
        pair.label,
        _rate(pair.old),
        _rate(pair.new),
        ratio_text(effect.ratio),
        ratio_interval_text(effect.interval) or "none",
        effect.verdict,
    ]


def _remarks(comparison: Comparison) -> Iterator[tuple[str, str]]:
    pairs = comparison.pairs
    if comparison.geometric_mean is not None:
        mean = f"{ratio_text(comparison.geometric_mean)} over {len(pairs)} pairs"
        yield "geometric mean", mean
    if pairs:
        percent = f"{comparison.band * 100:.4g} %"
        yield "band", f"{percent}; a verdict needs the whole interval beyond it, or within it"
    yield from _grouped("interval over", pairs, lambda pair: [pair.effect.covers])
    yield from _grouped("no verdict", pairs, lambda pair: filter(None, [pair.effect.reason]))
    yield from _grouped("for a verdict", pairs, _advice)
    yield from _grouped("across", pairs, lambda pair: map(str, pair.across))
    yield from _grouped("differs", pairs, lambda pair: map(str, pair.surroundings))
    yield from _grouped("note", pairs, lambda pair: pair.notes)
    yield from _failed(comparison)
    yield from _one_sided("only in OLD", comparison.vanished, comparison.labels, "NEW")
    yield from _one_sided("only in NEW", comparison.appeared, comparison.labels, "OLD")
    for place, counts in comparison.left_out.items():
        for text in left_out_texts(counts):
            yield f"not in {place}", text


def _grouped(
    title: str, pairs: Sequence[Pair], texts_of: Callable[[Pair], Iterable[str]]
) -> Iterator[tuple[str, str]]:
    """Give each text once, with the labels of its pairs."""
    labels: dict[str, list[str]] = {}
    for pair in pairs:
        for text in texts_of(pair):
            labels.setdefault(text, []).append(pair.label)
    for text, named in labels.items():
        if len(pairs) == 1:
            yield title, text
        else:
            yield title, f"{'all' if len(named) == len(pairs) else ', '.join(named)}: {text}"


def _advice(pair: Pair) -> Iterator[str]:
    more = pair.effect.more_processes
    if pair.effect.verdict != INCONCLUSIVE:
        return
    if pair.effect.remedy is not None:
        yield pair.effect.remedy
    elif more is None:
        yield "the ratio is at the edge of the band: more processes are unlikely to give a verdict"
    elif more > MAX_ADVISED_PROCESSES:
        yield f"more than {MAX_ADVISED_PROCESSES} more processes a side, if the ratio stays"
    else:
        plural = "" if more == 1 else "es"
        yield f"about {more} more process{plural} a side, if the ratio stays"


def _failed(comparison: Comparison) -> Iterator[tuple[str, str]]:
    for one in comparison.failures:
        runs = "" if one.count == 1 else f" ({one.count} runs)"
        later = "; a later run succeeded" if one.mended else ""
        yield f"failed in {one.place}", f"{comparison.labels[one.key]}{runs}: {one.reason}{later}"


def _one_sided(
    title: str, found: Iterable[Unmatched], labels: Mapping[Key, str], other: str
) -> Iterator[tuple[str, str]]:
    for one in found:
        differences = ", ".join(map(str, one.nearest))
        nearest = f" (the nearest in {other}: {differences})" if differences else ""
        yield title, labels[one.key] + nearest


def _rate(side: Measured) -> str:
    doubt = f" ({side.doubt})" if side.doubt else ""
    rate = side.samples_per_sec
    figure = f"{rate:,.0f}" if rate >= 1000 else f"{rate:.4g}"
    return figure + doubt
