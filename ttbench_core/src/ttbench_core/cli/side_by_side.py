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
from ttbench_core.side_by_side import DEFAULT_PAIRS, SideBySide, run_ab
from ttbench_core.sinks.keeping import check_target

__all__ = ["run_side_by_side"]

#: What belongs to the measurement as a whole, and what only shows or keeps it.
_COMMON: Final = ("processes", "passes", "max_time", "warmup", "trace")
_NOT_A_VARIANT: Final = ("output", "json", "list", "strict", "debug", "vs")


def run_side_by_side(words: Sequence[str], options: argparse.Namespace) -> int:
    """Run what the command line says, and the same with the flags of `--vs` added."""
    asked = asked_of(options, processes=DEFAULT_PAIRS)
    variant = _variant(words, options)
    target = check_target(options.output).path if options.output is not None else None
    with ended_like_ctrl_c(), pack_output_kept_off_stdout(wanted=options.json):
        found = run_ab(asked.pop("model"), variant, output=target, **asked)
    if options.json:
        print(json.dumps(found.to_record(), allow_nan=False))
    else:
        _show(found, options.vs)
        if target is not None:
            print_pairs([("appended to", str(target))])
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
    return asked_of(varied, processes=DEFAULT_PAIRS)


def _show(found: SideBySide, flags: str) -> None:
    for name, result in (("A", found.a), ("B", found.b)):
        title = f"{name}: {result.label}" + (f" {flags}" if name == "B" else "")
        rows = [row for row in result.summary() if row[0] != "model"]
        print_pairs([("variant", title), *rows])
        print()
    print_pairs(found.summary())
