"""Charts of times: latency, passes, history."""

from __future__ import annotations

from collections.abc import Sequence

import altair as alt

from ttbench_core.results.comparison import FASTER, SLOWER
from ttbench_core.results.report.chart_parts import (
    HEIGHT,
    VERDICT_STYLES,
    Row,
    Spec,
    axis_of,
    chart_of,
    scale_of,
    spec_of,
    tooltips,
    values_of,
    whole_axis,
    with_interval,
)

__all__ = ["distributions", "history", "pass_times"]


def distributions(rows: Sequence[Row]) -> Spec:
    """Draw the share of inputs that took at most a time: `run`, `share`, `ms`."""
    times = values_of(rows, "ms")
    lines = (
        chart_of(rows)
        .mark_line(interpolate="step-after", strokeWidth=2)
        .encode(
            x=alt.X("ms:Q", title="latency, ms", scale=scale_of(times), axis=axis_of(times)),
            y=alt.Y(
                "share:Q",
                title="share of inputs",
                axis=alt.Axis(format=".0%"),
                scale=alt.Scale(domain=[0, 1]),
            ),
            color=_runs(),
            strokeDash=alt.StrokeDash("run:N", sort=None, title=None),
            tooltip=tooltips(run="", share=".0%", ms=",.4~g"),
        )
    )
    return spec_of(lines, HEIGHT)


def pass_times(rows: Sequence[Row]) -> Spec:
    """Draw every pass: `run`, `process`, `pass`, `ms`."""
    times = values_of(rows, "ms")
    base = chart_of(rows).encode(
        x=alt.X(
            "pass:Q",
            title="pass",
            axis=whole_axis(row["pass"] for row in rows),
            scale=alt.Scale(zero=False, nice=False),
        ),
        y=alt.Y("ms:Q", title="pass time, ms", scale=scale_of(times), axis=axis_of(times)),
    )
    lines = base.mark_line(strokeWidth=1.5).encode(detail="process:N", color=_runs())
    points = base.mark_point(filled=True, size=36, opacity=1).encode(
        color=_runs(),
        shape=alt.Shape("run:N", sort=None, legend=None),
        tooltip=tooltips(run="", process="", **{"pass": ""}, ms=",.4~g"),
    )
    return spec_of(lines + points, HEIGHT)


def history(rows: Sequence[Row], unit: str, change_points: Sequence[Row] = ()) -> Spec:
    """Draw throughput over time, or over the number of the run if a time is missing.

    Args:
        rows: `run`, `started_ms`, `rate`, `low`, `high`, `environment`, `is_new` if the
            environment differs from that of the previous run.
        unit: what is counted.
        change_points: `run`, `started_ms`, `started`, `direction`, `ratio`, `interval`, `p`,
            `differs`.
    """
    timed = all(row["started_ms"] is not None for row in rows)
    place = (
        alt.X("started_ms:T", title="started, UTC", scale=alt.Scale(type="utc", nice=False))
        if timed
        else alt.X(
            "run:Q",
            title="run",
            axis=whole_axis(row["run"] for row in rows),
            scale=alt.Scale(zero=False, nice=False),
        )
    )
    spread = values_of(rows, "rate", "low", "high")
    base = chart_of(rows).encode(x=place)
    rate = alt.Y(
        "rate:Q", title=f"{unit}s per second", scale=scale_of(spread), axis=axis_of(spread)
    )
    changed = [row for row in rows if row["is_new"]]
    changes = chart_of(changed).mark_rule(strokeDash=[3, 3], opacity=0.6).encode(x=place)
    known = with_interval(rows)
    low = alt.Y("low:Q", title=f"{unit}s per second")
    intervals = chart_of(known).mark_rule(strokeWidth=1.5).encode(x=place, y=low, y2="high:Q")
    points = base.mark_point(filled=True, size=50, opacity=1).encode(
        y=rate,
        tooltip=tooltips(
            run="", started="", rate=",.4~g", low=",.4~g", high=",.4~g", environment=""
        ),
    )
    line = base.mark_line(strokeWidth=1.5).encode(y=rate)
    marked = [row for row in change_points if row["started_ms"] is not None or not timed]
    optional = [
        *([changes] if changed else []),
        *([intervals] if known else []),
        *([_change_points(marked, place)] if marked else []),
    ]
    return spec_of(alt.layer(*optional, line, points), HEIGHT)


def _change_points(rows: Sequence[Row], place: alt.X) -> alt.Chart:
    directions = (FASTER, SLOWER)
    colours = [VERDICT_STYLES[one][0] for one in directions]
    direction = alt.Color(
        "direction:N",
        title="change point",
        scale=alt.Scale(domain=list(directions), range=colours),
    )
    details = tooltips(
        run="first run after",
        started="",
        direction="change",
        ratio=".3f",
        interval="95 % interval",
        p="",
        differs="",
    )
    lines = chart_of(rows).mark_rule(strokeWidth=3)
    drawn: alt.Chart = lines.encode(x=place, color=direction, tooltip=details)
    return drawn


def _runs() -> alt.Color:
    return alt.Color("run:N", title=None, sort=None)
