"""`ttbench -m MODEL --vs FLAGS`: two variants side by side, shown and stored."""

from __future__ import annotations

import argparse
import json
import shlex
from collections.abc import Sequence
from typing import Final

from ttbench_core.cli.arguments import UsageError, parse
from ttbench_core.cli.run import (
    exit_code_of,
    pack_output_on_stderr,
    refuse_other_processes,
    request_from,
    signals_interrupt,
)
from ttbench_core.cli.secrets import secrets_of_words
from ttbench_core.cli.terminal import print_exact, print_line, print_pairs
from ttbench_core.record.result import Result
from ttbench_core.record.run_errors import BenchmarkError, ResultNotStoredError, RunInterrupted
from ttbench_core.request.credentials import hide_credentials
from ttbench_core.results.comparison.paired import SideBySide, compare_pairs
from ttbench_core.running.side_by_side import (
    COMMON_OPTIONS,
    DEFAULT_PAIRS,
    run_requests_side_by_side,
)
from ttbench_core.sinks.targets import check_targets

__all__ = ["run_side_by_side"]

#: Flags that cannot differ between the variants, beside `COMMON_OPTIONS`.
_NOT_OF_A_VARIANT: Final = ("trace", "output", "json", "list", "strict", "debug")


def run_side_by_side(words: Sequence[str], options: argparse.Namespace) -> int:
    """Run what the command line says, and the same with the flags of `--vs` added."""
    variant = _variant(words, options)
    if variant.in_process:  # the variant has the flags of both
        refuse_other_processes(variant)
    targets = check_targets(options.output)
    try:
        with signals_interrupt(), pack_output_on_stderr(wanted=options.json):
            requests = (
                request_from(options, processes=DEFAULT_PAIRS),
                request_from(variant, processes=DEFAULT_PAIRS),
            )
            found = run_requests_side_by_side(requests, targets)
    except (BenchmarkError, RunInterrupted) as ended:
        _show_results([ended.result, *ended.others], as_json=options.json)
        raise
    except ResultNotStoredError as lost:
        _show(compare_pairs(lost.result, *lost.others), options)
        raise
    _show(found, options)
    if targets and not options.json:
        print_pairs([("appended to", ", ".join(map(str, targets)))])
    codes = [exit_code_of(result, strict=options.strict) for result in (found.a, found.b)]
    return max(codes)


def _variant(words: Sequence[str], options: argparse.Namespace) -> argparse.Namespace:
    """Read the command line with the flags of `--vs` added; raises `UsageError`."""
    try:
        added = shlex.split(options.vs)
    except ValueError as error:
        # not the flags: they may hold a secret
        raise UsageError(f"--vs cannot be read: {error}") from None
    if not added:
        raise UsageError('--vs needs the flags that differ, such as --vs "-df Fp16_b"')
    variant = parse([*words, *added])
    for name in (*COMMON_OPTIONS, *_NOT_OF_A_VARIANT):
        if getattr(variant, name) != getattr(options, name):
            raise UsageError(f"--vs takes flags of the run itself, not --{name}")
    if variant.vs != options.vs:
        raise UsageError("--vs cannot hold another --vs")
    return variant


def _show(found: SideBySide, options: argparse.Namespace) -> None:
    if options.json:
        print_exact(json.dumps(found.to_record(), allow_nan=False))
        return
    secrets = secrets_of_words(["--vs", options.vs], options.backend, short=True)
    flags_of_b = hide_credentials(options.vs, secrets)
    for name, result, flags in (("A", found.a, ""), ("B", found.b, f" {flags_of_b}")):
        rows = [row for row in result.summary() if row[0] != "model"]
        traced = [("trace", ", ".join(result.trace["files"]))] if result.trace else []
        print_pairs([("variant", f"{name}: {result.label}{flags}"), *rows, *traced])
        print_line()
    print_pairs(found.summary())


def _show_results(results: Sequence[Result | None], *, as_json: bool) -> None:
    """Show the results of a run that ended early: a JSON list, or one after the other."""
    measured = [result for result in results if result is not None]
    if as_json:
        print_exact(json.dumps([result.to_record() for result in measured], allow_nan=False))
        return
    for result in measured:
        print_pairs([("variant", result.label), *result.summary()[1:]])
        print_line()
