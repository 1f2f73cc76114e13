"""`ttbench -m MODEL --vs FLAGS`: two variants side by side, shown and kept."""

from __future__ import annotations

import argparse
import json
import shlex
from collections.abc import Sequence
from typing import Any, Final

from ttbench_core.cli.arguments import UsageError, parse
from ttbench_core.cli.run import (
    asked_of,
    ended_like_ctrl_c,
    exit_code_of,
    pack_output_kept_off_stdout,
)
from ttbench_core.cli.terminal import print_pairs
from ttbench_core.record.result import Result
from ttbench_core.record.run_errors import BenchmarkError, ResultNotStoredError, RunInterrupted
from ttbench_core.results.comparison.paired import SideBySide, compare_pairs
from ttbench_core.running.side_by_side import DEFAULT_PAIRS, run_ab
from ttbench_core.sinks.targets import check_targets

__all__ = ["run_side_by_side"]

#: What belongs to the measurement as a whole, and what only shows or keeps it.
_COMMON: Final = ("processes", "passes", "max_time", "warmup", "seed", "trace")
_NOT_A_VARIANT: Final = ("output", "json", "list", "strict", "debug", "vs")


def run_side_by_side(words: Sequence[str], options: argparse.Namespace) -> int:
    """Run what the command line says, and the same with the flags of `--vs` added."""
    asked = asked_of(options, processes=DEFAULT_PAIRS)
    variant = _variant(words, options)
    targets = check_targets(options.output)
    try:
        with ended_like_ctrl_c(), pack_output_kept_off_stdout(wanted=options.json):
            found = run_ab(
                asked.pop("model"), variant, output=[one.place for one in targets], **asked
            )
    except (BenchmarkError, RunInterrupted) as ended:
        _show_what_there_is([ended.result, *ended.others], as_json=options.json)
        raise
    except ResultNotStoredError as lost:
        _show(compare_pairs(lost.result, *lost.others), options)
        raise
    _show(found, options)
    if targets and not options.json:
        print_pairs([("appended to", ", ".join(map(str, targets)))])
    codes = [exit_code_of(result, strict=options.strict) for result in (found.a, found.b)]
    return max(codes)


def _variant(words: Sequence[str], options: argparse.Namespace) -> dict[str, Any]:
    try:
        added = shlex.split(options.vs)
    except ValueError as error:
        raise UsageError(f"--vs {options.vs!r} cannot be read: {error}") from error
    if not added:
        raise UsageError('--vs needs the flags that differ, such as --vs "-df Fp16_b"')
    varied = parse([*words, *added])
    for name in (*_COMMON, *_NOT_A_VARIANT):
        if name != "vs" and getattr(varied, name) != getattr(options, name):
            raise UsageError(f"--vs takes flags of the run itself, not --{name}")
    if varied.vs != options.vs:
        raise UsageError("--vs cannot hold another --vs")
    return {
        name: value
        for name, value in asked_of(varied, processes=DEFAULT_PAIRS).items()
        if name not in _COMMON
    }


def _show(found: SideBySide, options: argparse.Namespace) -> None:
    if options.json:
        print(json.dumps(found.to_record(), allow_nan=False))
        return
    for name, result, flags in (("A", found.a, ""), ("B", found.b, f" {options.vs}")):
        rows = [row for row in result.summary() if row[0] != "model"]
        traced = [("trace", ", ".join(result.trace["files"]))] if result.trace else []
        print_pairs([("variant", f"{name}: {result.label}{flags}"), *rows, *traced])
        print()
    print_pairs(found.summary())


def _show_what_there_is(results: Sequence[Result | None], *, as_json: bool) -> None:
    """Show what was measured before it ended: a JSON list, or one after the other."""
    measured = [result for result in results if result is not None]
    if as_json:
        print(json.dumps([result.to_record() for result in measured], allow_nan=False))
        return
    for result in measured:
        print_pairs([("variant", result.label), *result.summary()[1:]])
        print()
