"""Starting the interpreter of a child, and the first message to it."""

from __future__ import annotations

import os
import subprocess
import sys
from typing import Any, Final

from ttbench_core.running.processes.builder_transfer import pack_builder
from ttbench_core.running.processes.line_reader import LineReader
from ttbench_core.running.processes.supervision import Supervision
from ttbench_core.running.request import RunRequest

__all__ = ["request_message", "start_process"]

#: The child finds what the parent finds, also in a notebook that has added folders.
_START: Final = (
    "import sys; sys.path[:] = sys.argv[2:];"
    # until the worker handles it, Ctrl-C ends the child silently
    "import signal; signal.signal(signal.SIGINT, signal.SIG_DFL);"
    "from ttbench_core.running.processes.worker import main; main(int(sys.argv[1]))"
)


def request_message(
    request: RunRequest, *, turns: bool, supervision: Supervision | None
) -> dict[str, Any]:
    """Give the first message to a child: what to measure, and what to send meanwhile."""
    source, followed = request.source, supervision or Supervision()
    return {
        "options": request.options.as_requested(),
        "is_analyzed": request.is_analyzed,
        "processes_in_all": request.processes_in_all,
        "builder": None if source is None or source.pack else pack_builder(source.builder),
        "turns": turns,
        # of two that take turns, neither counts as a disturbance of the other
        "root_pid": os.getpid() if turns else None,
        "engine": followed.engine,
        "events": supervision is not None,
    }


def start_process(request: RunRequest) -> tuple[subprocess.Popen[str], LineReader]:
    """Start the interpreter; gives it, and the reader of its messages. Raises `OSError`."""
    ours, theirs = os.pipe()
    messages = LineReader(ours)
    try:
        process = subprocess.Popen(
            [sys.executable, "-c", _START, str(theirs), *sys.path],
            stdin=subprocess.PIPE,
            # a pack may print; stdout is the parent's, where a record may be wanted
            stdout=2,
            pass_fds=[theirs],
            # Ctrl-C reaches the parent alone, which passes it on
            start_new_session=True,
            env={**os.environ, **request.options.environment},
            text=True,
            encoding="ascii",
        )
    except OSError:
        messages.close()
        raise
    finally:
        os.close(theirs)
    return process, messages
