"""The parent's side of one child process: start it, hear it, end it."""

from __future__ import annotations

import base64
import contextlib
import json
import os
import signal
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Final

from ttbench_core.errors import OptionError, RequestError, SessionError, one_line
from ttbench_core.models.source import Source
from ttbench_core.request.options import RunOptions
from ttbench_core.running.processes.lines import Lines, SilenceError
from ttbench_core.running.progress import SILENT, Observer

if TYPE_CHECKING:
    from typing_extensions import Self

__all__ = ["Child", "Watch"]

#: The child finds what the parent finds, also in a notebook that has added folders.
_START: Final = (
    "import sys; sys.path[:] = sys.argv[2:];"
    # until it can answer, Ctrl-C ends it without a word
    "import signal; signal.signal(signal.SIGINT, signal.SIG_DFL);"
    "from ttbench_core.running.processes.worker import main; main(int(sys.argv[1]))"
)
#: How long a child that was interrupted may take to give its record, and to leave.
_GRACE_S: Final = 20.0
#: How long one that failed may take to leave: what it waits for may never come.
_GRACE_AFTER_FAILURE_S: Final = 2.0
#: How long a child may say nothing while its Python runs: it says something every few seconds,
#: until an engine takes the interpreter and never gives it back.
_SILENCE_S: Final = 120.0


@dataclass(frozen=True)
class Watch:
    """How the parent follows what a child does."""

    #: Told of its phases and notes.
    observer: Observer = SILENT
    #: Seconds without a sign of life after which it counts as hung; None waits for ever.
    patience_s: float | None = None
    #: The engine that the parent has chosen; None leaves the choice to the child.
    engine: str | None = None


