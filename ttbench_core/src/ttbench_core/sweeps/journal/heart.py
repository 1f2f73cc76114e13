"""The heartbeats of one driver: written by a thread of its own, so that no cell waits for them."""

from __future__ import annotations

import contextlib
import os
import threading
import time
from collections.abc import Callable, Sequence
from typing import TYPE_CHECKING, Final

from ttbench_core.record.environment import machine_name
from ttbench_core.sinks.target_checks import error_reason
from ttbench_core.sinks.targets import Target
from ttbench_core.sweeps.journal.heartbeats import (
    Heartbeat,
    RunningCell,
    drop_heartbeat,
    heartbeats_of,
    keep_heartbeat,
)
from ttbench_core.sweeps.planning.combinations import combination_of
from ttbench_core.sweeps.planning.plan import Plan
from ttbench_core.sweeps.progress.progress import CellOutcome, SweepObserver, SweepState

if TYPE_CHECKING:
    from typing_extensions import Self

__all__ = ["Heart"]

_EVERY_S: Final = 30.0
#: Cells may end many times a second.
_AT_LEAST_S: Final = 1.0
#: A driver that was killed so long ago on another machine is no news.
_OLD_S: Final = 7 * 24 * 3600.0
#: How long the end of a sweep waits for a target that does not answer.
_END_S: Final = 10.0


class Heart:
    """An observer that says in the targets what runs, and passes on to another observer.

    A context manager. Keep the locks of the sweep meanwhile: what an earlier driver of the same
    shard has left behind is removed. A target that takes no heartbeat is told of once.

    Args:
        plan: whose cells run.
        targets: of the sweep.
        observer: is shown everything.
    """

    def __init__(self, plan: Plan, targets: Sequence[Target], observer: SweepObserver) -> None:
        self._plan: Final = plan
        self._targets: Final = targets
        self._observer: Final = observer
        self._shard: Final = None if plan.shard is None else str(plan.shard)
        self._cells: Final = {one.label: one for one in plan.cells}
        self._running: tuple[str, ...] = ()
        self._changed: Final = threading.Event()
        self._ended: Final = threading.Event()
        self._failed: Final[dict[int, str]] = {}
        self._told: Final[set[int]] = set()
        self._thread: Final = threading.Thread(target=self._beat, name="ttbench-heart", daemon=True)

    def began(self, sentences: Sequence[str], state: SweepState) -> None:
        """Pass on."""
        self._observer.began(sentences, state)

    def started(self, state: SweepState) -> None:
        """Say what runs, and pass on."""
        self._note(state)
        self._observer.started(state)

    def ended(self, outcome: CellOutcome, state: SweepState) -> None:
        """Say what runs, and pass on."""
        self._note(state)
        self._observer.ended(outcome, state)

    def waiting(self, sentence: str) -> None:
        """Pass on."""
        self._observer.waiting(sentence)

    def __enter__(self) -> Self:
        self._thread.start()
        return self

    def __exit__(self, *exc_info: object) -> None:
        self._ended.set()
        self._changed.set()
        self._thread.join(_END_S)
        self._tell()

    def _note(self, state: SweepState) -> None:
        self._running = state.running
        self._changed.set()
        self._tell()

    def _tell(self) -> None:
        """Say in the thread of the sweep which target took no heartbeat, each once."""
        for number, reason in list(self._failed.items()):
            if number not in self._told:
                self._told.add(number)
                target = self._targets[number]
                self._observer.waiting(
                    f"{target}: --status cannot show what runs here, because no heartbeat can be"
                    f" kept: {target.hide_secrets(reason)}"
                )

    def _beat(self) -> None:
        own = self._heartbeat()
        for number, target in enumerate(self._targets):
            self._try(number, target, self._drop_old)
        while not self._ended.is_set():
            self._changed.clear()
            for number, target in enumerate(self._targets):
                self._try(number, target, self._keep)
            if not self._ended.wait(_AT_LEAST_S):
                self._changed.wait(_EVERY_S)
        for target in self._targets:
            with contextlib.suppress(Exception, SystemExit):
                drop_heartbeat(target, own.name)

    def _try(self, number: int, target: Target, action: Callable[[Target], None]) -> None:
        if number in self._failed:
            return
        try:
            action(target)
        except (Exception, SystemExit) as error:  # noqa: BLE001 - of a sink of others, too
            self._failed[number] = error_reason(error)

    def _keep(self, target: Target) -> None:
        keep_heartbeat(target, self._heartbeat())

    def _drop_old(self, target: Target) -> None:
        """Remove heartbeats of this host and shard, which nobody else runs now, and old ones."""
        own = self._heartbeat()
        for name, one in heartbeats_of(target, own.sweep):
            is_ours = (one.host, one.shard) == (own.host, own.shard) and one.pid != own.pid
            if is_ours or own.time_s - one.time_s > _OLD_S:
                drop_heartbeat(target, name)

    def _heartbeat(self) -> Heartbeat:
        cells = [self._cells[one] for one in self._running if one in self._cells]
        return Heartbeat(
            sweep=self._plan.sweep.name,
            identity=self._plan.identity,
            shard=self._shard,
            host=machine_name(),
            pid=os.getpid(),
            time_s=time.time(),
            running=tuple(
                RunningCell(one.label, combination_of(one.settings, one.scenario, one.label))
                for one in cells
            ),
        )
