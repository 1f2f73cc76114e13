"""The command line: `ttbench`."""

from __future__ import annotations

import importlib
import io
import os
import sys
import traceback
from collections.abc import Sequence
from pathlib import Path
from typing import Final

from ttbench_core.cli.arguments import UsageError, parse
from ttbench_core.errors import TtbenchError, one_line

__all__ = ["main"]

_BROKEN_PIPE: Final = 141
#: Subcommands, with the module and the function that run them.
_COMMANDS: Final = {
    "compare": ("compare", "compare_results"),
    "doctor": ("doctor", "run_doctor"),
    "info": ("info", "show_model"),
    "new": ("new", "make_package"),
    "report": ("report", "report_results"),
    "show": ("show", "show_results"),
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
        code = _run(words)
        sys.stdout.flush()
        return code
    except BrokenPipeError:
        _discard_stdout()
        return _BROKEN_PIPE
    except OSError as error:
        _discard_stdout()
        if debug:
            traceback.print_exception(error)
        _print_line(f"error: {one_line(error)}")
        return TtbenchError.exit_code
    except TtbenchError as error:
        _print_error(error, with_traceback=debug)
        return error.exit_code
    except KeyboardInterrupt as interrupt:
        return _end_interrupted(interrupt)


def _open_missing_streams() -> None:
    """Give a process that was started without stdout or stderr somewhere to write."""
    for name in ("stdout", "stderr"):
        if getattr(sys, name) is None:
            nowhere = Path(os.devnull).open("w", encoding="utf-8")  # noqa: SIM115 - until the end
            setattr(sys, name, nowhere)


def _discard_stdout() -> None:
    # the reader has gone or is full: Python must not try to flush at exit
    os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())


def _escape_unprintable_text() -> None:
    for stream in (sys.stdout, sys.stderr):
        if isinstance(stream, io.TextIOWrapper):
            stream.reconfigure(errors="backslashreplace")


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


def _print_error(error: TtbenchError | None, *, with_traceback: bool) -> None:
    if error is None:
        return
    from ttbench_core.record.run_errors import BenchmarkError

    if with_traceback:
        traceback.print_exception(error)
    _print_line(f"error: {error}")
    if isinstance(error, BenchmarkError):
        _print_error(error.storage_error, with_traceback=False)


def _end_interrupted(interrupt: KeyboardInterrupt) -> int:
    from ttbench_core.record.run_errors import RunInterrupted

    _print_line(str(interrupt) or "interrupted")
    if isinstance(interrupt, RunInterrupted):
        _print_error(interrupt.storage_error, with_traceback=False)
    return RunInterrupted.exit_code


def _print_line(text: str) -> None:
    from ttbench_core.cli.terminal import printable

    print(f"ttbench: {printable(text)}", file=sys.stderr)
