"""The one state of a process: devices in pipeline order, the configuration, the pipeline."""

from __future__ import annotations

import logging
import queue
import threading
import time
from collections import deque
from collections.abc import Callable
from typing import Any

from pybuda import standin

LOG = logging.getLogger("pybuda")


class Stopped(Exception):  # noqa: N818 - no error: what was waited for was called off
    """The pipeline ends while its thread waits."""


class State:
    """Devices, configuration and pipeline of this process."""

    def __init__(self, config: Any = None) -> None:
        self.config = config
        self.devices: list[Any] = []
        self.pipeline: Pipeline | None = None
        self.shut_down = False  # the devices were closed; only pybuda_reset() helps


class Pipeline:
    """What was compiled, and the thread that works on it unless it is sequential."""

    def __init__(self, *, training: bool, sequential: bool) -> None:
        self.training = training
        self.sequential = sequential
        self.compiled = False
        self.compile_only = False
        self.microbatch_count = 1
        self.error = False
        self.output_queue: Any = queue.Queue()
        self.checkpoint_queue: Any = None
        self.intermediates_queue: Any = queue.Queue()
        self.stages: list[Any] = []
        self.shapes: list[Any] | None = None  # of the inputs it was compiled for
        self.asked = 0  # outputs that run_forward and run_generate were asked for
        self.delivered = 0
        self.went_back = 0
        self.waiting_backward = 0  # forwards that run_backward was not asked for yet
        self.losses: deque[Any] = deque()
        self.hung = threading.Event()
        self.stopping = threading.Event()
        self.starved_since: float | None = None
        self._commands: queue.Queue[Callable[[], None] | None] = queue.Queue()
        self._thread: threading.Thread | None = None

    def start(self) -> None:
        """Begin to work on commands."""
        self.compiled = True
        if not self.sequential:
            self._thread = threading.Thread(target=self._work, name="pybuda-device", daemon=True)
            self._thread.start()

    def post(self, command: Callable[[], None]) -> None:
        """Run a command: now when sequential, else in its turn. Errors end in the flag."""
        if self.sequential:
            self._run(command)
        else:
            self._commands.put(command)

    def _work(self) -> None:
        while not self.stopping.is_set():
            command = self._commands.get()
            if command is not None:
                self._run(command)
            self._commands.task_done()

    def _run(self, command: Callable[[], None]) -> None:
        try:
            command()
        except Stopped:
            pass
        except Exception as error:
            LOG.error("Device error: %s", error)  # noqa: TRY400 - what a user sees is one line
            LOG.debug("Traceback of the device error", exc_info=True)
            self.fail()

    def fail(self) -> None:
        """Raise the error flag; nothing is done any more."""
        self.error = True
        self.stopping.set()

    def hang(self) -> None:
        """Stay here until the pipeline is stopped, without any sign outside."""
        self.hung.set()
        if self.sequential:
            if standin.settings().stuck:
                standin.wait_while_stuck()
            raise Stopped
        self.stopping.wait()
        raise Stopped

    def take(self, source: queue.Queue[Any], lost: Callable[[], bool]) -> Any:
        """Wait for what the host pushes."""
        while not self.stopping.is_set():
            try:
                taken = source.get(timeout=0 if self.sequential else 0.02)
            except queue.Empty:
                if lost():
                    self.hung.set()
                if self.sequential:
                    raise
                self.starved_since = self.starved_since or time.monotonic()
                continue
            self.starved_since = None
            return taken
        raise Stopped

    @property
    def idle(self) -> bool:
        return self.sequential or self._commands.unfinished_tasks == 0

    def wait_until_idle(self, who: str | None) -> None:
        """Wait for the commands posted so far; a wait without end is refused if it has a name."""
        deadline = time.monotonic() + standin.settings().patience_s
        while not (self.idle or self.error):
            now = time.monotonic()
            if self.hung.is_set():
                return
            starving = self.starved_since
            if (
                starving is not None and now - starving > standin.settings().grace_s
            ) or now > deadline:
                if who is None:
                    return
                standin.refuse(
                    f"{who} would wait for ever: {self.asked} inputs were asked for, "
                    f"{self.delivered} came out, and none is pushed"
                )
            time.sleep(0.002)

    def stop(self) -> None:
        """End the thread."""
        self.stopping.set()
        self._commands.put(None)
        if self._thread is not None and self._thread is not threading.current_thread():
            self._thread.join(timeout=standin.settings().patience_s)


current = State()
new_config: Callable[[], Any] = lambda: None  # noqa: E731 - config.py puts the class here


def active() -> Pipeline | None:
    """Give the pipeline that exists, compiled or not."""
    return current.pipeline


def frozen(config: Any) -> bool:
    """Say whether a configuration was compiled already."""
    pipeline = current.pipeline
    return config is current.config and pipeline is not None and pipeline.compiled


def failed() -> bool:
    """What error_raised() says."""
    return current.pipeline is not None and current.pipeline.error


def clear() -> None:
    """Forget devices, configuration and pipeline."""
    current.devices = []
    current.pipeline = None
    current.shut_down = False
    current.config = new_config()


def forget() -> None:
    """End a pipeline without its order of calls, then forget everything."""
    if current.pipeline is not None:
        current.pipeline.stop()
    clear()
