"""The child's side: `main` measures once what stdin asks for.

The first line on stdin is the request, as JSON. Messages to the parent go to a file
descriptor of their own, a JSON object a line; stdout and stderr stay for whatever
a pack prints. The child ends when its parent does: then stdin ends.
"""

from __future__ import annotations

import contextlib
import json
import os
import signal
import sys
import threading
import time
import traceback
from collections.abc import Mapping, Sequence
from pathlib import Path
from queue import SimpleQueue
from typing import Any, Final, TextIO

from ttbench_core.backends.call_deadline import CALL_DEADLINE
from ttbench_core.backends.protocol import Capabilities
from ttbench_core.errors import TtbenchError, one_line
from ttbench_core.measure.stopping import TURNS, Stop
from ttbench_core.record.result import Result
from ttbench_core.record.run_errors import BenchmarkError, RunInterrupted
from ttbench_core.request.options import RunOptions
from ttbench_core.running.measuring import RunContext, measure
from ttbench_core.running.processes.tasks import export_model, has_model, source_of
from ttbench_core.running.progress import SILENT
from ttbench_core.running.record_secrets import text_without_secrets
from ttbench_core.running.request import RunRequest

__all__ = ["main"]

_ENDING_SIGNALS: Final = (signal.SIGINT, signal.SIGTERM)
_HEARTBEAT_S: Final = 2.0
_ALIVE: Final[Mapping[str, Any]] = {"event": "alive"}
#: What a pack does to the module afterwards does not change it.
_ENCODE: Final = json.JSONEncoder().encode
#: Messages come from two threads.
_SENDING: Final = threading.Lock()


class _Events:
    """Sends the parent what happens, so that it can show it; an `Observer`."""

    def __init__(self, channel: TextIO) -> None:
        self._channel = channel

    def phase(self, name: str) -> None:
        """A phase begins."""
        _send(self._channel, {"event": "phase", "text": name})

    def note(self, sentence: str) -> None:
        """Something that the waiting user should know now."""
        _send(self._channel, {"event": "note", "text": sentence})

    def passes(self, done: int, wanted: int | None) -> None:
        """So many passes are done."""
        _send(self._channel, {"event": "passes", "done": done, "wanted": wanted})

    def engine(self, timeout_s: float | None) -> None:
        """Send how long the engine that was chosen may be silent, and a heartbeat from then on."""
        if timeout_s is None:
            return
        _send(self._channel, {"event": "engine", "timeout_s": timeout_s})
        _start_heartbeat(self._channel)

    def started(self, known: Result) -> None:
        """Send what is known, for the record of a process that crashes."""
        _send(self._channel, {"event": "started", "record": known.to_record()})


def _start_heartbeat(channel: TextIO) -> None:
    """Send every few seconds that Python still runs, and when a call into an engine is overdue."""

    def beat() -> None:
        while True:
            time.sleep(_HEARTBEAT_S)
            overdue = CALL_DEADLINE.overdue()
            with contextlib.suppress(OSError, ValueError):  # the last message has been sent
                _send(channel, {"event": "overdue", "text": overdue} if overdue else _ALIVE)

    threading.Thread(target=beat, name="ttbench-heartbeat", daemon=True).start()


class _Turns:
    """A stopping rule that asks the parent before each pass: another run has a turn in between."""

    name = TURNS
    max_passes = None

    def __init__(self, commands: SimpleQueue[str], channel: TextIO) -> None:
        self._commands = commands
        self._channel = channel

    def decide(self, times_ns: Sequence[int]) -> Stop | None:
        """Send how long the last pass took and wait for the command to go on."""
        _send(self._channel, {"passed_ns": times_ns[-1] if times_ns else None})
        return None if self._commands.get() == "pass" else Stop(self.name, "last turn")

    def wait_for_other(self) -> None:
        """Wait until the other run has ended its passes too."""
        self._commands.get()


