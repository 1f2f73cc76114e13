"""Probing third-party code in a fresh process: the side of the parent.

An engine may crash, hang, print, or leave processes and variables behind when it is imported.
None of it reaches the parent: the answer comes on a pipe of its own, printed text goes to
another pipe, and the time is limited. `probe_child` is the other side.
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

from ttbench_core.errors import exit_text, one_line
from ttbench_core.request.credentials import hide_in_report

__all__ = ["Probe", "ProbeResult"]

#: Runs the child with the parent's `sys.path`, added folders included.
_CHILD_CODE: Final = (
    "import sys; sys.path[:] = sys.argv[3:];"
    "from ttbench_core.doctor.probe_child import main; main(int(sys.argv[1]), sys.argv[2])"
)
#: An answer is lines of JSON, then an empty line.
_END: Final = b"\n\n"
#: How long a child may take to exit after its answer.
_GRACE_S: Final = 5.0
#: How often to poll the child: a grandchild that holds the pipe open hides its end.
_POLL_S: Final = 0.1
_CHUNK_BYTES: Final = 1 << 16
#: How much of the end of the printed text is kept.
_MAX_PRINTED_BYTES: Final = 1 << 12
#: How much of its last line is shown, in characters.
_MAX_SHOWN: Final = 200


@dataclass(frozen=True)
class ProbeResult:
    """What a child reported."""

    #: Everything that was reported, also before a fault.
    facts: Mapping[str, Any]
    #: Why the report is incomplete, and the step that failed; None if it is complete.
    fault: str | None
    #: What was being done last, as the child says it.
    step: str | None = None


@dataclass(frozen=True)
class Probe:
    """Loads the plugins of a distribution in a fresh interpreter and collects facts of them.

    Args:
        timeout_s: time for a child, its start included; then it is killed.
        show_output: whether the output of a child is shown on stderr.
    """

    timeout_s: float = 60.0
    show_output: bool = False

    def run(self, group: str, **fields: str) -> ProbeResult:
        """Probe the plugins of a group with these field values; their errors are not raised.

        `probe_child` documents the facts.
        """
        request = {
            "group": group,
            "fields": fields,
            "exit_after_s": math.ceil(self.timeout_s + 2 * _GRACE_S),
        }
        read_end, write_end = os.pipe()
        try:
            child = self._start(json.dumps(request), write_end)
        except OSError as error:
            os.close(read_end)
            return ProbeResult({}, f"no process could be started to ask it: {one_line(error)}")
        finally:
            os.close(write_end)
        with _terminated(child), os.fdopen(read_end, "rb", buffering=0) as answer_pipe:
            return self._result(child, answer_pipe.fileno())

    def _start(self, request: str, channel: int) -> subprocess.Popen[bytes]:
        return subprocess.Popen(
            [sys.executable, "-c", _CHILD_CODE, str(channel), request, *sys.path],
            stdin=subprocess.DEVNULL,
            stdout=2 if self.show_output else subprocess.PIPE,
            stderr=None if self.show_output else subprocess.STDOUT,
            pass_fds=[channel],
            # a process group of its own, so that its descendants can be ended with it
            start_new_session=True,
        )

    def _result(self, child: subprocess.Popen[bytes], answer_fd: int) -> ProbeResult:
        answer, printed = _read_answer(child, answer_fd, time.monotonic() + self.timeout_s)
        facts: dict[str, Any] = {}
        for line in answer.split(b"\n")[:-1]:
            facts.update(json.loads(line or b"{}"))
        step, fault = facts.pop("step", None), facts.pop("fault", None)
        if not answer.endswith(_END):
            fault = self._no_answer_reason(child) + _last_line(printed)
        return ProbeResult(facts, f"{step}: {fault}" if fault and step else fault, step)

    def _no_answer_reason(self, child: subprocess.Popen[bytes]) -> str:
        """Return why a child has not answered; a running child is killed."""
        code = child.poll()
        if code is not None:
            return _exit_reason(code)
        child.kill()
        return f"did not answer within {self.timeout_s:g} s"


def _read_answer(
    child: subprocess.Popen[bytes], answer_fd: int, deadline_s: float
) -> tuple[bytes, bytes]:
    """Read from a child until it has answered, has ended, or the deadline has passed.

    Returns its answer, which may be incomplete, and the end of what it printed.
    """
    received = {answer_fd: b""}
    if child.stdout is not None:
        received[child.stdout.fileno()] = b""
    with selectors.DefaultSelector() as selector:
        for pipe in received:
            selector.register(pipe, selectors.EVENT_READ)
        while not received[answer_fd].endswith(_END):
            left_s = deadline_s - time.monotonic()
            if left_s <= 0:
                break
            # polled before the pipes are read: output from before its end is still read
            has_ended = child.poll() is not None
            ready = selector.select(0 if has_ended else min(left_s, _POLL_S))
            if has_ended and not ready:
                break
            for key, _ in ready:
                chunk = os.read(key.fd, _CHUNK_BYTES)
                if not chunk:
                    selector.unregister(key.fd)
                text = received[key.fd] + chunk
                received[key.fd] = text if key.fd == answer_fd else text[-_MAX_PRINTED_BYTES:]
    return received.pop(answer_fd), b"".join(received.values())


@contextlib.contextmanager
def _terminated(child: subprocess.Popen[bytes]) -> Iterator[None]:
    """End a child and its process group, whatever happens within the context."""
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


def _exit_reason(code: int) -> str:
    return f"{exit_text(code)} instead of answering" if code >= 0 else exit_text(code)


def _last_line(printed: bytes) -> str:
    lines = [line.strip() for line in printed.decode("utf-8", "replace").splitlines()]
    last = next((line for line in reversed(lines) if line), "")
    # hidden before it is cut: a half of a secret would not be found
    shown = hide_in_report(last)[:_MAX_SHOWN]
    return f"; it said last: {shown}" if last else ""
