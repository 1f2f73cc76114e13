"""The child's side: `main` measures once what stdin asks for.

The first line on stdin is the request, as JSON. What comes back goes to a file
descriptor of its own, a JSON object a line; stdout and stderr stay for whatever
a pack prints. The child ends when its parent does: then stdin ends.
"""

from __future__ import annotations

import base64
import json
import os
import signal
import sys
import threading
from collections.abc import Mapping, Sequence
from typing import Any, TextIO

from ttbench_core.errors import BenchmarkError, RunInterrupted, TtbenchError
from ttbench_core.measure.stopping import Stop
from ttbench_core.measuring import Conduct, measure
from ttbench_core.options import RunOptions
from ttbench_core.runner import find_source

__all__ = ["main"]


class _Turns:
    """Asks the parent before each pass: another run takes its turn in between."""

    name = "turns"
    most = None

    def __init__(self, commands: TextIO, channel: TextIO) -> None:
        self._commands = commands
        self._channel = channel

    def decide(self, times_ns: Sequence[int]) -> Stop | None:
        """Tell how long the last pass took and wait for the word to go on."""
        _send(self._channel, {"passed_ns": times_ns[-1] if times_ns else None})
        command = self._commands.readline().strip()
        return None if command == "pass" else Stop(self.name, "last turn")


def main(channel_fd: int) -> None:
    """Measure once, and send what came of it."""
    # whoever started the parent may have let it ignore Ctrl-C, and the parent passes it on
    signal.signal(signal.SIGINT, signal.default_int_handler)
    channel = os.fdopen(channel_fd, "w", encoding="ascii")
    request = json.loads(sys.stdin.readline())
    if not request["turns"]:
        _end_with_the_parent()
    try:
        _send(channel, _answer(request, sys.stdin, channel))
        channel.close()
    except BrokenPipeError:
        os._exit(1)  # nobody is there to hear it, and closing the pipe would fail again


def _answer(request: Mapping[str, Any], requests: TextIO, channel: TextIO) -> dict[str, Any]:
    conduct = Conduct(
        rule=_Turns(requests, channel) if request["turns"] else None,
        root_pid=request["root_pid"],
    )
    try:
        options = RunOptions(**request["options"])
        result = measure(options, find_source(_model(request)), conduct)
    except BenchmarkError as failed:
        return {
            "record": failed.result.to_record(),
            "failure": {"phase": failed.phase, "reason": failed.reason},
        }
    except RunInterrupted as interrupted:
        kept = interrupted.result
        return {"interrupted": True, "record": kept.to_record() if kept else None}
    except TtbenchError as refusal:
        return {"refusal": str(refusal), "exit_code": refusal.exit_code}
    return {"record": result.to_record()}


def _model(request: Mapping[str, Any]) -> Any:
    """Give the model's name, or the builder that the parent has packed into the request."""
    if request["builder"] is None:
        return request["options"]["model"]
    import cloudpickle

    return cloudpickle.loads(base64.b64decode(request["builder"]))


def _send(channel: TextIO, message: Mapping[str, Any]) -> None:
    channel.write(json.dumps(message) + "\n")
    channel.flush()


def _end_with_the_parent() -> None:
    def wait() -> None:
        # not through sys.stdin, whose lock a thread must not hold when the interpreter ends
        os.read(0, 1)
        os._exit(1)

    threading.Thread(target=wait, name="ttbench-parent", daemon=True).start()
