"""The result of `history()`: what the command line prints, and what programs read."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import asdict, dataclass
from typing import Any, Final

from ttbench_core.results.comparison.effect import FASTER, SLOWER
from ttbench_core.results.comparison.key import Key, unique_labels
from ttbench_core.results.history.change_points import Sensitivity
from ttbench_core.results.history.changes import Change, Segment, changes_of
from ttbench_core.results.history.run_series import CollectedSeries, RunPoint, RunSeries

__all__ = ["DIRECTIONS", "History", "SeriesHistory"]

#: What `--fail-on` takes.
DIRECTIONS: Final = (SLOWER, FASTER)


@dataclass(frozen=True)
class SeriesHistory:
    """One series of runs, and its changes."""

    #: Model, configuration, and values that make it unique.
    label: str
    key: Key
    #: What is counted: `sample`, or what the model says.
    unit: str
    #: The runs that count, in the order of time.
    points: tuple[RunPoint, ...]
    #: Runs that are left out because they are `noisy` or `unstable`.
    ignored: int
    #: In the order of time.
    changes: tuple[Change, ...]

    @property
    def segments(self) -> tuple[Segment, ...]:
        """The runs between the changes; none if no run counts."""
        if self.changes:
            return (self.changes[0].before, *(one.after for one in self.changes))
        return (Segment(self.points),) if self.points else ()

    @property
    def newest_change(self) -> Change | None:
        """The last change: after it, the rate is what it is now."""
        return self.changes[-1] if self.changes else None


@dataclass(frozen=True)
class History:
    """How the rates of comparable runs changed over time."""

    sensitivity: Sensitivity
    series: tuple[SeriesHistory, ...]
    #: Runs that failed, were interrupted or have no rate.
    failed: int
    #: Records of a run that had been read before.
    duplicates: int
    #: How many runs nothing compares, by the reason.
    left_out: Mapping[str, int]

    @classmethod
    def of(cls, collected: CollectedSeries, sensitivity: Sensitivity) -> History:
        """Find the changes of every series."""
        labels = unique_labels({one.key: one.key.title for one in collected.series})
        series = tuple(
            _series_history(one, labels[one.key], sensitivity) for one in collected.series
        )
        return cls(sensitivity, series, collected.failed, collected.duplicates, collected.left_out)

    @property
    def ignored(self) -> int:
        """Runs of all series that are left out because they are `noisy` or `unstable`."""
        return sum(one.ignored for one in self.series)

    @property
    def outcomes(self) -> frozenset[str]:
        """The directions of the newest changes: a series counts by its last change alone."""
        return frozenset(one.newest_change.direction for one in self.series if one.newest_change)

    def changes(self) -> Iterator[tuple[SeriesHistory, Change]]:
        """Yield every change with its series."""
        for one in self.series:
            for change in one.changes:
                yield one, change

    def to_record(self) -> dict[str, Any]:
        """Return the history as plain JSON values; missing values are None."""
        return {
            **asdict(self.sensitivity),
            "failed": self.failed,
            "ignored": self.ignored,
            "duplicates": self.duplicates,
            "left_out": dict(self.left_out),
            "series": [_series_record(one) for one in self.series],
        }


def _series_history(one: RunSeries, label: str, sensitivity: Sensitivity) -> SeriesHistory:
    changes = changes_of(one.points, sensitivity)
    return SeriesHistory(label, one.key, one.unit, one.points, one.ignored, changes)


def _series_record(one: SeriesHistory) -> dict[str, Any]:
    return {
        "label": one.label,
        "key": dict(one.key.values),
        "unit": one.unit,
        "ignored": one.ignored,
        "points": [_point_record(point) for point in one.points],
        "changes": [_change_record(change) for change in one.changes],
    }


def _point_record(point: RunPoint) -> dict[str, Any]:
    return {
        "run_id": point.run_id,
        "started_at": point.started_at,
        "samples_per_sec": point.rate_per_s,
    }


def _change_record(change: Change) -> dict[str, Any]:
    return {
        "direction": change.direction,
        "ratio": change.ratio,
        "low": change.interval.low if change.interval else None,
        "high": change.interval.high if change.interval else None,
        "p_value": change.p_value,
        "first_after": _point_record(change.after.first),
        "last_before": _point_record(change.before.last),
        "before": _segment_record(change.before),
        "after": _segment_record(change.after),
        "differences": [asdict(one) for one in change.differences],
    }


def _segment_record(segment: Segment) -> dict[str, Any]:
    return {"samples_per_sec": segment.rate_per_s, "runs": len(segment.points)}
