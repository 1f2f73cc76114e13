"""A plan of a sweep, for people: how many cells, which, how long, and what is refused."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping, Sequence
from typing import Final

from ttbench_core.cli.terminal import print_line, print_pairs, print_table
from ttbench_core.sweeps.definition.axes import ENGINE_PREFIX, MODEL_PREFIX
from ttbench_core.sweeps.planning.cell import Cell
from ttbench_core.sweeps.planning.estimating import SAME, Estimate
from ttbench_core.sweeps.planning.plan import Part, Plan

__all__ = ["print_plan"]

#: Cells that are shown without `--all`.
_MAX_SHOWN: Final = 50
#: Labels that are shown for a reason.
_MAX_LABELS: Final = 5
_LABEL_NUMBER: Final = re.compile(r"#\d+$")
_MINUTE_S: Final = 60
_HOUR_S: Final = 3600
#: Below, seconds are more precise than anybody needs.
_WHOLE_SECONDS: Final = 10


def print_plan(
    plan: Plan,
    results: Sequence[str],
    *,
    all_cells: bool,
    machines: Sequence[str] = (),
    where: Mapping[str, str] | None = None,
) -> None:
    """Print a plan.

    Args:
        plan: what to show.
        results: where results go.
        all_cells: whether a long table is shown whole.
        machines: sentences about the machines of a cluster.
        where: the machines that can run each cell, by its key; None or empty shows none.
    """
    print_pairs([*_facts(plan, results), *(("machines", one) for one in machines)])
    runnable = plan.runnable
    shown = runnable if all_cells else runnable[:_MAX_SHOWN]
    if shown:
        print_line()
        _print_cells(plan, shown, where or {})
    if len(shown) < len(runnable):
        print_line(f"... and {len(runnable) - len(shown):,} more: --all shows them")
    if plan.refused:
        print_line()
        print_pairs(_refused_rows(plan, all_cells=all_cells))


def _facts(plan: Plan, results: Sequence[str]) -> Iterator[tuple[str, str]]:
    sweep = plan.sweep
    runnable = len(plan.runnable)
    yield "sweep", f"{sweep.name} ({plan.identity[:12]})"
    rounds = "" if sweep.rounds == 1 else f" in {sweep.rounds} rounds: {plan.runs:,} runs"
    yield "cells", f"{runnable:,} to run{rounds}"
    if plan.shard is not None:
        empty = ": it has no cell, because there are more shards than cells"
        yield "shard", f"{plan.shard}{empty if plan.is_empty_share else ''}"
        for part in plan.parts[:_MAX_SHOWN]:
            yield "", _part_text(part)
    yield from _not_run(plan)
    if runnable:
        yield "time", _total_text(plan)
    if results:
        yield "results", ", ".join(results)
    for note in plan.notes:
        yield "note", note


def _not_run(plan: Plan) -> Iterator[tuple[str, str]]:
    if plan.refused:
        yield "refused", f"{len(plan.refused):,}"
    for one in plan.left_out:
        yield "left out", f"{one.cells:,}: {one.reason}"
    if plan.excluded:
        yield "excluded", f"{plan.excluded:,}"
    for name, count in plan.elsewhere.items():
        yield "elsewhere", f"{count:,}: of machine {name}, which this is not"
    if plan.merged:
        yield "merged", f"{plan.merged:,} that measure the same as another cell"


def _part_text(part: Part) -> str:
    cells = f"{part.shard}: {part.cells:,} {'cell' if part.cells == 1 else 'cells'}"
    return cells if part.seconds is None else f"{cells}, about {_seconds_text(part.seconds)}"


def _total_text(plan: Plan) -> str:
    total = plan.estimate
    if total is None:
        return "unknown: no earlier run of these cells, or of cells like them, is in the outputs"
    text = f"about {_spread_text(total)}"
    if plan.unknown_times:
        cells = "cell" if plan.unknown_times == 1 else "cells"
        text = f"{text}, and {plan.unknown_times:,} {cells} of unknown time"
    return text


def _print_cells(plan: Plan, cells: Sequence[Cell], where: Mapping[str, str]) -> None:
    axes = _columns(cells)
    header, rows = [_title(one) for one in axes], [_values(one, axes) for one in cells]
    if any(one.scenario for one in cells):
        header.insert(0, "scenario of the sweep")
    if len(set(map(tuple, rows))) < len(rows):
        # what differs is hidden: the numbers of their labels tell them apart
        header.append("alike")
        rows = [[*row, _label_number(one)] for one, row in zip(cells, rows, strict=True)]
    if where:
        header.append("machines")
        rows = [[*row, where[one.key]] for one, row in zip(cells, rows, strict=True)]
    print_table(
        ["cell", *header, "time"],
        [
            [str(one.number), *row, _cell_time(plan, one)]
            for one, row in zip(cells, rows, strict=True)
        ],
    )


def _columns(cells: Sequence[Cell]) -> list[str]:
    """Give the axes that differ among cells, and the model."""
    names = dict.fromkeys(axis for one in cells for axis in one.settings)
    return [
        axis
        for axis in names
        if axis == "model" or len({str(one.settings.get(axis)) for one in cells}) > 1
    ]


def _title(axis: str) -> str:
    return axis.removeprefix(ENGINE_PREFIX).removeprefix(MODEL_PREFIX)


def _values(cell: Cell, axes: Sequence[str]) -> list[str]:
    scenario = [cell.scenario] if cell.scenario else []
    return [*scenario, *(_value_text(cell, axis) for axis in axes)]


def _label_number(cell: Cell) -> str:
    """Give `#2` of a label that another cell would have, too."""
    found = _LABEL_NUMBER.search(cell.label)
    return found.group() if found else ""


def _cell_time(plan: Plan, cell: Cell) -> str:
    estimate = plan.estimates.get(cell.key)
    return "unknown" if estimate is None else _time_text(estimate)


def _value_text(cell: Cell, axis: str) -> str:
    value = cell.settings.get(axis, "")
    return ("yes" if value else "no") if isinstance(value, bool) else str(value)


def _time_text(estimate: Estimate) -> str:
    """Give a time, and its spread where there is one; of cells that are only alike, `~`."""
    return f"{'' if estimate.basis == SAME else '~'}{_spread_text(estimate)}"


def _spread_text(estimate: Estimate) -> str:
    text = _seconds_text(estimate.seconds)
    if estimate.low_s == estimate.high_s:
        return text
    return f"{text} ({_seconds_text(estimate.low_s)} to {_seconds_text(estimate.high_s)})"


def _seconds_text(seconds: float) -> str:
    if seconds < _WHOLE_SECONDS:
        return f"{seconds:.1f} s"
    if seconds < _MINUTE_S:
        return f"{seconds:.0f} s"
    minutes, rest = divmod(round(seconds), _MINUTE_S)
    if seconds < _HOUR_S:
        return f"{minutes} min {rest} s" if minutes < _WHOLE_SECONDS and rest else f"{minutes} min"
    hours, minutes = divmod(minutes, _MINUTE_S)
    return f"{hours:,} h {minutes} min"


def _refused_rows(plan: Plan, *, all_cells: bool) -> Iterator[tuple[str, str]]:
    """Give each reason with how many cells it refuses, then these."""
    by_reason: dict[str, list[str]] = {}
    for one in plan.refused:
        by_reason.setdefault(str(one.refused), []).append(one.label)
    for reason, labels in by_reason.items():
        shown = labels if all_cells else labels[:_MAX_LABELS]
        more = f", and {len(labels) - len(shown):,} more" if len(shown) < len(labels) else ""
        yield f"refused {len(labels):,}", reason
        yield "", f"{', '.join(shown)}{more}"
