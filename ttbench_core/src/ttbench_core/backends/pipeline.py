"""Stages that overlap: one thread per stage, for any callables, with a bounded depth.

Items go from stage to stage through `queue.SimpleQueue`, the cheapest hand-over
between threads (7 us; `queue.Queue` takes twice that). The bound is on inputs
in flight, so no queue can grow past it and no stage can block on a full one.
"""

from __future__ import annotations

import contextlib
import sys
import threading
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from queue import SimpleQueue
from typing import TYPE_CHECKING, Any, Final, TypeAlias

from ttbench_core.errors import SessionError
from ttbench_core.model import Inputs

if TYPE_CHECKING:
    from typing_extensions import Self

__all__ = ["Pipeline", "Stage"]

#: One stage: the first takes what is pushed, every other what the one before it returns.
Stage: TypeAlias = Callable[[Any], Sequence[Any]]

#: Inputs in flight per stage: one in progress and one waiting.
_INPUTS_PER_STAGE: Final = 2
#: Python switches between threads every 5 ms by default. A stage of many small
#: operations then waits 5 ms for each one while another stage computes in Python;
#: at 0.1 ms it is a fifth slower instead of ten times.
_SWITCH_INTERVAL_S: Final = 1e-4
#: Sentinel that goes through the queues to end the threads.
_STOP: Final = object()
#: How long `close` waits for a stage that is still computing.
_JOIN_TIMEOUT_S: Final = 30.0


@dataclass(frozen=True)
class _Failure:
    error: BaseException


class Pipeline:
    """Stages that work on different inputs at the same time: `push`, `pop`, `depth`, `close`.

    Args:
        stages: what each thread calls, in the order of the data.
        thread_context: gives a context that each thread enters when it starts and leaves
            when it ends; for state that belongs to a thread, such as a thread count.
    """

    def __init__(
        self,
        stages: Sequence[Stage],
        *,
        thread_context: Callable[
            [], contextlib.AbstractContextManager[object]
        ] = contextlib.nullcontext,
    ) -> None:
        self.depth: Final = _INPUTS_PER_STAGE * len(stages)
        self._thread_context = thread_context
        self._in_flight = 0
        self._closed = False
        self._queues: list[SimpleQueue[Any]] = [SimpleQueue() for _ in range(len(stages) + 1)]
        self._threads = [
            threading.Thread(
                target=self._run_stage,
                args=(stage, self._queues[index], self._queues[index + 1]),
                name=f"ttbench-stage-{index}",
                daemon=True,
            )
            for index, stage in enumerate(stages)
        ]
        self._previous_switch_interval_s = sys.getswitchinterval()
        sys.setswitchinterval(_SWITCH_INTERVAL_S)
        for thread in self._threads:
            thread.start()

    def push(self, inputs: Inputs) -> None:
        """Hand one input to the first stage; raises `SessionError` beyond `depth`."""
        if self._closed:
            raise SessionError("push on a closed pipeline")
        if self._in_flight == self.depth:
            raise SessionError(f"{self.depth} inputs are in flight already: pop before pushing")
        self._in_flight += 1
        self._queues[0].put(inputs)

    def pop(self) -> Sequence[Any]:
        """Wait for the oldest input; raises what one of its stages raised."""
        if self._in_flight == 0:
            raise SessionError("nothing is in flight: push before popping")
        item = self._queues[-1].get()
        self._in_flight -= 1
        if isinstance(item, _Failure):
            raise item.error
        outputs: Sequence[Any] = item
        return outputs

    def close(self) -> None:
        """End the threads; each finishes the input that is in progress.

        Raises `SessionError` for one that does not: it would slow down what runs next.
        """
        if self._closed:
            return
        self._closed = True
        self._queues[0].put(_STOP)
        try:
            for thread in self._threads:
                thread.join(_JOIN_TIMEOUT_S)
        finally:
            sys.setswitchinterval(self._previous_switch_interval_s)
        if any(thread.is_alive() for thread in self._threads):
            raise SessionError(f"a stage is still computing {_JOIN_TIMEOUT_S:.0f} s after its end")

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *exc_info: object) -> None:
        self.close()

    def _run_stage(self, stage: Stage, inputs: SimpleQueue[Any], outputs: SimpleQueue[Any]) -> None:
        with contextlib.ExitStack() as stack:
            failure = self._enter_thread_context(stack)
            while (item := inputs.get()) is not _STOP:
                if self._closed:
                    continue
                outputs.put(failure or self._apply(stage, item))
        outputs.put(_STOP)

    def _enter_thread_context(self, stack: contextlib.ExitStack) -> _Failure | None:
        try:
            stack.enter_context(self._thread_context())
        except Exception as error:  # noqa: BLE001 - raised to the caller by pop
            return _Failure(error)
        return None

    @staticmethod
    def _apply(stage: Stage, item: Any) -> Any:
        if isinstance(item, _Failure):
            return item
        try:
            return stage(item)
        except BaseException as error:  # noqa: BLE001 - raised to the caller by pop, whatever it is
            return _Failure(error)
