"""The command line: `ttbench`."""

from __future__ import annotations

import os
import sys
import traceback
from collections.abc import Sequence

from ttbench_core.cli.arguments import UsageError, parse
from ttbench_core.errors import ResultNotStoredError, RunInterrupted, TtbenchError

__all__ = ["main"]

_INTERRUPTED = 130
_BROKEN_PIPE = 141


def main(arguments: Sequence[str] | None = None) -> int:
    """Run `ttbench` and give its exit code.

    0 fine; 1 the benchmark failed or its result could not be kept; 2 the
    request was wrong; 130 interrupted.

    Args:
        arguments: what stands behind `ttbench`; the process's own if not given.
    """
    words = list(sys.argv[1:] if arguments is None else arguments)
    debug = "--debug" in words
    try:
        code = _run(words)
        sys.stdout.flush()
        return code
    except BrokenPipeError:
        # the reader has gone: nothing more can be said, and Python must not try at exit
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        return _BROKEN_PIPE
    except TtbenchError as error:
        _complain(error, debug)
        return error.exit_code
    except KeyboardInterrupt as interrupt:
        text = str(interrupt) if isinstance(interrupt, RunInterrupted) else "interrupted"
        _say(text)
        return _INTERRUPTED


def _run(words: Sequence[str]) -> int:
    options = parse(words)
    if options.list:
        from ttbench_core.cli.listing import list_models

        return list_models(as_json=options.json)
    if options.model is None:
        raise UsageError("say what to benchmark with -m MODEL; ttbench --list shows what there is")
    from ttbench_core.cli.run import run_benchmark

    return run_benchmark(options)


def _complain(error: TtbenchError, debug: bool) -> None:
    if debug:
        traceback.print_exception(error)
    if isinstance(error, ResultNotStoredError) and error.result.error:
        _say(f"error: {error.result.label} failed in {error.result.error}")
    _say(f"error: {error}")


def _say(text: str) -> None:
    from ttbench_core.cli.terminal import printable

    print(f"ttbench: {printable(text)}", file=sys.stderr)