class Child:
    """One measurement in a fresh process; a context manager that leaves no process behind.

    Args:
        options: what it measures.
        source: the builder; named builders are found again by the child.
        turns: whether it waits for `say("pass")` before each pass.
        watch: how it is followed; None hears its last word alone.

    Variables of `options.env` are there when its interpreter starts.

    Raises `RequestError` for a builder that cannot be brought to another process.
    """

    def __init__(
        self,
        options: RunOptions,
        source: Source,
        *,
        turns: bool = False,
        watch: Watch | None = None,
    ) -> None:
        self._watch: Final = watch or Watch()
        self._phase = "start"
        self._phase_began_s = time.monotonic()
        #: What it knew when it began to measure, as a record; None before.
        self.known: Mapping[str, Any] | None = None
        self._grace_s = _GRACE_S
        request = {
            "options": options.as_requested(),
            "builder": None if source.pack else _packed(source.builder),
            "turns": turns,
            # runs that take turns count each other's time as their own
            "root_pid": os.getpid() if turns else None,
            "engine": self._watch.engine,
            "signs": watch is not None,
            "beats": self._watch.patience_s is not None,
        }
        ours, theirs = os.pipe()
        try:
            self._process: Final = subprocess.Popen(
                [sys.executable, "-c", _START, str(theirs), *sys.path],
                stdin=subprocess.PIPE,
                # a pack may print; stdout is the parent's, where a record may be wanted
                stdout=2,
                pass_fds=[theirs],
                # Ctrl-C reaches the parent alone, which passes it on
                start_new_session=True,
                env={**os.environ, **options.environment},
                text=True,
                encoding="ascii",
            )
        finally:
            os.close(theirs)
        self._answers: Final = Lines(ours)
        #: Whether it has said its last word.
        self.has_ended = False
        self.say(json.dumps(request))

    def say(self, line: str) -> None:
        """Send a line; a child that has ended is heard of by `hear`."""
        stdin = self._process.stdin
        if stdin is None:
            return
        try:
            stdin.write(line + "\n")
            stdin.flush()
        except BrokenPipeError:
            return

    def hear(self) -> dict[str, Any]:
        """Wait for the next message, without using CPU time; signs of life go to the observer.

        Raises the `RequestError` that the child raised, `SessionError` for a
        child that ended without a word, or gives none for too long.
        """
        message = self._next()
        while (sign := message.get("sign")) is not None:
            self._follow(sign, message)
            message = self._next()
        self.has_ended = "passed_ns" not in message
        if message.get("failure") is not None:
            self._grace_s = _GRACE_AFTER_FAILURE_S
        if (refusal := message.get("refusal")) is not None:
            wrong = message["exit_code"] == RequestError.exit_code
            raise (RequestError if wrong else SessionError)(refusal)
        return message

    @property
    def phase(self) -> str:
        """The phase that it was heard of last."""
        return self._phase

    def _next(self) -> dict[str, Any]:
        try:
            line = self._answers.next(self._patience_left_s())
        except SilenceError as silence:
            what = (
                f"did not end its phase compile within {self._watch.patience_s:g} s"
                if self._phase == "compile"
                else f"{silence} in phase {self._phase}"
            )
            raise SilenceError(
                f"the process that measured {what} and was ended; a longer --timeout waits longer"
            ) from None
        if line is None:
            raise SessionError(f"the process that measured {_end(self._process.wait())}")
        message: dict[str, Any] = json.loads(line)
        return message

    def _patience_left_s(self) -> float | None:
        """Give how long the next message may take; of a compiler, what is left of its time."""
        patience_s = self._watch.patience_s
        if patience_s is None:
            return None
        if self._phase == "compile":
            return max(self._phase_began_s + patience_s - time.monotonic(), 0.0)
        return max(patience_s, _SILENCE_S)

    def _follow(self, sign: str, message: Mapping[str, Any]) -> None:
        if sign == "phase":
            self._phase, self._phase_began_s = message["text"], time.monotonic()
            self._watch.observer.phase(message["text"])
        elif sign == "note":
            self._watch.observer.note(message["text"])
        elif sign == "passes":
            self._watch.observer.passes(message["done"], message["wanted"])
        elif sign == "settled":
            self.known = message["record"]
        elif sign == "overdue":
            raise SilenceError(f"the process that measured was ended: {message['text']}")

    def interrupt(self) -> dict[str, Any] | None:
        """Send Ctrl-C and give what the child has measured, or None.

        One more Ctrl-C meanwhile is impatience; the next one ends the child.
        """
        timer = threading.Timer(_GRACE_S, self._process.kill)
        timer.start()
        try:
            with _patience(self._process.kill):
                self._process.send_signal(signal.SIGINT)
                while True:
                    message = self.hear()
                    if "passed_ns" not in message:
                        return message
        except (RequestError, SessionError, ValueError):
            # ValueError: the first Ctrl-C came in the middle of reading a line
            return None
        finally:
            timer.cancel()

    def close(self) -> None:
        """End the process: let it leave after its last word, and kill it before."""
        if not self.has_ended:
            self._process.kill()
        self._answers.close()
        try:
            self._process.wait(self._grace_s)
        except subprocess.TimeoutExpired:
            self._process.kill()
            self._process.wait()
        # not before: the child ends at once when its stdin does
        if self._process.stdin is not None:
            with contextlib.suppress(BrokenPipeError):
                self._process.stdin.close()
        # what a pack has started and left behind: the child leads a session of its own
        with contextlib.suppress(ProcessLookupError, PermissionError):
            os.killpg(self._process.pid, signal.SIGKILL)

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *exc_info: object) -> None:
        self.close()


@contextlib.contextmanager
def _patience(give_up: Callable[[], None]) -> Iterator[None]:
    """Let the first Ctrl-C within the context go by, and give up at the second."""
    if threading.current_thread() is not threading.main_thread():
        yield
        return
    presses: list[int] = []

    def press(number: int, _: object) -> None:
        presses.append(number)
        if len(presses) > 1:
            give_up()

    before = signal.signal(signal.SIGINT, press)
    try:
        yield
    finally:
        signal.signal(signal.SIGINT, before)


def _packed(builder: Callable[..., Any]) -> str:
    """Pack a builder of the user's own, which the child cannot find by a name."""
    try:
        import cloudpickle
    except ImportError as error:
        raise OptionError(
            "several processes and a builder of your own need cloudpickle:"
            " pip install 'ttbench-core[notebook]'"
        ) from error
    try:
        packed: bytes = cloudpickle.dumps(builder)
    except Exception as error:
        raise OptionError(
            f"this builder cannot be brought to another process ({one_line(error)}):"
            " build everything that it needs inside it"
        ) from error
    return base64.b64encode(packed).decode("ascii")


def _end(code: int) -> str:
    if code < 0:
        return f"was ended by {signal.Signals(-code).name} before it could say anything"
    return f"ended with code {code} before it could say anything"
