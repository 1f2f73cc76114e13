"""The answer to what was asked: the best of each model, and every ratio."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import partial

from ttbench_core.errors import OptionError
from ttbench_core.results.answer.cells import AnswerCell
from ttbench_core.results.answer.contests import (
    Headline,
    Row,
    baseline_of,
    headline_of,
    row_of,
)
from ttbench_core.results.answer.cost import check_prices
from ttbench_core.results.answer.gathering import Gathering
from ttbench_core.results.answer.kept_runs import LeftOut
from ttbench_core.results.answer.naming import question_labels, variant_labels
from ttbench_core.results.answer.options import AnswerOptions
from ttbench_core.results.comparison.key import Key

__all__ = ["Answer", "answer_of"]


@dataclass(frozen=True)
class Answer:
    """The best of each model, and every ratio to the baseline."""

    headlines: tuple[Headline, ...]
    rows: tuple[Row, ...]
    #: Labels of the questions, in the order of the rows.
    questions: Mapping[Key, str]
    #: Labels of the variants, in the order of the columns.
    variants: Mapping[Key, str]
    prices: Mapping[str, float]
    #: Whether the baseline was chosen by conditions.
    has_chosen_baseline: bool
    left_out: LeftOut
    sweeps: tuple[str, ...]

    @property
    def cells(self) -> list[AnswerCell]:
        """All cells, by row."""
        return [entry.cell for row in self.rows for entry in row.entries.values()]

    def has_sizes(self, question: Key) -> bool:
        """Return whether a question was measured at several microbatches."""
        return len({row.microbatch for row in self.rows if row.question == question}) > 1

    def row_label(self, row: Row) -> str:
        """Return the label of a row: that of its question, with a microbatch if it has several."""
        label = self.questions[row.question]
        if not self.has_sizes(row.question):
            return label
        return f"{label} mb {'unknown' if row.microbatch is None else row.microbatch}"


def answer_of(gathering: Gathering, options: AnswerOptions) -> Answer | None:
    """Return the answer that results give; None where no model has more than one variant.

    With a baseline or prices there always is one, and where such a model is left out.
    Raises `OptionError` if no record matches these.
    """
    by_question: dict[Key, list[AnswerCell]] = {}
    for cell in gathering.cells:
        by_question.setdefault(cell.question, []).append(cell)
    is_wanted = bool(options.baseline or options.prices or gathering.left_out.has_variants)
    if not is_wanted and not any(map(_has_variants, by_question.values())):
        return None
    check_prices(options.prices, gathering.cells)
    choose = partial(baseline_of, wanted=options.baseline)
    rows = [
        row_of(question, size, cells, choose(cells, size))
        for question, cells in by_question.items()
        for size in _sizes(cells)
    ]
    if options.baseline and not any(row.baseline for row in rows):
        shown = " ".join(f"{one.column.name}{one.operator}{one.value}" for one in options.baseline)
        raise OptionError(f"--baseline: no record that has a number matches {shown}")
    return Answer(
        headlines=tuple(headline_of(one, cells, choose) for one, cells in by_question.items()),
        rows=tuple(rows),
        questions=question_labels(by_question),
        variants=_variants(gathering.cells),
        prices=options.prices,
        has_chosen_baseline=bool(options.baseline),
        left_out=gathering.left_out,
        sweeps=gathering.sweeps,
    )


def _has_variants(cells: Sequence[AnswerCell]) -> bool:
    return len({one.variant for one in cells}) > 1


def _sizes(cells: Sequence[AnswerCell]) -> list[int | None]:
    sizes = {one.microbatch for one in cells}
    return sorted(sizes, key=lambda size: (size is None, size or 0))


def _variants(cells: Sequence[AnswerCell]) -> dict[Key, str]:
    """Return the labels of variants: engines and formats as they first appear, then by label."""
    labels = variant_labels(dict.fromkeys(one.variant for one in cells))
    engines, formats = (
        list(dict.fromkeys(one.get(name) for one in labels)) for name in ("backend", "dataformat")
    )

    def place(variant: Key) -> tuple[int, int, str]:
        engine, form = variant.get("backend"), variant.get("dataformat")
        return engines.index(engine), formats.index(form), labels[variant]

    return {one: labels[one] for one in sorted(labels, key=place)}
