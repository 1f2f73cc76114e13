"""`ttbench -m MODEL`: one benchmark, shown and stored."""

from __future__ import annotations

import argparse
import contextlib
import signal
import sys
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any

from ttbench_core.cli.arguments import UsageError
from ttbench_core.cli.engine_arguments import engine_keywords
from ttbench_core.cli.terminal import print_exact, print_line, print_pairs, print_text
from ttbench_core.record.result import Result
from ttbench_core.record.run_errors import BenchmarkError, ResultNotStoredError, RunInterrupted
from ttbench_core.request.keywords import KEYWORDS_OF_RUN
from ttbench_core.request.named_values import parse_named_values
from ttbench_core.running.request import RunRequest, request_of
from ttbench_core.running.runner import run_request
from ttbench_core.sinks.target_checks import working_folder
from ttbench_core.sinks.targets import Target, check_targets

__all__ = [
    "exit_code_of",
    "keywords_from",
    "pack_output_on_stderr",
    "refuse_other_processes",
    "request_from",
    "run_benchmark",
    "signals_interrupt",
]

_ENDING_SIGNALS = (signal.SIGTERM, signal.SIGHUP)


def run_benchmark(options: argparse.Namespace) -> int:
    """Run what the command line says and print the result."""
    if options.in_process:
        refuse_other_processes(options)
    targets = check_targets(options.output)
    start = working_folder()
    try:
        with signals_interrupt(), pack_output_on_stderr(wanted=options.json):
            request = request_from(options, processes=1)
            result = run_request(request, targets, own_process=not options.in_process)
    except (BenchmarkError, RunInterrupted, ResultNotStoredError) as ended:
        if ended.result is not None:
            _show(ended.result, _stored_in(ended, targets), start, as_json=options.json)
        raise
    _show(result, [str(one) for one in targets], start, as_json=options.json)
    return exit_code_of(result, strict=options.strict)


def refuse_other_processes(options: argparse.Namespace) -> None:
    """Raise `UsageError` for flags that need other processes than that of the command."""
    others = {
        "--vs": options.vs,
        "--processes": (options.processes or 1) > 1,
        "-e": options.env,
        "--python": options.python,
    }
    for flag, is_given in others.items():
        if is_given:
            raise UsageError(
                f"--in-process measures in this process, and {flag} needs others: leave one out"
            )


def request_from(options: argparse.Namespace, *, processes: int) -> RunRequest:
    """Give what the flags ask for; see `keywords_from`.

    The process that measures imports the pack: nothing that a pack does reaches this one.
    """
    keywords = keywords_from(options, processes=processes)
    here = options.in_process
    return request_of(options.model, keywords, find=here, elsewhere=not here)


def keywords_from(options: argparse.Namespace, *, processes: int) -> dict[str, Any]:
    """Give the flags as keywords of `run`.

    Args:
        options: the command line.
        processes: how many, where it does not say.
    """
    named = ("engine_options", "model_options")
    keywords = {
        **{name: getattr(options, name) for name in KEYWORDS_OF_RUN if name not in named},
        **engine_keywords(options),
        "model_options": parse_named_values("-M", options.model_option),
    }
    return {**keywords, "processes": processes if options.processes is None else options.processes}


def exit_code_of(result: Result, *, strict: bool) -> int:
    """Give 1 for outputs that are wrong, and for an unstable number where that is strict."""
    is_measured = result.image is None and not result.is_compiled_only
    unstable = is_measured and not result.is_stable
    return int(not result.outputs_are_right or (strict and unstable))


def _stored_in(
    ended: BenchmarkError | RunInterrupted | ResultNotStoredError, targets: Sequence[Target]
) -> list[str]:
    """Give the targets that the result was stored in."""
    if isinstance(ended, RunInterrupted) and ended.rescued is not None:
        return []
    error = ended if isinstance(ended, ResultNotStoredError) else ended.storage_error
    stored = [str(one) for one in targets]
    for name in () if error is None else error.targets:
        if name in stored:  # once: two places may be shown alike, because a part is hidden
            stored.remove(name)
    return stored


@contextlib.contextmanager
def signals_interrupt() -> Iterator[None]:
    """Let SIGTERM and SIGHUP end a run as Ctrl-C does, with its record."""

    def interrupt(*_: object) -> None:
        raise KeyboardInterrupt

    # a signal that is ignored on purpose, as by nohup, stays ignored
    handled = [one for one in _ENDING_SIGNALS if signal.getsignal(one) is signal.SIG_DFL]
    for number in handled:
        signal.signal(number, interrupt)
    try:
        yield
    finally:
        for number in handled:
            signal.signal(number, signal.SIG_DFL)


def pack_output_on_stderr(*, wanted: bool) -> contextlib.AbstractContextManager[object]:
    """Let what a pack prints go to stderr, where stdout is to be JSON."""
    return contextlib.redirect_stdout(sys.stderr) if wanted else contextlib.nullcontext()


def _show(result: Result, stored_in: Sequence[str], start: Path | None, *, as_json: bool) -> None:
    """Print a result, and its trace, whose files are named as seen from where the run started."""
    if as_json:
        print_exact(result.to_json())
        return
    rows = [row for row in result.summary() if row[0] != "error"]
    if result.trace:
        rows.append(("trace", ", ".join(result.trace["files"])))
    if stored_in and result.image is None:
        rows.append(("appended to", ", ".join(stored_in)))
    print_pairs(rows)
    if result.trace:
        print_line()
        trace = (start or Path()) / result.trace["files"][0]
        print_text(f"{trace.read_text(encoding='utf-8')}\n")
