"""Ratios to the baseline, and which variant is the best: all by `compare`, on the same runs."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Final

from ttbench_core.record.tables.conditions import Condition
from ttbench_core.results.answer.cells import AnswerCell
from ttbench_core.results.comparison import NotComparableError, Pair, compare
from ttbench_core.results.comparison.key import Key, key_of

__all__ = ["Entry", "Headline", "Row", "baseline_of", "best_of", "headline_of", "pair_of", "row_of"]

_DEFAULT_BASELINE: Final = {"backend": "torch", "dataformat": "Fp32"}
#: Variants that are named as faster than the best, where they may not win.
_MAX_BARRED: Final = 3

BaselineChoice = Callable[[Sequence[AnswerCell], int | None], AnswerCell | None]


@dataclass(frozen=True)
class Entry:
    """One cell of the matrix."""

    cell: AnswerCell
    #: Against the baseline of its row; None for the baseline itself, and without a number.
    pair: Pair | None
    is_baseline: bool
    #: Whether it is the fastest of its row that may win.
    is_best: bool

    @property
    def ratio(self) -> float | None:
        """Its rate as a multiple of the baseline's."""
        return 1.0 if self.is_baseline else self.pair.effect.ratio if self.pair else None


@dataclass(frozen=True)
class Row:
    """One question at one microbatch: an entry for each variant that was tried."""

    question: Key
    microbatch: int | None
    baseline: AnswerCell | None
    entries: Mapping[Key, Entry] = field(default_factory=dict)


@dataclass(frozen=True)
class Headline:
    """The best variant of one question."""

    question: Key
    #: The fastest that may win; None if none may.
    winner: AnswerCell | None
    baseline: AnswerCell | None
    #: The winner against the baseline; None where it is the baseline, or there is none.
    pair: Pair | None
    #: The fastest other variant that may win.
    runner_up: AnswerCell | None
    #: The winner against the runner-up.
    lead: Pair | None
    #: Variants that are faster but may not win, and those with no winner at all; the fastest first.
    barred: tuple[AnswerCell, ...]

    @property
    def is_clear(self) -> bool:
        """Whether the winner is faster than the runner-up beyond doubt; True without one."""
        if self.runner_up is None:
            return self.winner is not None
        effect = None if self.lead is None else self.lead.effect
        return (
            effect is not None
            and effect.reason is None
            and bool(effect.interval and effect.interval.low > 1)
        )


def pair_of(old: AnswerCell, new: AnswerCell) -> Pair | None:
    """Compare two cells, across all in which they differ; None if one has no number."""
    if not old.runs or not new.runs:
        return None
    differences = key_of(old.runs[-1]).differences(key_of(new.runs[-1]))
    try:
        pairs = compare(old.runs, new.runs, across=[one.what for one in differences]).pairs
    except NotComparableError:
        return None
    return pairs[0] if pairs else None


def baseline_of(
    cells: Sequence[AnswerCell], microbatch: int | None, wanted: Sequence[Condition]
) -> AnswerCell | None:
    """Return the cell that ratios at a microbatch are relative to.

    The first that the conditions hold of; without conditions torch in Fp32, else the first
    variant. The lowest optimization level counts, at the same microbatch unless the conditions
    name one.
    """
    names_size = any(one.column.name == "microbatch" for one in wanted)
    measured = [one for one in cells if one.rate is not None]
    at_size = [one for one in measured if names_size or one.microbatch == microbatch]
    if wanted:
        return min(filter(_matcher(wanted), at_size), key=_level, default=None)
    usual = [
        one
        for one in at_size
        if all(one.variant.get(name) == value for name, value in _DEFAULT_BASELINE.items())
    ]
    return min(usual, key=_level, default=None) or next(iter(at_size), None)


def row_of(
    question: Key, microbatch: int | None, cells: Sequence[AnswerCell], baseline: AnswerCell | None
) -> Row:
    """Return the row of a question at a microbatch; `cells` are all of the question."""
    at_size = [one for one in cells if one.microbatch == microbatch]
    best = max((one for one in at_size if one.can_win), key=_rate, default=None)
    entries = {
        one.variant: Entry(
            cell=one,
            pair=None if baseline is None or one is baseline else pair_of(baseline, one),
            is_baseline=one is baseline,
            is_best=one is best,
        )
        for one in at_size
    }
    return Row(question, microbatch, baseline, entries)


def headline_of(question: Key, cells: Sequence[AnswerCell], choose: BaselineChoice) -> Headline:
    """Return the best of a question, each variant at its best microbatch.

    In the scenario `latency` only the smallest microbatch counts.
    """
    entered = _entered(question, cells)
    able = sorted((one for one in entered if one.can_win), key=_rate, reverse=True)
    winner = able[0] if able else None
    others = [one for one in able if winner is not None and one.variant != winner.variant]
    runner_up = others[0] if others else None
    baseline = None if winner is None else choose(cells, winner.microbatch)
    return Headline(
        question=question,
        winner=winner,
        baseline=baseline,
        pair=None if winner is baseline else _pair_of_known(baseline, winner),
        runner_up=runner_up,
        lead=_pair_of_known(runner_up, winner),
        barred=_barred(entered, winner),
    )


def best_of(question: Key, cells: Sequence[AnswerCell]) -> AnswerCell | None:
    """Return the fastest of some cells of a question that may win; None if none may."""
    able = (one for one in _entered(question, cells) if one.can_win)
    return max(able, key=_rate, default=None)


def _pair_of_known(old: AnswerCell | None, new: AnswerCell | None) -> Pair | None:
    return None if old is None or new is None else pair_of(old, new)


def _entered(question: Key, cells: Sequence[AnswerCell]) -> Sequence[AnswerCell]:
    if question.get("scenario") != "latency":
        return cells
    sizes = [one.microbatch for one in cells if one.can_win and one.microbatch is not None]
    return [one for one in cells if not sizes or one.microbatch == min(sizes)]


def _barred(cells: Sequence[AnswerCell], winner: AnswerCell | None) -> tuple[AnswerCell, ...]:
    """Return the best of each variant that is faster than the winner but may not win."""
    limit = 0.0 if winner is None else _rate(winner)
    found: dict[Key, AnswerCell] = {}
    for one in sorted(cells, key=_rate, reverse=True):
        if not one.can_win and (winner is None or _rate(one) > limit):
            found.setdefault(one.variant, one)
    return tuple(found.values())[:_MAX_BARRED]


def _matcher(wanted: Sequence[Condition]) -> Callable[[AnswerCell], bool]:
    return lambda cell: all(one.matches(vars(cell.runs[-1])) for one in wanted)


def _level(cell: AnswerCell) -> float:
    level = cell.variant.get("backend_opt_level")
    return float(level) if isinstance(level, (int, float)) else -1.0


def _rate(cell: AnswerCell) -> float:
    return cell.rate or 0.0
