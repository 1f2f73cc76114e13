"""Parts that charts share: axes, scales, tooltips, sizes.

Values of records are only in the data of a chart, never in its names, titles or expressions: all
fields have fixed names. The page sets the colours.
"""

from __future__ import annotations

import math
from collections.abc import Iterable, Mapping, Sequence
from typing import Any, Final

import altair as alt

from ttbench_core.results.comparison import FASTER, INCONCLUSIVE, SAME, SLOWER

__all__ = [
    "HEIGHT",
    "SOLID",
    "VERDICT_STYLES",
    "Row",
    "Spec",
    "axis_of",
    "chart_of",
    "label_axis",
    "rows_height",
    "scale_of",
    "spec_of",
    "tooltips",
    "values_of",
    "whole_axis",
    "with_interval",
]

Row = Mapping[str, Any]
Spec = dict[str, Any]

HEIGHT: Final = 240
#: Style of a point.
SOLID: Final[dict[str, Any]] = {"filled": True, "size": 70, "opacity": 1}
#: Colour and shape of each verdict, readable on a light and on a dark page.
VERDICT_STYLES: Final = {
    FASTER: ("#2f9e62", "triangle-up"),
    SLOWER: ("#d6455d", "triangle-down"),
    SAME: ("#6f7f95", "circle"),
    INCONCLUSIVE: ("#b3831f", "diamond"),
}
_ROW_HEIGHT: Final = 26
#: Ratio of the largest to the smallest value from which on an axis is logarithmic.
_LOG_RATIO: Final = 20
_MAX_POWERS_WITH_STEPS: Final = 4
_MAX_TICKS: Final = 10


def chart_of(rows: Sequence[Row]) -> alt.Chart:
    """Return a chart of rows, without marks."""
    return alt.Chart(alt.InlineData(values=[dict(row) for row in rows]))


def spec_of(chart: alt.Chart | alt.LayerChart | alt.FacetChart, height: int) -> Spec:
    """Return the specification of a chart that is as wide as its container."""
    sized = chart.properties(
        width="container",
        height=height,
        autosize=alt.AutoSizeParams(type="fit-x", contains="padding"),
    )
    return dict(sized.to_dict())


def with_interval(rows: Sequence[Row]) -> list[Row]:
    """Return the rows that have an interval: a layer without any would have no extent."""
    return [row for row in rows if row["low"] is not None and row["high"] is not None]


def rows_height(rows: Iterable[Row], name: str = "label", extra: int = 0) -> int:
    """Return the height of a chart with one row per label."""
    return max(len({row[name] for row in rows}), 1) * (_ROW_HEIGHT + extra)


def label_axis(name: str = "label") -> alt.Y:
    """Return an axis of texts, in the order of the rows."""
    return alt.Y(f"{name}:N", title=None, sort=None)


def tooltips(**options: str) -> list[alt.Tooltip]:
    """Return tooltips for fields; each has a d3 number format, or else a title."""
    return [
        alt.Tooltip(f"{name}:Q", format=option)
        if option.startswith((".", ","))
        else alt.Tooltip(f"{name}:N", title=option or name)
        for name, option in options.items()
    ]


def values_of(rows: Iterable[Row], *names: str) -> list[float]:
    """Return the positive finite numbers that an axis must show."""
    found = [row[name] for row in rows for name in names]
    return [one for one in found if one is not None and math.isfinite(one) and one > 0]


def scale_of(values: Sequence[float], *, zero: bool = False) -> alt.Scale:
    """Return a scale on which small values can be seen."""
    if _is_wide(values):
        return alt.Scale(type="log")
    return alt.Scale(zero=zero)


def whole_axis(numbers: Iterable[int]) -> alt.Axis:
    """Return an axis of whole numbers; few numbers have a tick each."""
    distinct = sorted(set(numbers))
    if len(distinct) <= _MAX_TICKS:
        return alt.Axis(values=distinct, format="d")
    return alt.Axis(tickMinStep=1, format="d")


def axis_of(values: Sequence[float], **options: Any) -> alt.Axis:
    """Return an axis; a logarithmic one has ticks 1, 2, 5, 10, ..., or else powers of ten."""
    if not _is_wide(values):
        return alt.Axis(**options)
    powers = range(math.floor(math.log10(min(values))), math.ceil(math.log10(max(values))) + 1)
    leading = (1, 2, 5) if len(powers) <= _MAX_POWERS_WITH_STEPS else (1,)
    ticks = [first * 10.0**power for power in powers for first in leading]
    return alt.Axis(values=ticks, **{"format": ",~r", **options})


def _is_wide(values: Sequence[float]) -> bool:
    return bool(values) and max(values) / min(values) >= _LOG_RATIO
