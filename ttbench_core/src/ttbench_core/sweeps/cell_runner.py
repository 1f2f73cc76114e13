"""What runs the cells of a sweep: processes of this machine, or an engine of many machines."""

from __future__ import annotations

from collections.abc import Collection, Hashable, Iterator, Mapping
from dataclasses import dataclass
from typing import Any, Protocol

from ttbench_core.sweeps.schedule import CellRun

__all__ = ["CellRunner", "Ended"]


@dataclass(frozen=True)
class Ended:
    """A cell that has ended."""

    run: CellRun
    seconds: float
    #: What its process sent, with the whole `record` where it has stored none; `status` and
    #: `crash` with the reason where it sent nothing.
    facts: dict[str, Any]
    #: Whether it ended with the machine that it ran on, or the process that watched it there: that
    #: says nothing about the cell.
    is_lost: bool = False
    #: The machine that it ran on, for one that is lost; None where that is not known.
    node: str | None = None


class CellRunner(Protocol):
    """**Protocol:** starts cells where there is room for them, and says how they ended."""

    #: What records of cells that measured nothing say of what runs them; None for this machine.
    launch: Mapping[str, str] | None

    @property
    def runs(self) -> Collection[CellRun]:
        """The cells that run, or are queued to run."""

    @property
    def started(self) -> Collection[CellRun]:
        """Those that run."""

    def lane(self, run: CellRun) -> Hashable:
        """Give what a cell waits in line for: one of another lane may start before it."""

    def start(self, run: CellRun) -> Ended | bool:
        """Start a cell if there is room; say whether it was started, or how it ended at once."""

    def reason_to_wait(self, run: CellRun) -> str:
        """Say what a cell waits for, where nothing runs."""

    def ended(self) -> list[Ended]:
        """Wait a moment for cells that end."""

    def interrupt(self) -> Iterator[Ended]:
        """End all cells as Ctrl-C does."""

    def kill(self) -> None:
        """End all cells at once."""
