"""An answer as sentences."""

from __future__ import annotations

import re
from collections.abc import Iterator
from typing import Final

from ttbench_core.record.formatting import format_number
from ttbench_core.results.answer.answer import Answer
from ttbench_core.results.answer.cells import AnswerCell
from ttbench_core.results.answer.contests import Headline
from ttbench_core.results.answer.cost import eur_per_million, kwh_per_million
from ttbench_core.results.answer.naming import HOST, MACHINE
from ttbench_core.results.comparison import Pair
from ttbench_core.results.comparison.effect import Effect, ratio_text

__all__ = ["amount_text", "headline_text", "ratio_words"]

_MAX_DECIMALS: Final = 3
_OLD, _NEW = re.compile(r"\bOLD\b"), re.compile(r"\bNEW\b")


def headline_text(answer: Answer, headline: Headline) -> str:
    """Return the best of a question as sentences, without its label."""
    if headline.winner is None:
        return _without_winner(answer, headline)
    parts = [_first_sentence(answer, headline, headline.winner)]
    parts.extend(_doubts(headline))
    parts.append(_lead_sentence(answer, headline))
    parts.extend(_machines_apart(headline))
    parts.extend(_cheapest(answer, headline))
    parts.extend(
        f"{_name(answer, one)} is faster, but may not win: {one.obstacle}."
        for one in headline.barred
    )
    return " ".join(parts)


def ratio_words(effect: Effect) -> tuple[str, str]:
    """Return a ratio and its interval as texts of as few digits as tell them apart.

    The interval is empty where there is none.
    """
    interval = effect.interval
    if interval is None:
        return _rounded(effect.ratio, 2), ""
    values = (interval.low, effect.ratio, interval.high)
    for decimals in range(1, _MAX_DECIMALS + 1):
        low, ratio, high = (_rounded(one, decimals) for one in values)
        if low != high and not _hides_side(interval.low, low) | _hides_side(interval.high, high):
            break
    return ratio, f"{low} to {high}"


def amount_text(value: float) -> str:
    """Return an amount of money or energy as text."""
    return format_number(value, 3)


def _rounded(value: float, decimals: int) -> str:
    return f"{value:.{decimals}f}" if value >= 0.1 else ratio_text(value)


def _hides_side(value: float, text: str) -> bool:
    """Return whether a rounded end no longer shows on which side of 1 it is."""
    return value != 1 and float(text) == 1


def _first_sentence(answer: Answer, headline: Headline, winner: AnswerCell) -> str:
    parts = [f"{_name(answer, winner)}: {_against_baseline(answer, headline, winner)}"]
    pcc = "" if winner.pcc is None else f" (PCC {winner.pcc:.5f})"
    parts.append(f"outputs {winner.outputs}{pcc}")
    parts.append(str(winner.verdict))
    eur, kwh = eur_per_million(winner, answer.prices), kwh_per_million(winner)
    if eur is not None:
        parts.append(f"{amount_text(eur)} EUR a million {winner.unit}s")
    if kwh is not None:
        parts.append(f"{amount_text(kwh)} kWh a million {winner.unit}s")
    return f"{', '.join(parts)}."


def _against_baseline(answer: Answer, headline: Headline, winner: AnswerCell) -> str:
    rate = f"{format_number(winner.rate or 0)} {winner.unit}s/s"
    if headline.baseline is winner:
        return f"{rate}, which is the baseline"
    if headline.baseline is None or headline.pair is None:
        return f"{rate}, without a baseline to compare with"
    ratio, interval = ratio_words(headline.pair.effect)
    name = answer.variants[headline.baseline.variant]
    if headline.baseline.microbatch != winner.microbatch:
        name = _name(answer, headline.baseline)
    return f"{ratio} times {name}, {interval or 'without an interval'}"


def _doubts(headline: Headline) -> Iterator[str]:
    """Yield what makes the ratio to the baseline doubtful."""
    if headline.pair is not None and headline.pair.effect.reason:
        yield f"That ratio has no verdict: {_reason(headline.pair, 'the baseline', 'the winner')}."
    if headline.baseline is not None and headline.baseline.outputs == "wrong":
        yield "The outputs of the baseline are wrong."


def _cheapest(answer: Answer, headline: Headline) -> Iterator[str]:
    """Yield which cell is the cheapest, where that is not the winner."""
    priced = [
        (eur, at)
        for at, one in enumerate(answer.cells)
        if one.question == headline.question
        and one.can_win
        and (eur := eur_per_million(one, answer.prices)) is not None
    ]
    if priced:
        eur, at = min(priced)
        cheapest = answer.cells[at]
        if cheapest is not headline.winner:
            yield (
                f"The cheapest is {_name(answer, cheapest)}: {amount_text(eur)} EUR a million"
                f" {cheapest.unit}s."
            )


def _lead_sentence(answer: Answer, headline: Headline) -> str:
    if headline.runner_up is None:
        return "No other variant may win."
    other = _name(answer, headline.runner_up)
    if headline.lead is None:
        return f"No clear winner: {other} cannot be compared with it."
    effect = headline.lead.effect
    ratio, interval = ratio_words(effect)
    if headline.is_clear and headline.runner_up is headline.baseline:
        return "The next is the baseline."
    if headline.is_clear:
        return f"The next is {other}: the winner has {ratio} times its rate, {interval}."
    beside = f"beside {other} it has {ratio} times the rate"
    if effect.interval is None:
        return f"No clear winner: {beside}, without an interval."
    if effect.reason is not None:
        return f"No clear winner: {beside}, but {_reason(headline.lead, 'the other', 'the first')}."
    return f"No clear winner: {beside}, {interval}, which spans 1."


def _machines_apart(headline: Headline) -> Iterator[str]:
    """Yield what the winner is compared with that another machine, or another host, measured."""
    winner = headline.winner
    others = {"The baseline": headline.baseline, "The next": headline.runner_up}
    if headline.baseline is headline.runner_up:
        del others["The next"]
    for name, other in others.items():
        if winner is None or other is None or not other.runs:
            continue
        if _machine(winner) != _machine(other):
            yield f"{name} was measured on another machine."
        elif winner.pooled_hosts != other.pooled_hosts:
            yield f"{name} was measured on another host of the same kind."


def _machine(cell: AnswerCell) -> tuple[object, object]:
    return cell.variant.get(MACHINE), cell.variant.get(HOST)


def _reason(pair: Pair, old: str, new: str) -> str:
    return _NEW.sub(new, _OLD.sub(old, str(pair.effect.reason)))


def _without_winner(answer: Answer, headline: Headline) -> str:
    if not headline.barred:
        return "No variant may win."
    reasons = "; ".join(f"{_name(answer, one)}: {one.obstacle}" for one in headline.barred)
    return f"No variant may win. {reasons}."


def _name(answer: Answer, cell: AnswerCell) -> str:
    label = answer.variants[cell.variant]
    if cell.microbatch is None or not answer.has_sizes(cell.question):
        return label
    return f"{label} at microbatch {cell.microbatch}"
