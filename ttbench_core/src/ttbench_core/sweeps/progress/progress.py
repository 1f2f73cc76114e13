"""What a sweep tells those who watch it."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Final, Protocol

__all__ = ["SILENT_SWEEP", "CellOutcome", "Remaining", "SweepObserver", "SweepState"]


@dataclass(frozen=True, slots=True)
class CellOutcome:
    """What came of a cell in one round."""

    label: str
    round: int
    #: `ok`, `failed`, `refused`, `interrupted`; `lost` with its machine, and tried again;
    #: `left` where no machine for it is left.
    status: str
    seconds: float = 0.0
    #: Why there is no number.
    reason: str | None = None
    rate_per_s: float | None = None
    unit: str | None = None
    half_width: float | None = None
    verdict: str | None = None
    outputs_are_right: bool = True
    #: Why its record is not in every target; None where it is.
    not_stored: str | None = None

    @classmethod
    def of(cls, label: str, number: int, seconds: float, facts: Mapping[str, Any]) -> CellOutcome:
        """Make one of what the process of the cell sent."""
        named = {name: facts.get(name) for name in _FACTS}
        right = facts.get("outputs_are_right", True)
        return cls(
            label=label,
            round=number,
            seconds=seconds,
            status=str(facts["status"]),
            outputs_are_right=bool(right),
            **named,
        )


_FACTS: Final = ("reason", "rate_per_s", "unit", "half_width", "verdict", "not_stored")


@dataclass(frozen=True)
class Remaining:
    """How long the rest may take, in seconds, with its spread."""

    low_s: float
    expected_s: float
    high_s: float


@dataclass(frozen=True)
class SweepState:
    """How far a sweep is; each cell counts once in each round."""

    total: int
    #: Cells with a number, of this time and of earlier ones.
    done: int = 0
    failed: int = 0
    refused: int = 0
    running: tuple[str, ...] = ()
    remaining: Remaining | None = None

    @property
    def left(self) -> int:
        """How many have not ended."""
        return self.total - self.done - self.failed - self.refused


class SweepObserver(Protocol):
    """**Protocol:** shows what a sweep does; called between cells, never during one."""

    def began(self, sentences: Sequence[str], state: SweepState) -> None:
        """The sweep begins, with what is to be known of it."""

    def started(self, state: SweepState) -> None:
        """A cell begins."""

    def ended(self, outcome: CellOutcome, state: SweepState) -> None:
        """A cell has ended, and its record is stored."""

    def waiting(self, sentence: str) -> None:
        """Nothing runs, because another process has what is needed."""


class _Silent:
    def began(self, sentences: Sequence[str], state: SweepState) -> None:
        """Do nothing."""

    def started(self, state: SweepState) -> None:
        """Do nothing."""

    def ended(self, outcome: CellOutcome, state: SweepState) -> None:
        """Do nothing."""

    def waiting(self, sentence: str) -> None:
        """Do nothing."""


SILENT_SWEEP: Final[SweepObserver] = _Silent()
