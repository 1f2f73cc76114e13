"""The parts of a page: which figures and tables tell what of the facts."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Sequence
from typing import Final

from ttbench_core.results.report import charts, tables
from ttbench_core.results.report.comparison_tables import (
    comparison_table,
    one_sided_table,
    remarks_table,
)
from ttbench_core.results.report.facts import Gathered, Run
from ttbench_core.results.report.rates import (
    format_section,
    microbatch_section,
    roofline_section,
    throughput_section,
)
from ttbench_core.results.report.times import detail_sections, history_section
from ttbench_core.results.report.view import Column, Figure, Section, Table, brief, number, text

__all__ = ["sections_of"]

#: Rows of a chart that are still told from each other; the tables have all.
_MOST_ROWS: Final = 40
#: Environments that are told in full.
_MOST_ENVIRONMENTS: Final = 30
_MOST_MACHINES: Final = 5
_RATIOS: Final = (
    "Ratios above 1 are faster. A verdict needs the whole 95 % interval beyond the band of {}, or"
    " within it."
)
_FORGOTTEN: Final = (
    "{} measured before these left no trace but in the number of runs: a page has room for the"
    " latest alone."
)


def sections_of(gathered: Gathered) -> Iterator[Section]:
    """Give the parts in the order in which they are read."""
    if gathered.comparison is not None or gathered.unlike is not None:
        yield _comparison(gathered)
    yield _summary(gathered)
    yield throughput_section(gathered)
    yield from detail_sections(gathered)
    yield microbatch_section(gathered)
    yield format_section(gathered)
    yield roofline_section(gathered)
    yield history_section(gathered)
    yield _findings(gathered)
    yield _environments(gathered)


def _comparison(gathered: Gathered) -> Section:
    found = gathered.comparison
    if found is None:
        return Section(
            "comparison", "Against the baseline", absent=f"Nothing compared: {gathered.unlike}."
        )
    band = f"{found.band * 100:.4g} %"
    says = [_RATIOS.format(band)]
    verdicts = Counter(pair.effect.verdict for pair in found.pairs)
    if verdicts:
        told = ", ".join(f"{count} {verdict}" for verdict, count in verdicts.most_common())
        says.append(f"{_counted(len(found.pairs), 'pair')}: {told}.")
    if found.geometric_mean is not None:
        says.append(f"Geometric mean of the {len(found.pairs)} ratios: {found.geometric_mean:.3f}.")
    rows = [
        {
            "label": brief(pair.label),
            "ratio": pair.effect.ratio,
            "low": pair.effect.interval.low if pair.effect.interval else None,
            "high": pair.effect.interval.high if pair.effect.interval else None,
            "verdict": pair.effect.verdict,
        }
        for pair in found.pairs[:_MOST_ROWS]
    ]
    described = "Ratio of new to baseline throughput of each configuration, with 95 % intervals."
    figures = [
        Figure(
            "chart-comparison",
            "Ratio to the baseline",
            described,
            charts.ratios(rows, found.band),
            comparison_table(found),
        )
    ]
    extra = (one_sided_table(found), remarks_table(found.pairs))
    return Section(
        "comparison",
        "Against the baseline",
        says=tuple(says),
        figures=tuple(figures if rows else ()),
        tables=tuple(one for one in extra if one.rows),
        absent="" if rows else "No configuration went through on both sides.",
    )


def _summary(gathered: Gathered) -> Section:
    configurations = _counted(len(gathered.configurations), "configuration")
    failed = f"{gathered.failures or 'none'} of them failed or interrupted"
    says = [f"{_counted(gathered.total, 'run')} of {configurations}, {failed}."]
    says.extend(_when_and_where(gathered.runs))
    if gathered.total > len(gathered.runs):
        says.append(f"Showing the latest {len(gathered.runs)} of {gathered.total:,} runs.")
    if gathered.left_out:
        says.append(_FORGOTTEN.format(_counted(gathered.left_out, "configuration")))
    return Section(
        "summary",
        "Summary",
        says=tuple(says),
        tables=(tables.runs_table(gathered),) if gathered.runs else (),
        absent="" if gathered.runs else "There are no results.",
    )


def _when_and_where(runs: Sequence[Run]) -> Iterator[str]:
    moments = sorted(run.started_at for run in runs if run.started_at)
    machines = sorted({str(name) for run in runs if (name := run.cells.get("machine_name"))})
    if moments:
        yield f"From {moments[0]} to {moments[-1]}."
    if machines:
        rest = len(machines) - _MOST_MACHINES
        more = f" and {rest} more" if rest > 0 else ""
        yield f"Measured on {', '.join(machines[:_MOST_MACHINES])}{more}."


def _findings(gathered: Gathered) -> Section:
    labels = {one.key: one.label for one in gathered.configurations}
    rows = [
        (
            number(run.number, str(run.number)),
            text(labels.get(run.key, run.key.title)),
            text(kind, tone=tone),
            text(said),
        )
        for run in gathered.runs
        for kind, tone, said in _said(run)
    ]
    heads = (
        Column("Run", is_number=True),
        Column("Configuration"),
        Column("Kind"),
        Column("Text", is_wide=True),
    )
    return Section(
        "findings",
        "Findings, notes and errors",
        tables=(Table("What runs say of themselves", heads, tuple(rows)),) if rows else (),
        absent="" if rows else "No run has a finding, a note or an error.",
    )


def _said(run: Run) -> Iterator[tuple[str, str, str]]:
    if run.error is not None:
        yield "error", "failed", run.error
    for finding in run.findings:
        yield finding.level, "" if finding.level == "hint" else "doubtful", finding.text
    for note in run.notes:
        yield "note", "", note


def _environments(gathered: Gathered) -> Section:
    shown = list(gathered.environments.items())[-_MOST_ENVIRONMENTS:]
    return Section(
        "environments",
        "Environments",
        says=(
            "Each once; the summary says which run was made in which.",
            *_shown(len(gathered.environments), _MOST_ENVIRONMENTS, "environments"),
        )
        if shown
        else (),
        tables=tuple(tables.environment_table(name, one) for name, one in reversed(shown)),
        absent="" if shown else "No run tells where it took place.",
    )


def _counted(count: int, what: str) -> str:
    return f"{count:,} {what}{'' if count == 1 else 's'}"


def _shown(count: int, most: int, what: str) -> tuple[str, ...]:
    return (f"Showing {most} of {count:,} {what}.",) if count > most else ()
