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
from ttbench_core.record.run_errors import BenchmarkError, RunInterrupted

__all__ = ["main"]

_BROKEN_PIPE: Final = 141
#: What can stand behind `ttbench`, with the module and the function that do it.
_COMMANDS: Final = {
    "compare": ("compare", "compare_results"),
    "doctor": ("doctor", "examine"),
    "info": ("info", "show_model"),
    "report": ("report", "report_results"),
    "show": ("show", "show_results"),
}


def main(arguments: Sequence[str] | None = None) -> int:
    """Run `ttbench` and give its exit code.

    0 fine; 1 the benchmark failed, its outputs are wrong, its result could not
    be kept, or it is unstable and that is strict; 2 the request was wrong; 130
    interrupted.

    Args:
        arguments: what stands behind `ttbench`; the process's own if not given.
    """
    words = list(sys.argv[1:] if arguments is None else arguments)
    _open_what_is_closed()
    _let_any_text_be_printed()
    try:
        code = _run(words)
        sys.stdout.flush()
        return code
    except BrokenPipeError:
        _give_stdout_up()
        return _BROKEN_PIPE
    except OSError as error:
        _give_stdout_up()
        if "--debug" in words:
            traceback.print_exception(error)
        _say(f"error: {one_line(error)}")
        return TtbenchError.exit_code
    except TtbenchError as error:
        _complain(error, with_traceback="--debug" in words)
        return error.exit_code
    except RunInterrupted as interrupt:
        _say(str(interrupt))
        _complain(interrupt.storage_error, with_traceback=False)
        return interrupt.exit_code
    except KeyboardInterrupt:
        _say("interrupted")
        return RunInterrupted.exit_code


def _open_what_is_closed() -> None:
    """Give a process that was started without stdout or stderr somewhere to write."""
    for name in ("stdout", "stderr"):
        if getattr(sys, name) is None:
            nowhere = Path(os.devnull).open("w", encoding="utf-8")  # noqa: SIM115 - until the end
            setattr(sys, name, nowhere)


def _give_stdout_up() -> None:
    # the reader has gone or is full: nothing more can be said, and Python must not try at exit
    os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())


def _let_any_text_be_printed() -> None:
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


def _complain(error: TtbenchError | None, *, with_traceback: bool) -> None:
    if error is None:
        return
    if with_traceback:
        traceback.print_exception(error)
    _say(f"error: {error}")
    if isinstance(error, BenchmarkError):
        _complain(error.storage_error, with_traceback=False)


def _say(text: str) -> None:
    from ttbench_core.cli.terminal import printable

    print(f"ttbench: {printable(text)}", file=sys.stderr)