def main(channel_fd: int) -> None:
    """Measure once, and send the outcome."""
    for number in _ENDING_SIGNALS:
        signal.signal(number, signal.default_int_handler)
    channel = os.fdopen(channel_fd, "w", encoding="ascii")
    os.set_inheritable(channel_fd, False)
    held = [channel_fd]
    os.register_at_fork(after_in_child=lambda: _leave_to_parent(held))
    request = json.loads(sys.stdin.buffer.readline())
    if "knows" in request:
        _send(channel, {"knows": has_model(request["knows"])})
        return
    commands: SimpleQueue[str] = SimpleQueue()
    _listen(commands)
    try:
        _send(channel, _last_message(request, commands, channel))
        held.clear()
        channel.close()
    except BrokenPipeError:
        os._exit(1)  # the parent has ended, and closing the pipe would fail again


def _leave_to_parent(held: list[int]) -> None:
    """Close the channel in a process that a pack has forked, which would keep it open.

    Its number stays taken, so that what is left of the channel there writes to no other file.

    Args:
        held: the descriptor; emptied, because processes that are forked from this one inherit it.
    """
    while held:
        descriptor = held.pop()
        os.close(descriptor)
        nowhere = os.open(os.devnull, os.O_WRONLY)
        if nowhere != descriptor:
            os.dup2(nowhere, descriptor, inheritable=False)
            os.close(nowhere)


def _last_message(
    request: Mapping[str, Any], commands: SimpleQueue[str], channel: TextIO
) -> dict[str, Any]:
    options = RunOptions(**request["options"])
    try:
        source, context = source_of(request), _context(request, commands, channel)
        if request["export_to"] is not None:
            export_model(options, source, Path(request["export_to"]), context.observer)
            return {"exported": True}
        run = RunRequest(options, source, request["is_analyzed"], request["processes_in_all"])
        result = measure(run, context)
        _ignore_ending_signals()
    except BenchmarkError as failed:
        _ignore_ending_signals()
        return {
            "record": failed.result.to_record(),
            "failure": {
                "phase": failed.phase,
                "reason": failed.reason,
                "traceback": text_without_secrets(
                    traceback.format_exc(), options, failed.result.backend
                ),
            },
        }
    except RunInterrupted as interrupted:
        _ignore_ending_signals()
        kept = interrupted.result
        return {"interrupted": True, "record": kept.to_record() if kept else None}
    except TtbenchError as refusal:
        message = text_without_secrets(str(refusal), options)
        return {"refusal": message, "exit_code": refusal.exit_code}
    except KeyboardInterrupt:
        return {"interrupted": True, "record": None}
    except BaseException as error:  # noqa: BLE001 - a pack may have broken what runs here
        return {"refusal": one_line(error), "exit_code": TtbenchError.exit_code}
    return {"record": result.to_record()}


def _context(request: Mapping[str, Any], commands: SimpleQueue[str], channel: TextIO) -> RunContext:
    events = _Events(channel) if request["events"] else None
    asked_s = request["options"]["timeout"]
    return RunContext(
        observer=events or SILENT,
        on_engine=(lambda found: events.engine(_timeout_s(asked_s, found))) if events else None,
        on_start=events.started if events else None,
        turns=_Turns(commands, channel) if request["turns"] else None,
        root_pid=request["root_pid"],
        engine=request["engine"],
    )


def _timeout_s(asked_s: float | None, engine: Capabilities) -> float | None:
    """Give how long an engine may be silent: what was asked for, or what it declares."""
    return None if engine.patience_s is None else asked_s or engine.patience_s


def _ignore_ending_signals() -> None:
    """Let no further Ctrl-C end the process before its record is sent."""
    for number in _ENDING_SIGNALS:
        signal.signal(number, signal.SIG_IGN)


def _send(channel: TextIO, message: Mapping[str, Any]) -> None:
    line = _ENCODE(message) + "\n"
    with _SENDING:
        channel.write(line)
        channel.flush()


def _listen(commands: SimpleQueue[str]) -> None:
    """Pass the parent's commands on, and end with it."""

    def listen() -> None:
        # not through sys.stdin, whose lock a thread must not hold when the interpreter ends
        with open(os.dup(0), "rb", buffering=0) as lines:  # noqa: PTH123 - a descriptor
            while line := lines.readline():
                commands.put(line.decode("ascii").strip())
        _kill_process_group()
        os._exit(1)

    threading.Thread(target=listen, name="ttbench-parent", daemon=True).start()


def _kill_process_group() -> None:
    """Kill what an engine has started beside this process, which leads a session of its own."""
    if os.getpgrp() == os.getpid():
        os.killpg(os.getpid(), signal.SIGKILL)
