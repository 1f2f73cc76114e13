"""The command line: `ttbench`."""

from __future__ import annotations

import importlib
import io
import os
import sys
import traceback
from collections.abc import Iterable, Iterator, Sequence
from pathlib import Path
from typing import Final

from ttbench_core.cli.arguments import UsageError, parse
from ttbench_core.cli.terminal import discard, flush_or_discard, report_line, report_text
from ttbench_core.errors import TtbenchError, one_line

__all__ = ["main"]

_BROKEN_PIPE: Final = 141
#: Subcommands, with the module and the function that run them.
_COMMANDS: Final = {
    "compare": ("compare", "compare_results"),
    "doctor": ("doctor", "run_doctor"),
    "engines": ("engines", "compare_engines"),
    "env": ("env", "run_env"),
    "history": ("history", "show_history"),
    "info": ("info", "show_model"),
    "new": ("new", "make_package"),
    "report": ("report", "report_results"),
    "show": ("show", "show_results"),
    "sweep": ("sweep", "run_sweep_command"),
}


def main(arguments: Sequence[str] | None = None) -> int:
    """Run `ttbench` and give its exit code.

    0 fine; 1 the benchmark failed, its outputs are wrong, its result could not
    be kept, or it is unstable and that is strict; 2 the request was wrong; 130
    interrupted.

    Args:
        arguments: the words after `ttbench`; the process's own if not given.
    """
    words = list(sys.argv[1:] if arguments is None else arguments)
    debug = "--debug" in words
    _open_missing_streams()
    _escape_unprintable_text()
    try:
        return _run_and_flush(words)
    except BrokenPipeError:
        discard(sys.stdout)
        return _BROKEN_PIPE
    except OSError as error:
        discard(sys.stdout)
        _report(words, [f"error: {one_line(error)}"], error if debug else None)
        return TtbenchError.exit_code
    except TtbenchError as error:
        _report(words, _messages(error), error if debug else None)
        return error.exit_code
    except KeyboardInterrupt as interrupt:
        return _end_interrupted(words, interrupt)
    finally:
        flush_or_discard(sys.stdout)


def _open_missing_streams() -> None:
    """Give a process that was started without stdout or stderr somewhere to write."""
    for name in ("stdout", "stderr"):
        if getattr(sys, name) is None:
            nowhere = Path(os.devnull).open("w", encoding="utf-8")  # noqa: SIM115 - until the end
            setattr(sys, name, nowhere)


def _escape_unprintable_text() -> None:
    for stream in (sys.stdout, sys.stderr):
        if isinstance(stream, io.TextIOWrapper):
            stream.reconfigure(errors="backslashreplace")


def _run_and_flush(words: Sequence[str]) -> int:
    """Run a command; raises `OSError` where stdout does not take all of its text."""
    try:
        code = _run(words)
    except SystemExit:  # of --help and --version
        sys.stdout.flush()
        raise
    sys.stdout.flush()
    return code


def _run(words: Sequence[str]) -> int:
    if words and words[0] in _COMMANDS:
        module, function = _COMMANDS[words[0]]
        command = getattr(importlib.import_module(f"ttbench_core.cli.{module}"), function)
        return int(command(words[1:]))
    options = parse(words)
    if options.list is not None:
        from ttbench_core.cli.listing import list_models

        return list_models(options.list, as_json=options.json)
    if options.model is None:
        raise UsageError("say what to benchmark with -m MODEL; ttbench --list shows what there is")
    if options.vs is not None:
        from ttbench_core.cli.side_by_side import run_side_by_side

        return run_side_by_side(words, options)
    from ttbench_core.cli.run import run_benchmark

    return run_benchmark(options)


def _messages(error: TtbenchError | None) -> Iterator[str]:
    """Yield the message of an error, and that of what could not be stored after it."""
    if error is None:
        return
    from ttbench_core.record.run_errors import BenchmarkError

    yield f"error: {error}"
    if isinstance(error, BenchmarkError):
        yield from _messages(error.storage_error)


def _end_interrupted(words: Sequence[str], interrupt: KeyboardInterrupt) -> int:
    from ttbench_core.record.run_errors import RunInterrupted

    lost = interrupt.storage_error if isinstance(interrupt, RunInterrupted) else None
    _report(words, [str(interrupt) or "interrupted", *_messages(lost)])
    return RunInterrupted.exit_code


def _report(
    words: Sequence[str], messages: Iterable[str], error: BaseException | None = None
) -> None:
    """Print messages, after the traceback of an error if it is given, without secrets."""
    from ttbench_core.cli.secrets import message_without_secrets, secrets_of_words
    from ttbench_core.request.credentials import secrets_of_environment

    secrets = secrets_of_words(words) | secrets_of_environment(os.environ)
    if error is not None:
        trace = "".join(traceback.format_exception(error))
        report_text(message_without_secrets(trace, secrets))
    for message in messages:
        report_line(message_without_secrets(message, secrets))
