"""A comparison as tables, for HTML and for Markdown."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from typing import Final

from ttbench_core.record.formatting import format_number
from ttbench_core.results.comparison import FASTER, SLOWER, Comparison, Key, Pair, Unmatched
from ttbench_core.results.comparison.effect import ratio_interval_text, ratio_text
from ttbench_core.results.comparison.pairing import NEW
from ttbench_core.results.report.page_elements import (
    Cell,
    Column,
    Table,
    number,
    shorten_label,
    text,
    without_empty_columns,
)

__all__ = [
    "DOUBT_COLUMNS",
    "TONES",
    "comparison_table",
    "doubt_cells",
    "effect_cells",
    "one_sided_table",
    "remarks_table",
]

#: Configurations that a remark lists by name.
_MAX_LISTED: Final = 6
DOUBT_COLUMNS: Final = (
    Column("Why there is no verdict", is_wide=True),
    Column("What would give one", is_wide=True),
)
#: CSS classes of verdicts.
TONES: Final = {FASTER: "good", SLOWER: "failed"}


def comparison_table(comparison: Comparison) -> Table:
    """Return one row per pair."""
    columns = (
        *(Column("Configuration", is_wide=True), Column("Baseline", is_number=True)),
        *(Column("New", is_number=True), Column("New / baseline", is_number=True)),
        *(
            Column("95 % interval", is_number=True),
            Column("Verdict"),
            Column("Interval over", is_wide=True),
            *DOUBT_COLUMNS,
        ),
    )
    rows = tuple(_pair_row(pair) for pair in comparison.pairs)
    return without_empty_columns(Table("Throughput against the baseline", columns, rows))


def one_sided_table(comparison: Comparison) -> Table:
    """Return the failures and the keys of only one side."""
    failed = [
        (
            text(shorten_label(comparison.labels[one.key])),
            text(
                f"failed in {'new' if one.place == NEW else 'the baseline'}",
                tone="" if one.mended else "failed",
            ),
            text(f"{one.reason}{'; a later run succeeded' if one.mended else ''}"),
        )
        for one in comparison.failures
    ]
    rows = (
        *failed,
        *_unmatched_rows(comparison.vanished, "only in the baseline", comparison.labels),
        *_unmatched_rows(comparison.appeared, "only in new", comparison.labels),
    )
    columns = tuple(map(Column, ("Configuration", "What", "Why")))
    return Table("Failed, or on one side alone", columns, rows)


def remarks_table(pairs: Sequence[Pair]) -> Table:
    """Return the other differences of pairs and their notes, each text once."""
    labels: dict[tuple[str, str], dict[str, None]] = {}
    for pair in pairs:
        for kind, texts in (("differs", pair.surroundings), ("note", pair.notes)):
            for remark in texts:
                labels.setdefault((kind, str(remark)), {})[shorten_label(pair.label)] = None
    rows = tuple(
        (text(remark), text(kind), text(_label_list(list(named), len(pairs))))
        for (kind, remark), named in labels.items()
    )
    columns = (Column("Text", is_wide=True), Column("Kind"), Column("Configurations", is_wide=True))
    return Table("What else differs, and notes", columns, rows)


def effect_cells(pair: Pair) -> tuple[Cell, Cell, Cell]:
    """Return a ratio, its interval and its verdict."""
    effect, interval = pair.effect, pair.effect.interval
    return (
        number(effect.ratio, ratio_text(effect.ratio)),
        Cell(ratio_interval_text(interval) or "none", interval.low if interval else None),
        text(effect.verdict, tone=TONES.get(effect.verdict, "")),
    )


def doubt_cells(pair: Pair) -> tuple[Cell, Cell]:
    """Return why a pair has no verdict whatever its interval is, and what would give one."""
    return text(pair.effect.reason), text(pair.effect.remedy)


def _pair_row(pair: Pair) -> tuple[Cell, ...]:
    old, new, effect = pair.old, pair.new, pair.effect
    doubts = [f" ({side.doubt})" if side.doubt else "" for side in (old, new)]
    return (
        text(shorten_label(pair.label)),
        number(
            old.samples_per_sec, f"{format_number(old.samples_per_sec)} {old.unit}s/s{doubts[0]}"
        ),
        number(
            new.samples_per_sec, f"{format_number(new.samples_per_sec)} {new.unit}s/s{doubts[1]}"
        ),
        *effect_cells(pair),
        text(effect.covers),
        *doubt_cells(pair),
    )


def _label_list(labels: Sequence[str], count: int) -> str:
    if len(labels) == count:
        return "all" if count > 1 else labels[0]
    few = ", ".join(labels[:_MAX_LISTED])
    return few if len(labels) <= _MAX_LISTED else f"{few} and {len(labels) - _MAX_LISTED} more"


def _unmatched_rows(
    found: Iterable[Unmatched], what: str, labels: Mapping[Key, str]
) -> Iterable[tuple[Cell, ...]]:
    for one in found:
        nearest = ", ".join(map(str, one.nearest))
        yield (
            text(shorten_label(labels[one.key])),
            text(what),
            text(f"nearest: {nearest}" if nearest else ""),
        )
