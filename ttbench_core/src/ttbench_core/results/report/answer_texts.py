"""What an answer says in words, for HTML and for Markdown."""

from __future__ import annotations

from collections.abc import Iterator

from ttbench_core.results.answer import Answer, headline_text
from ttbench_core.results.report.page_elements import Headline, counted

__all__ = ["headlines_of", "matrix_notes"]


def headlines_of(answer: Answer) -> tuple[Headline, ...]:
    """Return the best of each model as sentences."""
    return tuple(
        Headline(
            answer.questions[one.question],
            headline_text(answer, one),
            tone="failed" if one.winner is None else "" if one.is_clear else "doubtful",
        )
        for one in answer.headlines
    )


def matrix_notes(answer: Answer) -> tuple[str, ...]:
    """Return what a reader of the matrix must know."""
    return tuple(_notes(answer))


def _notes(answer: Answer) -> Iterator[str]:
    if answer.sweeps:
        yield f"Of the sweep {', '.join(answer.sweeps)}."
    yield (
        "Ratios are throughput by the baseline's at the same microbatch, as ttbench compare gives"
        " them; above 1 is faster. The best has right outputs, computed in the precision that was"
        " asked for, has a verdict that is not unstable, and did not fail in its last run."
    )
    baselines = [row.baseline.variant for row in answer.rows if row.baseline]
    if baselines:
        yield f"Baseline: {', '.join(answer.variants[one] for one in dict.fromkeys(baselines))}."
    if any(row.baseline is None for row in answer.rows):
        yield "A row without a baseline shows rates."
    if answer.prices:
        prices = ", ".join(f"{name} {price:g} EUR an hour" for name, price in answer.prices.items())
        yield f"Prices: {prices}."
    if answer.left_out.questions:
        yield (
            "Left out whole, because more was measured than is kept:"
            f" {counted(answer.left_out.questions, 'question')} (model, configuration and"
            f" scenario) with {counted(answer.left_out.cells, 'cell')}."
        )
