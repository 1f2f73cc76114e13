"""The parent's side of one child process: start it, receive its messages, end it."""

from __future__ import annotations

import contextlib
import json
import signal
import subprocess
import threading
import time
from collections.abc import Callable, Iterator, Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final

from ttbench_core.errors import RequestError, SessionError, exit_text
from ttbench_core.running.processes.line_reader import HungProcessError
from ttbench_core.running.processes.messages import checked_last_message, read_message
from ttbench_core.running.processes.starting import kill_session, request_message, start_process
from ttbench_core.running.processes.supervision import Supervision
from ttbench_core.running.request import RunRequest

if TYPE_CHECKING:
    from typing_extensions import Self

__all__ = ["Child"]

#: How long a child that was interrupted may take to send its record, and to end.
_GRACE_S: Final = 20.0
#: How long one that failed may take to end: what it waits for may never come.
_GRACE_AFTER_FAILURE_S: Final = 2.0
#: The shortest timeout of a heartbeat, which is sent every few seconds while the child's Python
#: runs: an engine may hold the interpreter for a while.
_HEARTBEAT_TIMEOUT_S: Final = 120.0


class Child:
    """One measurement in a fresh process; a context manager that leaves no process behind.

    Args:
        request: what it measures; named builders are found again by the child.
        turns: whether it waits for `send("pass")` before each pass.
        supervision: how it is followed; None receives its last message alone.
        export_to: the folder that it writes the exported model to, instead of measuring it.

    Variables of `options.env` are set when its interpreter starts.

    Raises `RequestError` for a builder that cannot be brought to another process.
    """

    def __init__(
        self,
        request: RunRequest,
        *,
        turns: bool = False,
        supervision: Supervision | None = None,
        export_to: Path | None = None,
    ) -> None:
        self._supervision: Final = supervision or Supervision()
        self._phase = "start"
        self._phase_began_s = time.monotonic()
        self._passes_done = 0
        self._limit_s = self._supervision.timeout_s
        #: The record that it sent when it began to measure; None before.
        self.known: Mapping[str, Any] | None = None
        self._grace_s = _GRACE_S
        message = request_message(
            request, turns=turns, supervision=supervision, export_to=export_to
        )
        self._process, self._messages = start_process(request)
        #: Whether it has sent its last message.
        self.has_ended = False
        self.send(json.dumps(message))

    def send(self, line: str) -> None:
        """Send a line; that a child has ended is found out by `receive`."""
        stdin = self._process.stdin
        if stdin is None:
            return
        try:
            stdin.write(line + "\n")
            stdin.flush()
        except BrokenPipeError:
            return

    def receive(self) -> dict[str, Any]:
        """Wait for the next message, without using CPU time; events go to the observer.

        Raises the `RequestError` that the child raised, `SessionError` for a
        child that crashed, and `HungProcessError` for one that sends nothing for too long.
        """
        message = self._next()
        while (event := message.get("event")) is not None:
            self._handle_event(event, message)
            message = self._next()
        self.has_ended = "passed_ns" not in message
        if message.get("failure") is not None:
            self._grace_s = _GRACE_AFTER_FAILURE_S
        if (refusal := message.get("refusal")) is not None:
            wrong = message["exit_code"] == RequestError.exit_code
            raise (RequestError if wrong else SessionError)(refusal)
        return checked_last_message(message)

    def _next(self) -> dict[str, Any]:
        try:
            line = self._messages.next(self._timeout_s())
        except HungProcessError as hung:
            what = (
                f"did not end its phase compile within {self._limit_s:g} s"
                if self._phase == "compile"
                else f"{hung} in phase {self._phase}"
            )
            raise HungProcessError(
                f"the process that measured {what} and was ended; a longer --timeout waits longer"
            ) from None
        if line is None:
            raise SessionError(
                f"the process that measured {exit_text(self._process.wait())} {self._progress()}"
            )
        return read_message(line)

    def _progress(self) -> str:
        """Say how far it has come."""
        if self._passes_done:
            passes = "1 pass" if self._passes_done == 1 else f"{self._passes_done} passes"
            return f"in phase {self._phase}, after {passes}"
        return f"in phase {self._phase}"

    def _timeout_s(self) -> float | None:
        """Give how long the next message may take; of a compiler, what is left of its time."""
        if self._limit_s is None:
            return None
        if self._phase == "compile":
            return max(self._phase_began_s + self._limit_s - time.monotonic(), 0.0)
        return max(self._limit_s, _HEARTBEAT_TIMEOUT_S)

    def _handle_event(self, event: str, message: Mapping[str, Any]) -> None:
        if event == "phase":
            self._phase, self._phase_began_s = message["text"], time.monotonic()
            self._supervision.observer.phase(message["text"])
        elif event == "note":
            self._supervision.observer.note(message["text"])
        elif event == "passes":
            self._passes_done = message["done"]
            self._supervision.observer.passes(message["done"], message["wanted"])
        elif event == "engine":
            self._limit_s = message["timeout_s"]
        elif event == "started":
            self.known = message["record"]
        elif event == "overdue":
            raise HungProcessError(f"the process that measured was ended: {message['text']}")

    def interrupt(self) -> dict[str, Any] | None:
        """Send Ctrl-C and give the child's last message, or None.

        One more Ctrl-C meanwhile is ignored; the next one kills the child. What is None after
        some passes is described by `lost_passes`.
        """
        self._supervision.observer.note(
            f"waiting up to {_GRACE_S:g} s for what was measured; two more Ctrl-C give it up"
        )
        timer = threading.Timer(_GRACE_S, kill_session, (self._process,))
        timer.start()
        try:
            with _tolerates_one_interrupt(lambda: kill_session(self._process)):
                self._process.send_signal(signal.SIGINT)
                while True:
                    message = self.receive()
                    if "passed_ns" not in message:
                        return message
        except (RequestError, SessionError, ValueError):
            # ValueError: the first Ctrl-C came in the middle of reading a line
            return None
        finally:
            timer.cancel()

    def lost_passes(self) -> str | None:
        """Say what was measured and never sent; None where there was no pass."""
        if not self._passes_done or self.known is None:
            return None
        return f"the process that measured did not answer Ctrl-C {self._progress()}"

    def close(self) -> None:
        """End the process: let it end by itself after its last message, and kill it before."""
        if not self.has_ended:
            self._process.kill()
        self._messages.close()
        try:
            self._process.wait(self._grace_s)
        except subprocess.TimeoutExpired:
            self._process.kill()
            self._process.wait()
        # not before: the child ends at once when its stdin does
        if self._process.stdin is not None:
            with contextlib.suppress(BrokenPipeError):
                self._process.stdin.close()
        # processes that a pack has started and left
        kill_session(self._process)

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *exc_info: object) -> None:
        self.close()


@contextlib.contextmanager
def _tolerates_one_interrupt(give_up: Callable[[], None]) -> Iterator[None]:
    """Ignore the first Ctrl-C within the context, and give up at the second."""
    if threading.current_thread() is not threading.main_thread():
        yield
        return
    interrupts: list[int] = []

    def count(number: int, _: object) -> None:
        interrupts.append(number)
        if len(interrupts) > 1:
            give_up()

    before = signal.signal(signal.SIGINT, count)
    try:
        yield
    finally:
        signal.signal(signal.SIGINT, before)
