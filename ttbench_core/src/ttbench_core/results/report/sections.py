"""The sections of a report, in order; those of the comparison, the runs and the environments."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Sequence
from typing import Final

from ttbench_core.results.report import tables, throughput_charts
from ttbench_core.results.report.comparison_tables import (
    comparison_table,
    one_sided_table,
    remarks_table,
)
from ttbench_core.results.report.history_section import history_section
from ttbench_core.results.report.page_elements import (
    MAX_CHART_ROWS,
    Column,
    Figure,
    Section,
    Table,
    counted,
    number,
    shorten_label,
    showing,
    text,
)
from ttbench_core.results.report.report_data import ReportData, Run
from ttbench_core.results.report.roofline_section import roofline_section
from ttbench_core.results.report.throughput_sections import (
    format_section,
    microbatch_section,
    throughput_section,
)
from ttbench_core.results.report.time_sections import detail_sections

__all__ = ["COMPARISON", "sections_of"]

#: Name of the section that `--baseline` asks for.
COMPARISON: Final = "comparison"

#: Environments that are shown.
_MAX_ENVIRONMENTS: Final = 30
_MAX_MACHINES: Final = 5
_RATIOS: Final = (
    "Ratios above 1 are faster. A verdict needs the whole 95 % interval beyond the band of {}, or"
    " within it."
)
_LEFT_OUT: Final = (
    "{} measured before these left no trace but in the number of runs: a page has room for the"
    " latest alone."
)


def sections_of(data: ReportData) -> Iterator[Section]:
    """Yield the sections in the order of the page."""
    if data.comparison is not None or data.not_comparable is not None:
        yield _comparison(data)
    yield _summary(data)
    yield throughput_section(data)
    yield from detail_sections(data)
    yield microbatch_section(data)
    yield format_section(data)
    yield roofline_section(data)
    yield history_section(data)
    yield _findings(data)
    yield _environments(data)


def _comparison(data: ReportData) -> Section:
    found = data.comparison
    if found is None:
        return Section(
            COMPARISON,
            "Against the baseline",
            empty_message=f"Nothing compared: {data.not_comparable}.",
        )
    band = f"{found.band * 100:.4g} %"
    notes = [_RATIOS.format(band)]
    verdicts = Counter(pair.effect.verdict for pair in found.pairs)
    if verdicts:
        counts = ", ".join(f"{count} {verdict}" for verdict, count in verdicts.most_common())
        notes.append(f"{counted(len(found.pairs), 'pair')}: {counts}.")
    if found.geometric_mean is not None:
        notes.append(
            f"Geometric mean of the {len(found.pairs)} ratios: {found.geometric_mean:.3f}."
        )
    rows = [
        {
            "label": shorten_label(pair.label),
            "ratio": pair.effect.ratio,
            "low": pair.effect.interval.low if pair.effect.interval else None,
            "high": pair.effect.interval.high if pair.effect.interval else None,
            "verdict": pair.effect.verdict,
        }
        for pair in found.pairs[:MAX_CHART_ROWS]
    ]
    described = "Ratio of new to baseline throughput of each configuration, with 95 % intervals."
    figures = [
        Figure(
            "chart-comparison",
            "Ratio to the baseline",
            described,
            throughput_charts.ratios(rows, found.band),
            comparison_table(found),
        )
    ]
    extra = (one_sided_table(found), remarks_table(found.pairs))
    return Section(
        COMPARISON,
        "Against the baseline",
        notes=tuple(notes),
        figures=tuple(figures if rows else ()),
        tables=tuple(one for one in extra if one.rows),
        empty_message="" if rows else "No configuration went through on both sides.",
    )


def _summary(data: ReportData) -> Section:
    configurations = counted(len(data.configurations), "configuration")
    failed = f"{data.failures or 'none'} of them failed or interrupted"
    notes = [f"{counted(data.total, 'run')} of {configurations}, {failed}."]
    notes.extend(_when_and_where(data.runs))
    if data.total > len(data.runs):
        notes.append(f"Showing the latest {len(data.runs)} of {data.total:,} runs.")
    if data.left_out:
        notes.append(_LEFT_OUT.format(counted(data.left_out, "configuration")))
    notes.extend(f"{one}." for one in data.remarks)
    return Section(
        "summary",
        "Summary",
        notes=tuple(notes),
        tables=(tables.runs_table(data),) if data.runs else (),
        empty_message="" if data.runs else "There are no results.",
    )


def _when_and_where(runs: Sequence[Run]) -> Iterator[str]:
    moments = sorted(run.started_at for run in runs if run.started_at)
    machines = sorted({str(name) for run in runs if (name := run.cells.get("machine_name"))})
    if moments:
        yield f"From {moments[0]} to {moments[-1]}."
    if machines:
        rest = len(machines) - _MAX_MACHINES
        more = f" and {rest} more" if rest > 0 else ""
        yield f"Measured on {', '.join(machines[:_MAX_MACHINES])}{more}."


def _findings(data: ReportData) -> Section:
    rows = [
        (
            number(run.number, str(run.number)),
            text(data.label_of(run.key)),
            text(kind, tone=tone),
            text(message),
        )
        for run in data.runs
        for kind, tone, message in _messages(run)
    ]
    columns = (
        Column("Run", is_number=True),
        Column("Configuration"),
        Column("Kind"),
        Column("Text", is_wide=True),
    )
    return Section(
        "findings",
        "Findings, notes and errors",
        tables=(Table("What runs say of themselves", columns, tuple(rows)),) if rows else (),
        empty_message="" if rows else "No run has a finding, a note or an error.",
    )


def _messages(run: Run) -> Iterator[tuple[str, str, str]]:
    if run.error is not None:
        yield "error", "failed", run.error
    for finding in run.findings:
        yield finding.level, "" if finding.level == "hint" else "doubtful", finding.text
    for note in run.notes:
        yield "note", "", note


def _environments(data: ReportData) -> Section:
    shown = list(data.environments.items())[-_MAX_ENVIRONMENTS:]
    return Section(
        "environments",
        "Environments",
        notes=(
            "Each once; the summary says which run was made in which.",
            *showing(len(data.environments), _MAX_ENVIRONMENTS, "environments"),
        )
        if shown
        else (),
        tables=tuple(tables.environment_table(name, one) for name, one in reversed(shown)),
        empty_message="" if shown else "No run tells where it took place.",
    )
