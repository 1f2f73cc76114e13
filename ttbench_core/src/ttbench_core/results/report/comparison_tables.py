"""A comparison as tables, for the page and for Markdown alike."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from typing import Final

from ttbench_core.record.formatting import format_number
from ttbench_core.results.comparison import FASTER, SLOWER, Comparison, Key, Lonely, Pair
from ttbench_core.results.comparison.pairing import NEW
from ttbench_core.results.report.view import Cell, Column, Table, brief, number, text

__all__ = ["comparison_table", "effect_cells", "one_sided_table", "ratio_text", "remarks_table"]

#: Configurations that a remark names.
_NAMED: Final = 6
_TONES: Final = {FASTER: "good", SLOWER: "failed"}


def comparison_table(comparison: Comparison) -> Table:
    """Give one row a pair."""
    columns = (
        *(Column("Configuration", is_wide=True), Column("Baseline", is_number=True)),
        *(Column("New", is_number=True), Column("New / baseline", is_number=True)),
        *(
            Column("95 % interval", is_number=True),
            Column("Verdict"),
            Column("Interval over", is_wide=True),
        ),
    )
    rows = tuple(_pair_row(pair) for pair in comparison.pairs)
    return Table("Throughput against the baseline", columns, rows)


def one_sided_table(comparison: Comparison) -> Table:
    """Give what failed, and what only one side has."""
    failed = [
        (
            text(brief(comparison.labels[one.key])),
            text(
                f"failed in {'new' if one.place == NEW else 'the baseline'}",
                tone="" if one.mended else "failed",
            ),
            text(f"{one.reason}{'; a later run went through' if one.mended else ''}"),
        )
        for one in comparison.failures
    ]
    rows = (
        *failed,
        *_lonely_rows(comparison.vanished, "only in the baseline", comparison.labels),
        *_lonely_rows(comparison.appeared, "only in new", comparison.labels),
    )
    heads = tuple(map(Column, ("Configuration", "What", "Why")))
    return Table("Failed, or on one side alone", heads, rows)


def remarks_table(pairs: Sequence[Pair]) -> Table:
    """Give what else differs between the sides, and what must be known; each text once."""
    labels: dict[tuple[str, str], dict[str, None]] = {}
    for pair in pairs:
        for kind, texts in (("differs", pair.surroundings), ("note", pair.notes)):
            for said in texts:
                labels.setdefault((kind, str(said)), {})[brief(pair.label)] = None
    rows = tuple(
        (text(said), text(kind), text(_all_or(list(named), len(pairs))))
        for (kind, said), named in labels.items()
    )
    heads = (Column("Text", is_wide=True), Column("Kind"), Column("Configurations", is_wide=True))
    return Table("What else differs, and notes", heads, rows)


def effect_cells(pair: Pair) -> tuple[Cell, Cell, Cell]:
    """Give a ratio, its interval and its verdict."""
    effect, interval = pair.effect, pair.effect.interval
    ends = f"{ratio_text(interval.low)} to {ratio_text(interval.high)}" if interval else "none"
    return (
        number(effect.ratio, ratio_text(effect.ratio)),
        Cell(ends, interval.low if interval else None),
        text(effect.verdict, tone=_TONES.get(effect.verdict, "")),
    )


def ratio_text(value: float) -> str:
    """Say a ratio."""
    return f"{value:.3f}" if 0.01 <= value < 1000 else f"{value:.3g}"


def _pair_row(pair: Pair) -> tuple[Cell, ...]:
    old, new, effect = pair.old, pair.new, pair.effect
    doubts = [f" ({side.doubt})" if side.doubt else "" for side in (old, new)]
    return (
        text(brief(pair.label)),
        number(
            old.samples_per_sec, f"{format_number(old.samples_per_sec)} {old.unit}s/s{doubts[0]}"
        ),
        number(
            new.samples_per_sec, f"{format_number(new.samples_per_sec)} {new.unit}s/s{doubts[1]}"
        ),
        *effect_cells(pair),
        text(effect.covers),
    )


def _all_or(labels: Sequence[str], count: int) -> str:
    if len(labels) == count:
        return "all" if count > 1 else labels[0]
    few = ", ".join(labels[:_NAMED])
    return few if len(labels) <= _NAMED else f"{few} and {len(labels) - _NAMED} more"


def _lonely_rows(
    found: Iterable[Lonely], what: str, labels: Mapping[Key, str]
) -> Iterable[tuple[Cell, ...]]:
    for one in found:
        nearest = ", ".join(map(str, one.nearest))
        yield (
            text(brief(labels[one.key])),
            text(what),
            text(f"nearest: {nearest}" if nearest else ""),
        )
