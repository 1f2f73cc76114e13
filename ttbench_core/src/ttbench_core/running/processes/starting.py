"""Starting the interpreter of a child, and the first message to it."""

from __future__ import annotations

import contextlib
import os
import signal
import subprocess
import sys
from pathlib import Path
from typing import Any, Final

from ttbench_core.request.variables import environment_of_others
from ttbench_core.running.processes.builder_transfer import pack_builder
from ttbench_core.running.processes.handshake import check_hello, not_startable, peer_arguments
from ttbench_core.running.processes.line_reader import LineReader
from ttbench_core.running.processes.supervision import Supervision
from ttbench_core.running.request import RunRequest

__all__ = ["end_process", "kill_session", "request_message", "start_process"]

#: The child finds what the parent finds, also in a notebook that has added folders.
_START: Final = (
    "import sys; sys.path[:] = sys.argv[2:];"
    # until the worker handles it, Ctrl-C ends the child silently
    "import signal; signal.signal(signal.SIGINT, signal.SIG_DFL);"
    "from ttbench_core.running.processes.worker import main; main(int(sys.argv[1]))"
)


def request_message(
    request: RunRequest,
    *,
    turns: bool,
    supervision: Supervision | None,
    export_to: Path | None = None,
) -> dict[str, Any]:
    """Give the first message to a child: what to measure, and what to send meanwhile."""
    source, followed = request.source, supervision or Supervision()
    return {
        "options": request.options.as_requested(),
        "is_analyzed": request.is_analyzed,
        "processes_in_all": request.processes_in_all,
        "builder": None if source is None or source.is_named else pack_builder(source.builder),
        "turns": turns,
        # of two that take turns, neither counts as a disturbance of the other
        "root_pid": os.getpid() if turns else None,
        "engine": followed.engine,
        "events": supervision is not None,
        "handed_over": None if request.handed_over is None else str(request.handed_over),
        "export_to": None if export_to is None else str(export_to),
    }


def start_process(request: RunRequest) -> tuple[subprocess.Popen[str], LineReader]:
    """Start the interpreter; gives it, and the reader of its messages.

    Raises `OSError`; of another interpreter `RequestError` where it cannot be started, or does
    not fit.
    """
    ours, theirs = os.pipe()
    messages = LineReader(ours)
    other = request.interpreter
    inherited = os.environ if other is None else environment_of_others()
    try:
        process = subprocess.Popen(
            peer_arguments(other, theirs)
            if other
            else [sys.executable, "-c", _START, str(theirs), *sys.path],
            stdin=subprocess.PIPE,
            # a pack may print; stdout is the parent's, where a record may be wanted
            stdout=2,
            pass_fds=[theirs],
            # Ctrl-C reaches the parent alone, which passes it on
            start_new_session=True,
            env={**inherited, **request.options.environment},
            text=True,
            encoding="ascii",
        )
    except OSError as error:
        messages.close()
        if other is not None:
            raise not_startable(other, error) from error
        raise
    finally:
        os.close(theirs)
    if other is not None:
        try:
            check_hello(other, messages)
        except BaseException:
            end_process(process, messages)
            raise
    return process, messages


def kill_session(process: subprocess.Popen[str]) -> None:
    """Kill a process of `start_process` and all that it has started: it may be a wrapper."""
    # it leads a session of its own
    with contextlib.suppress(ProcessLookupError, PermissionError):
        os.killpg(process.pid, signal.SIGKILL)


def end_process(process: subprocess.Popen[str], messages: LineReader) -> None:
    """Kill an interpreter that measures nothing, and what it has started; close its pipes."""
    kill_session(process)
    process.wait()
    messages.close()
    if process.stdin is not None:
        with contextlib.suppress(OSError):
            process.stdin.close()
