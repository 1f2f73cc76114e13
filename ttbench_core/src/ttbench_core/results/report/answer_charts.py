"""Charts of an answer: Vega-Lite specifications, made and checked by altair."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Final

import altair as alt

from ttbench_core.results.report.chart_parts import (
    HEIGHT,
    SOLID,
    Row,
    Spec,
    axis_of,
    chart_of,
    scale_of,
    spec_of,
    tooltips,
    values_of,
)

__all__ = ["BARRED", "BEATEN", "BEST", "errors", "latencies"]

#: Where a point stands among the others.
BEST: Final = "not beaten"
BEATEN: Final = "beaten in both"
BARRED: Final = "may not win"
_OPACITY: Final = {BEST: 1.0, BEATEN: 0.45, BARRED: 0.2}


def latencies(rows: Sequence[Row], unit: str) -> Spec:
    """Draw throughput over latency, and a line through the points that none beats.

    Args:
        rows: `engine`, `format`, `variant`, `microbatch`, `latency_ms`, `rate`, `standing`.
        unit: what is counted.
    """
    times = values_of(rows, "latency_ms")
    place = alt.X(
        "latency_ms:Q",
        title="median latency of an input, ms",
        scale=scale_of(times),
        axis=axis_of(times),
    )
    points = _encoded(
        rows,
        x=place,
        y=_rate(rows, unit),
        tooltip=tooltips(
            variant="engine",
            microbatch="",
            latency_ms=",.4~g",
            rate=",.4~g",
            standing="",
        ),
    )
    front = [row for row in rows if row["standing"] == BEST]
    line = chart_of(front).mark_line(strokeDash=[4, 3], interpolate="step-after", opacity=0.6)
    return spec_of(
        alt.layer(line.encode(x=place, y=_rate(rows, unit), color=alt.value("#808080")), points),
        HEIGHT,
    )


def errors(rows: Sequence[Row], measure: str, unit: str) -> Spec:
    """Draw the error of outputs over throughput.

    Args:
        rows: `engine`, `format`, `variant`, `microbatch`, `error`, `rate`, `standing`.
        measure: what the error is.
        unit: what is counted.
    """
    found = values_of(rows, "error")
    place = alt.Y("error:Q", title=measure, scale=scale_of(found), axis=_error_axis(found))
    speed = alt.X(
        "rate:Q",
        title=f"{unit}s per second",
        scale=scale_of(values_of(rows, "rate")),
        axis=axis_of(values_of(rows, "rate")),
    )
    chart = _encoded(
        rows,
        x=speed,
        y=place,
        tooltip=tooltips(
            variant="engine",
            microbatch="",
            error=".3~g",
            rate=",.4~g",
            standing="",
        ),
    )
    return spec_of(chart, HEIGHT)


def _encoded(rows: Sequence[Row], **places: alt.X | alt.Y | list[alt.Tooltip]) -> alt.Chart:
    """Return points whose colour is the engine, whose shape the format."""
    opacity = alt.Scale(domain=list(_OPACITY), range=list(_OPACITY.values()))
    chart: alt.Chart = (
        chart_of(rows)
        .mark_point(**SOLID)
        .encode(
            color=alt.Color("engine:N", title="engine", sort=None),
            shape=alt.Shape("format:N", title="format", sort=None),
            opacity=alt.Opacity("standing:O", title=None, scale=opacity),
            **places,
        )
    )
    return chart


def _rate(rows: Sequence[Row], unit: str) -> alt.Y:
    spread = values_of(rows, "rate")
    return alt.Y(
        "rate:Q", title=f"{unit}s per second", scale=scale_of(spread), axis=axis_of(spread)
    )


def _error_axis(values: Sequence[float]) -> alt.Axis:
    return axis_of(values, format=".1~e")
