"""Charts of throughput: Vega-Lite specifications, made and checked by altair."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

import altair as alt

from ttbench_core.results.report.chart_parts import (
    HEIGHT,
    SOLID,
    VERDICT_STYLES,
    Row,
    Spec,
    axis_of,
    chart_of,
    label_axis,
    rows_height,
    scale_of,
    spec_of,
    tooltips,
    values_of,
    with_interval,
)

__all__ = ["by_format", "by_microbatch", "ratios", "roofline", "throughputs"]


def throughputs(rows: Sequence[Row], unit: str) -> Spec:
    """Draw throughputs with their intervals.

    Args:
        rows: `label`, `rate`, `low`, `high`, `trust`.
        unit: what is counted.
    """
    spread = values_of(rows, "rate", "low", "high")
    rate = _rates(alt.X, spread, unit)
    points = (
        chart_of(rows)
        .mark_point(**SOLID)
        .encode(
            y=label_axis(),
            x=rate("rate:Q"),
            shape=alt.Shape("trust:N", title="verdict of the run", sort=None),
            tooltip=tooltips(label="configuration", rate=",.4~g", low=",.4~g", high=",.4~g"),
        )
    )
    layers = [*_intervals(rows, rate, y=label_axis()), points]
    return spec_of(alt.layer(*layers), rows_height(rows))


def by_microbatch(rows: Sequence[Row], unit: str) -> Spec:
    """Draw throughput over the size of an input: `series`, `microbatch`, `rate`, `low`, `high`."""
    sizes = sorted({row["microbatch"] for row in rows})
    place = alt.X(
        "microbatch:Q",
        title="microbatch, samples of an input",
        axis=alt.Axis(values=sizes, format="d"),
        scale=alt.Scale(type="log", base=2) if sizes[0] > 0 else alt.Undefined,
    )
    base = chart_of(rows).encode(x=place)
    spread = values_of(rows, "rate", "low", "high")
    rate = _rates(alt.Y, spread, unit)
    points = base.mark_point(**SOLID).encode(
        y=rate("rate:Q"),
        color=_series(),
        shape=alt.Shape("series:N", sort=None, legend=None),
        tooltip=tooltips(series="configuration", microbatch="", rate=",.4~g"),
    )
    lines = base.mark_line().encode(y=rate("rate:Q"), color=_series())
    intervals = _intervals(rows, rate, x=place, color=_series())
    return spec_of(alt.layer(lines, *intervals, points), HEIGHT)


def by_format(rows: Sequence[Row], unit: str) -> Spec:
    """Draw throughput by data format: `series`, `dataformat`, `rate`, `low`, `high`."""
    spread = values_of(rows, "rate", "low", "high")
    rate = _rates(alt.X, spread, unit)
    points = (
        chart_of(rows)
        .mark_point(**SOLID)
        .encode(
            y=label_axis("series"),
            x=rate("rate:Q"),
            color=alt.Color("dataformat:N", title="data format", sort=None),
            shape=alt.Shape("dataformat:N", title="data format", sort=None),
            tooltip=tooltips(series="configuration", dataformat="data format", rate=",.4~g"),
        )
    )
    layers = [*_intervals(rows, rate, y=label_axis("series")), points]
    return spec_of(alt.layer(*layers), rows_height(rows, "series", 10))


def roofline(rows: Sequence[Row]) -> Spec:
    """Draw achieved rates against peaks: `label`, `reached`, `peak`, `share`."""
    base = chart_of(rows).encode(y=label_axis())
    spread = values_of(rows, "reached", "peak")
    gap = base.mark_rule(strokeWidth=2, opacity=0.4).encode(
        x=alt.X(
            "reached:Q",
            title="floating-point operations per second (the bar is the peak)",
            axis=axis_of(spread, format="~s"),
            scale=scale_of(spread, zero=True),
        ),
        x2="peak:Q",
    )
    values = tooltips(label="configuration", reached=".3~s", peak=".3~s", share=".1%")
    peaks = base.mark_tick(thickness=3, size=18).encode(x="peak:Q", tooltip=values)
    return spec_of(gap + peaks + base.mark_point(**SOLID).encode(x="reached:Q", tooltip=values),
                 rows_height(rows))  # fmt: skip


def ratios(rows: Sequence[Row], band: float) -> Spec:
    """Draw ratios to the baseline: `label`, `ratio`, `low`, `high`, `verdict`.

    Args:
        rows: one per pair.
        band: see `comparison.compare`.
    """
    edges = [{"from": 1 / (1 + band), "to": 1 + band}]
    within = chart_of(edges).mark_rect(opacity=0.18).encode(x="from:Q", x2="to:Q")
    no_change = chart_of([{"one": 1}]).mark_rule(strokeDash=[4, 3]).encode(x="one:Q")
    names = list(VERDICT_STYLES)
    colour, shape = zip(*VERDICT_STYLES.values(), strict=True)
    verdict = alt.Color("verdict:N", scale=alt.Scale(domain=names, range=list(colour)))
    points = (
        chart_of(rows)
        .mark_point(**SOLID)
        .encode(
            y=label_axis(),
            x=_ratio("ratio:Q"),
            color=verdict,
            shape=alt.Shape("verdict:N", scale=alt.Scale(domain=names, range=list(shape))),
            tooltip=tooltips(label="configuration", ratio=".3f", low=".3f", high=".3f", verdict=""),
        )
    )
    intervals = _intervals(rows, _ratio, y=label_axis(), color=verdict)
    return spec_of(alt.layer(within, no_change, *intervals, points), rows_height(rows))


def _ratio(field: str) -> alt.X:
    return alt.X(
        field,
        title="new / baseline; above 1 is faster",
        scale=alt.Scale(type="log", nice=False, padding=12),
        axis=alt.Axis(format=".3~g", tickCount=6),
    )


def _rates(
    channel: type[alt.X | alt.Y], spread: Sequence[float], unit: str
) -> Callable[[str], alt.X | alt.Y]:
    """Return a function from a field to its axis of throughputs."""
    return lambda field: channel(
        field,
        title=f"{unit}s per second",
        scale=scale_of(spread, zero=True),
        axis=axis_of(spread),
    )


def _intervals(
    rows: Sequence[Row], along: Callable[[str], alt.X | alt.Y], **others: Any
) -> list[alt.Chart]:
    """Draw `low` to `high` along an axis, if any row has an interval."""
    known = with_interval(rows)
    if not known:
        return []
    low = along("low:Q")
    ends = {"x": low, "x2": "high:Q"} if isinstance(low, alt.X) else {"y": low, "y2": "high:Q"}
    return [chart_of(known).mark_rule(strokeWidth=2).encode(**ends, **others)]


def _series() -> alt.Color:
    return alt.Color("series:N", title=None, sort=None)
