"""One question to code of others, asked in a fresh process.

An engine may crash, hang, print, or leave processes and variables behind when
it is imported. None of it reaches the one who asks: the answer comes on a pipe
of its own, what is printed goes to another, and the time is limited.
"""

from __future__ import annotations

import contextlib
import json
import math
import os
import selectors
import signal
import subprocess
import sys
import time
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any, Final

from ttbench_core.errors import one_line

__all__ = ["Answer", "Asker"]

#: The child finds what the parent finds, also where folders were added to the path.
_START: Final = (
    "import sys; sys.path[:] = sys.argv[3:];"
    "from ttbench_core.doctor.answering import main; main(int(sys.argv[1]), sys.argv[2])"
)
#: An answer is lines of JSON, and an empty one when all is told.
_END: Final = b"\n\n"
#: How long a child may take to leave when it has answered.
_GRACE_S: Final = 5.0
#: A pipe that a grandchild holds open does not tell that the child has ended: look so often.
_LOOK_S: Final = 0.1
_CHUNK_BYTES: Final = 1 << 16
#: What is kept of the text that a child prints, and what is repeated of it.
_KEPT_BYTES: Final = 1 << 12
_REPEATED: Final = 200


@dataclass(frozen=True)
class Answer:
    """What was heard."""

    #: Everything that was told, also where the child could not go on.
    facts: Mapping[str, Any]
    #: Why it did not tell all, and what it was doing; None where it did.
    fault: str | None


@dataclass(frozen=True)
class Asker:
    """Asks what a distribution registers; each question gets a fresh interpreter.

    Args:
        limit_s: what a child may take, its start included; then it is killed.
        loud: whether what a child prints is shown on stderr.
    """

    limit_s: float = 60.0
    loud: bool = False

    def ask(self, group: str, **whom: str) -> Answer:
        """Ask about the plugins of a group whose fields have these values; never raises for them.

        See `answering` for what is told.
        """
        question = {
            "group": group,
            "whom": whom,
            "leave_after_s": math.ceil(self.limit_s + 2 * _GRACE_S),
        }
        ours, theirs = os.pipe()
        try:
            child = self._start(json.dumps(question), theirs)
        except OSError as error:
            os.close(ours)
            return Answer({}, f"no process could be started to ask it: {one_line(error)}")
        finally:
            os.close(theirs)
        with _ended(child), os.fdopen(ours, "rb", buffering=0) as answers:
            return self._heard(child, answers.fileno())

    def _start(self, question: str, channel: int) -> subprocess.Popen[bytes]:
        return subprocess.Popen(
            [sys.executable, "-c", _START, str(channel), question, *sys.path],
            stdin=subprocess.DEVNULL,
            stdout=2 if self.loud else subprocess.PIPE,
            stderr=None if self.loud else subprocess.STDOUT,
            pass_fds=[channel],
            # a group of its own, so that what it leaves behind can be ended with it
            start_new_session=True,
        )

    def _heard(self, child: subprocess.Popen[bytes], answers: int) -> Answer:
        told, printed = _listen(child, answers, time.monotonic() + self.limit_s)
        facts: dict[str, Any] = {}
        for line in told.split(b"\n")[:-1]:
            facts.update(json.loads(line or b"{}"))
        step, fault = facts.pop("step", None), facts.pop("fault", None)
        if not told.endswith(_END):
            fault = self._silence(child) + _last_words(printed)
        return Answer(facts, f"{step}: {fault}" if fault and step else fault)

    def _silence(self, child: subprocess.Popen[bytes]) -> str:
        """Say why a child has not told all; one that is still at it is killed."""
        code = child.poll()
        if code is not None:
            return _end(code)
        child.kill()
        return f"did not answer within {self.limit_s:g} s"


def _listen(child: subprocess.Popen[bytes], answers: int, deadline_s: float) -> tuple[bytes, bytes]:
    """Hear a child until it has answered, has ended, or the time is over.

    Gives its answer as far as it came, and the end of what it printed.
    """
    heard = {answers: b""}
    if child.stdout is not None:
        heard[child.stdout.fileno()] = b""
    with selectors.DefaultSelector() as selector:
        for pipe in heard:
            selector.register(pipe, selectors.EVENT_READ)
        while not heard[answers].endswith(_END) and (left_s := deadline_s - time.monotonic()) > 0:
            # asked before the pipes: what it said before its end is still read
            has_ended = child.poll() is not None
            ready = selector.select(0 if has_ended else min(left_s, _LOOK_S))
            if has_ended and not ready:
                break
            for key, _ in ready:
                chunk = os.read(key.fd, _CHUNK_BYTES)
                if not chunk:
                    selector.unregister(key.fd)
                kept = heard[key.fd] + chunk
                heard[key.fd] = kept if key.fd == answers else kept[-_KEPT_BYTES:]
    return heard.pop(answers), b"".join(heard.values())


@contextlib.contextmanager
def _ended(child: subprocess.Popen[bytes]) -> Iterator[None]:
    """End a child with everything it has started, whatever happens within the context."""
    grace_s = 0.0
    try:
        yield
        grace_s = _GRACE_S
    finally:
        with contextlib.suppress(subprocess.TimeoutExpired):
            child.wait(grace_s)
        with contextlib.suppress(ProcessLookupError, PermissionError):
            os.killpg(child.pid, signal.SIGKILL)
        child.wait()
        if child.stdout is not None:
            child.stdout.close()


def _end(code: int) -> str:
    if code >= 0:
        return f"ended with code {code} instead of answering"
    with contextlib.suppress(ValueError):
        return f"was ended by {signal.Signals(-code).name}"
    return f"was ended by signal {-code}"


def _last_words(printed: bytes) -> str:
    lines = [line.strip() for line in printed.decode("utf-8", "replace").splitlines()]
    last = next((line for line in reversed(lines) if line), "")
    return f"; it said last: {last[:_REPEATED]}" if last else ""
