"""What charts have in common: how they start and end, their axes and what they say of a mark.

What a record holds goes into the data of a chart alone, and never into its names, titles or
expressions: the fields have the names that stand in the code. Colours are the page's.
"""

from __future__ import annotations

import math
from collections.abc import Iterable, Mapping, Sequence
from typing import Any, Final

import altair as alt

__all__ = [
    "HEIGHT",
    "SOLID",
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
#: How a point looks.
SOLID: Final[dict[str, Any]] = {"filled": True, "size": 70, "opacity": 1}
_ROW_HEIGHT: Final = 26
#: From this ratio of the largest to the smallest on, a linear axis hides the small ones.
_WIDE: Final = 20
_MANY_POWERS: Final = 4
_FEW: Final = 10


def chart_of(rows: Sequence[Row]) -> alt.Chart:
    """Start a chart of rows."""
    return alt.Chart(alt.InlineData(values=[dict(row) for row in rows]))


def spec_of(chart: alt.Chart | alt.LayerChart | alt.FacetChart, height: int) -> Spec:
    """Let a chart be as wide as its place."""
    sized = chart.properties(
        width="container",
        height=height,
        autosize=alt.AutoSizeParams(type="fit-x", contains="padding"),
    )
    return dict(sized.to_dict())


def with_interval(rows: Sequence[Row]) -> list[Row]:
    """Give the rows that have an interval: a layer without any would have no extent."""
    return [row for row in rows if row["low"] is not None and row["high"] is not None]


def rows_height(rows: Iterable[Row], name: str = "label", extra: int = 0) -> int:
    """Give the height of a chart with one row a label."""
    return max(len({row[name] for row in rows}), 1) * (_ROW_HEIGHT + extra)


def label_axis(name: str = "label") -> alt.Y:
    """Give an axis of texts, in the order of the rows."""
    return alt.Y(f"{name}:N", title=None, sort=None)


def tooltips(**formats: str) -> list[alt.Tooltip]:
    """Say the values of a mark; each with its d3 format, or with what it is called."""
    return [
        alt.Tooltip(f"{name}:Q", format=said)
        if said.startswith((".", ","))
        else alt.Tooltip(f"{name}:N", title=said or name)
        for name, said in formats.items()
    ]


def values_of(rows: Iterable[Row], *names: str) -> list[float]:
    """Give the numbers that an axis must hold; what there is not is left out."""
    found = [row[name] for row in rows for name in names]
    return [one for one in found if one is not None and math.isfinite(one) and one > 0]


def scale_of(values: Sequence[float], *, zero: bool = False) -> alt.Scale:
    """Choose a scale on which the small ones are seen, too."""
    if _is_wide(values):
        return alt.Scale(type="log")
    return alt.Scale(zero=zero)


def whole_axis(numbers: Iterable[int]) -> alt.Axis:
    """Give an axis of whole numbers: few have a tick each."""
    distinct = sorted(set(numbers))
    if len(distinct) <= _FEW:
        return alt.Axis(values=distinct, format="d")
    return alt.Axis(tickMinStep=1, format="d")


def axis_of(values: Sequence[float], **options: Any) -> alt.Axis:
    """Choose ticks: of a logarithmic axis 1, 2, 5, 10, ..., of a very long one powers of ten."""
    if not _is_wide(values):
        return alt.Axis(**options)
    powers = range(math.floor(math.log10(min(values))), math.ceil(math.log10(max(values))) + 1)
    leading = (1, 2, 5) if len(powers) <= _MANY_POWERS else (1,)
    ticks = [first * 10.0**power for power in powers for first in leading]
    return alt.Axis(values=ticks, **{"format": ",~r", **options})


def _is_wide(values: Sequence[float]) -> bool:
    return bool(values) and max(values) / min(values) >= _WIDE
