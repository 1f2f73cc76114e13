"""The driver's side of the process of a cell: start it, wait for its outcome, end it."""

from __future__ import annotations

import contextlib
import json
import os
import signal
import subprocess
import sys
import tempfile
import time
import uuid
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import IO, Any, Final

import psutil

from ttbench_core.errors import exit_text
from ttbench_core.running.processes.line_reader import HungProcessError, LineReader
from ttbench_core.sweeps.cells.leftovers import MARK, kill_marked

__all__ = ["GRACE_S", "CellProcess", "ProcessHome"]

_START: Final = (
    "import sys; sys.path[:] = sys.argv[2:] or sys.path;"
    # until the worker handles it, Ctrl-C ends it silently
    "import signal; signal.signal(signal.SIGINT, signal.SIG_DFL);"
    "from ttbench_core.sweeps.cells.cell_worker import main; main(int(sys.argv[1]))"
)
#: How long one that was interrupted, or is out of time, may take to store its record.
GRACE_S: Final = 45.0
_MAX_REASON_BYTES: Final = 2000


@dataclass(frozen=True)
class ProcessHome:
    """Where the process of a cell is at home, if not where this one is."""

    #: The interpreter; it has packages of its own.
    python: str
    #: All its environment variables.
    variables: Mapping[str, str]


class CellProcess:
    """A process that measures and stores one cell.

    Args:
        order: what `cell_worker` reads.
        held: descriptors of locks that it holds until it has ended.
        home: the interpreter and the variables that it is started with; None for those of this
            process.

    Raises `OSError` where no process can be started.
    """

    def __init__(
        self, order: Mapping[str, Any], held: Sequence[int], home: ProcessHome | None = None
    ) -> None:
        self.started_s: Final = time.monotonic()
        ours, theirs = os.pipe()
        self._descriptor: Final = ours
        self._messages: Final = LineReader(ours)
        self._mark: Final = uuid.uuid4().hex
        python, path, variables = _home(home)
        self._errors: Final[IO[bytes]] = tempfile.TemporaryFile()  # noqa: SIM115 - closed at the end
        try:
            self._process = subprocess.Popen(
                [python, "-c", _START, str(theirs), *path],
                env={**variables, MARK: self._mark},
                stdin=subprocess.PIPE,
                stdout=subprocess.DEVNULL,
                stderr=self._errors,
                pass_fds=[theirs, *held],
                # Ctrl-C goes to the driver, which passes it on
                start_new_session=True,
            )
        except BaseException:
            self._messages.close()
            self._errors.close()
            raise
        finally:
            os.close(theirs)
        self._send(order)

    def fileno(self) -> int:
        """Give what becomes readable when the outcome is there."""
        return self._descriptor

    @property
    def seconds(self) -> float:
        """How long it has been running."""
        return time.monotonic() - self.started_s

    def outcome(self) -> dict[str, Any]:
        """Wait for what came of it; a process that sent nothing has `crash` with the reason."""
        line = None
        with contextlib.suppress(HungProcessError, OSError, UnicodeDecodeError):
            line = self._messages.next()
        try:
            found = json.loads(line or "null")
        except ValueError:
            found = None
        self._end()
        with self._errors:
            if isinstance(found, dict) and isinstance(found.get("status"), str):
                return found
            return {"status": "failed", "crash": self._reason()}

    def interrupt(self) -> None:
        """Let it end as after Ctrl-C, with the record of what it has measured."""
        with contextlib.suppress(ProcessLookupError):
            self._process.send_signal(signal.SIGINT)

    def kill(self) -> None:
        """End it and everything that it has started, at once."""
        with contextlib.suppress(psutil.Error):
            for child in psutil.Process(self._process.pid).children(recursive=True):
                with contextlib.suppress(psutil.Error):
                    child.kill()
        self._process.kill()

    def _send(self, order: Mapping[str, Any]) -> None:
        stdin = self._process.stdin
        if stdin is not None:
            with contextlib.suppress(BrokenPipeError):  # it has ended: `outcome` says how
                stdin.write(json.dumps(order).encode() + b"\n")
                stdin.flush()

    def _end(self) -> None:
        """Wait until it has ended, kill what it has left behind, and close its pipes."""
        try:
            self._process.wait(GRACE_S)
        except subprocess.TimeoutExpired:
            self.kill()
            self._process.wait()
        kill_marked(self._mark)
        self._messages.close()
        if self._process.stdin is not None:
            with contextlib.suppress(OSError):
                self._process.stdin.close()

    def _reason(self) -> str:
        self._errors.seek(0, os.SEEK_END)
        self._errors.seek(max(0, self._errors.tell() - _MAX_REASON_BYTES))
        lines = self._errors.read().decode("utf-8", "replace").strip().splitlines()
        said = f": {lines[-1]}" if lines else ""
        return f"the process of the cell {exit_text(self._process.returncode)}{said}"


def _home(home: ProcessHome | None) -> tuple[str, Sequence[str], Mapping[str, str]]:
    """Give the interpreter, the path of its modules (empty for its own), its variables."""
    if home is None:
        return sys.executable, sys.path, os.environ
    return home.python, (), home.variables
