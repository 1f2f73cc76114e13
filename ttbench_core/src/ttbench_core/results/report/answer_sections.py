"""The sections of an answer: headlines and matrix, throughput against latency, and accuracy."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from typing import Any, Final

from ttbench_core.record.formatting import format_number
from ttbench_core.results.answer import Answer
from ttbench_core.results.answer.cells import AnswerCell
from ttbench_core.results.answer.naming import variant_labels
from ttbench_core.results.answer.pareto import pareto_set
from ttbench_core.results.comparison import Key
from ttbench_core.results.report import answer_charts
from ttbench_core.results.report.answer_tables import cells_table, matrix_table
from ttbench_core.results.report.answer_texts import headlines_of, matrix_notes
from ttbench_core.results.report.machine_table import machine_table
from ttbench_core.results.report.page_elements import (
    Column,
    Figure,
    Section,
    Table,
    number,
    plain_unit,
    showing,
    text,
)

__all__ = ["answer_sections"]

_MAX_FIGURES: Final = 12
_MEASURES: Final = {"relative_l2": "relative L2 error of outputs", "pcc": "1 - PCC of outputs"}
_LATENCY_NOTE: Final = (
    "Each point is an engine at a microbatch. The line joins those that no other beats in both"
    " throughput and latency; what may not win beats nothing. With several inputs in flight, the"
    " latency includes their waiting."
)
_ACCURACY_NOTE: Final = (
    "The error of outputs against Fp32 on the CPU, over speed; less and faster is better. Points"
    " that no other beats in both are drawn solid."
)

Rows = list[dict[str, Any]]


def answer_sections(answer: Answer) -> Iterator[Section]:
    """Yield the sections of an answer; those of figures only where there are some."""
    yield Section(
        "answer",
        "Answer",
        headlines=headlines_of(answer),
        notes=matrix_notes(answer),
        tables=tuple(_matrices(answer)) if answer.rows else (),
        folded_tables=(cells_table(answer),) if answer.rows else (),
    )
    for name, title, note, figure in (
        ("latency-answer", "Throughput against latency", _LATENCY_NOTE, _latency_figure),
        ("accuracy-answer", "Accuracy against speed", _ACCURACY_NOTE, _accuracy_figure),
    ):
        figures = list(_figures(answer, figure))
        if figures:
            yield _figure_section(name, title, note, figures)


def _matrices(answer: Answer) -> Iterator[Table]:
    yield matrix_table(answer)
    if (machines := machine_table(answer)) is not None:
        yield machines


def _figure_section(name: str, title: str, note: str, figures: Sequence[Figure]) -> Section:
    return Section(
        name,
        title,
        notes=(note, *showing(len(figures), _MAX_FIGURES, "models")),
        figures=tuple(figures[:_MAX_FIGURES]),
        is_grid=True,
    )


def _figures(
    answer: Answer, figure: Callable[[Answer, str, str, Sequence[AnswerCell]], Figure | None]
) -> Iterator[Figure]:
    groups: dict[Key, list[AnswerCell]] = {}
    for cell in answer.cells:
        if cell.rate is not None:
            groups.setdefault(cell.question, []).append(cell)
    for number_, (question, cells) in enumerate(groups.items()):
        made = figure(answer, str(number_), answer.questions[question], cells)
        if made is not None:
            yield made


def _latency_figure(
    answer: Answer, name: str, label: str, cells: Sequence[AnswerCell]
) -> Figure | None:
    known = [(one.latency_p50_ns / 1e6, one) for one in cells if one.latency_p50_ns]
    if len(known) < 2:
        return None
    rows = _rows(answer, known, "latency_ms")
    unit = plain_unit(cells[0].unit)
    return Figure(
        f"chart-answer-latency-{name}",
        label,
        "Throughput over the median latency of an input, by engine and microbatch.",
        answer_charts.latencies(rows, unit),
        _points_table(f"Throughput and latency of {label}", "Latency, ms", "latency_ms", rows),
    )


def _accuracy_figure(
    answer: Answer, name: str, label: str, cells: Sequence[AnswerCell]
) -> Figure | None:
    by_measure = {one: _errors(cells, one) for one in _MEASURES}
    measure = max(by_measure, key=lambda one: len(by_measure[one]))
    known = by_measure[measure]
    drawn = [pair for pair in known if pair[0] > 0]
    if len({cell.variant for _, cell in drawn}) < 2:
        return None
    rows, unit = _rows(answer, known, "error"), plain_unit(cells[0].unit)
    exact = len(known) - len(drawn)
    return Figure(
        f"chart-answer-accuracy-{name}",
        label,
        "Error of outputs over throughput, by engine and microbatch.",
        answer_charts.errors([one for one in rows if one["error"] > 0], _MEASURES[measure], unit),
        _points_table(f"Error and throughput of {label}", _MEASURES[measure], "error", rows),
        notes=(f"{exact} without any error: in the table alone.",) if exact else (),
    )


def _errors(cells: Sequence[AnswerCell], measure: str) -> list[tuple[float, AnswerCell]]:
    if measure == "pcc":
        return [(max(1 - one.pcc, 0.0), one) for one in cells if one.pcc is not None]
    return [(max(one.relative_l2, 0.0), one) for one in cells if one.relative_l2 is not None]


def _rows(answer: Answer, known: Sequence[tuple[float, AnswerCell]], name: str) -> Rows:
    """Return a row per point; `name` is what its cost is called."""
    engines = _engine_labels(answer)
    able = [(cost, one.rate or 0.0, one) for cost, one in known if one.can_win]
    front = {id(one) for one in pareto_set(able)}
    return [
        {
            "engine": engines[one.variant],
            "format": str(one.variant.get("dataformat") or "unknown"),
            "variant": answer.variants[one.variant],
            "microbatch": one.microbatch,
            name: cost,
            "rate": one.rate,
            "standing": answer_charts.BEST
            if id(one) in front
            else answer_charts.BEATEN
            if one.can_win
            else answer_charts.BARRED,
        }
        for cost, one in known
    ]


def _engine_labels(answer: Answer) -> Mapping[Key, str]:
    """Return the labels of variants without their format."""
    without = {one: one.without(["dataformat"]) for one in answer.variants}
    labels = variant_labels(dict.fromkeys(without.values()))
    return {variant: labels[engine] for variant, engine in without.items()}


def _points_table(caption: str, title: str, name: str, rows: Rows) -> Table:
    columns = (
        *(Column("Engine", is_wide=True), Column("Microbatch", is_number=True)),
        *(Column(title, is_number=True), Column("Throughput", is_number=True)),
        Column("Standing"),
    )
    cells = tuple(
        (
            text(row["variant"]),
            number(row["microbatch"], str(row["microbatch"])),
            number(row[name], f"{row[name]:.4g}"),
            number(row["rate"], format_number(row["rate"])),
            text(row["standing"]),
        )
        for row in rows
    )
    return Table(caption, columns, cells)
