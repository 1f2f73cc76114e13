"""One model on several engines and formats: a row each, and what they say together."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Final

from ttbench_core.record.formatting import format_number, format_quantity, format_spread
from ttbench_core.record.result import Result
from ttbench_core.results.engine_row import OK, EngineCell, EngineRow

__all__ = ["HEADER", "EngineRows"]

HEADER: Final = (
    *("engine", "format", "level", "rate/s", "95 %", "ratio", "of peak", "computes in"),
    *("PCC", "compile", "verdict"),
)
_BASE, _REDUCED = "Fp32", "Fp16_b"
_PRODUCT: Final = "a matrix product"


@dataclass(frozen=True)
class EngineRows:
    """The rows of one model on one machine, in the order in which they ran."""

    rows: tuple[EngineRow, ...]

    @property
    def first(self) -> EngineRow | None:
        """The row that ratios are relative to: the first that can win."""
        return next((row for row in self.rows if row.can_win), None)

    @property
    def fastest(self) -> EngineRow | None:
        """The row with the highest rate of those that can win."""
        return max(
            (row for row in self.rows if row.can_win),
            key=lambda row: row.rate or 0.0,
            default=None,
        )

    def ratio(self, row: EngineRow) -> float | None:
        """Give the rate of a row as a multiple of the first one's."""
        first = self.first
        if first is None or not first.rate or not row.rate:
            return None
        return row.rate / first.rate

    def peak(self, dtype: str | None) -> tuple[float, str] | None:
        """Give the best rate in FLOP/s that anything reached here in a precision, and what it was.

        One for all rows: the best matrix product that was measured beside any of them, or a row
        that was faster than that and may win. Rows beside which no product was measured, such as
        those in 8 bits, have none.
        """
        beside = [row for row in self.rows if row.peak_flops_per_s and row.dtype == dtype]
        reached = [
            (float(row.peak_flops_per_s or 0), str(_roofline(row).get("kernel") or _PRODUCT))
            for row in beside
        ]
        reached += [
            (row.flops_per_s, f"{row.cell.label} itself")
            for row in beside
            if row.flops_per_s and row.can_win
        ]
        return max(reached, default=None)

    def share(self, row: EngineRow) -> float | None:
        """Give the share of the machine's peak in its precision that a row reached."""
        peak = self.peak(row.dtype)
        if peak is None or row.flops_per_s is None or not row.peak_flops_per_s:
            return None
        return row.flops_per_s / peak[0]

    def table(self) -> list[tuple[str, ...]]:
        """Give the cells of each row, as `HEADER` names them.

        Rows of an engine that have no rate for the same reason are one; see `reasons`.
        """
        return [self._cells(alike) for alike in self._alike()]

    def reasons(self) -> Iterator[str]:
        """Yield why rows have no rate, a line for each engine and reason."""
        for alike in self._alike():
            if alike[0].reason and not _has_rate(alike[0]):
                label = f"{alike[0].cell.backend} {_formats(alike)}"
                yield f"{label} {alike[0].status}: {alike[0].reason}"

    def notes(self) -> Iterator[str]:
        """Yield what the rows say together: the fastest, what is slower than it should be."""
        fastest = self.fastest
        if fastest is not None:
            yield f"fastest: {self._described(fastest)}"
        if self.first is not None and self.first is not self.rows[0]:
            yield f"ratios are to {self.first.cell.label}, the first row that may win"
        for row in self.rows:
            if row.status == OK and not row.has_right_precision:
                yield (
                    f"{row.cell.label} computed in {row.dtype}: it cannot be the fastest in"
                    f" {row.cell.data_format}"
                )
            elif row.result is not None and row.status == OK and not row.result.outputs_are_right:
                yield f"{row.cell.label} gives wrong outputs: it cannot be the fastest"
        yield from self._slower_than_full_precision()
        unstable = [
            row for row in self.rows if row.result and row.status == OK and not row.result.is_stable
        ]
        if unstable:
            measured = sum(1 for row in self.rows if _has_rate(row))
            yield (
                f"{len(unstable)} of {measured} rows are unstable: their order may change;"
                " --processes 5 on a quiet machine settles it"
            )

    def to_record(self) -> dict[str, Any]:
        """Give the table as plain JSON values."""
        fastest = self.fastest
        return {
            "rows": [self._record(row) for row in self.rows],
            "fastest": None if fastest is None else fastest.cell.label,
            "ratios_to": None if self.first is None else self.first.cell.label,
            "notes": list(self.notes()),
        }

    def _slower_than_full_precision(self) -> Iterator[str]:
        by_cell = {row.cell: row for row in self.rows if row.can_win}
        for cell, row in by_cell.items():
            base = by_cell.get(EngineCell(cell.backend, _BASE, cell.opt_level))
            if cell.data_format != _REDUCED or base is None or not row.rate or not base.rate:
                continue
            if row.rate < base.rate:
                yield (
                    f"{cell.label} is slower than {base.cell.label} on this machine:"
                    f" {row.rate / base.rate:.2f} x"
                )

    def _described(self, row: EngineRow) -> str:
        parts = [row.cell.label]
        first, ratio = self.first, self.ratio(row)
        if first is not None and first is not row and ratio is not None:
            parts.append(f"{ratio:.2f} x {first.cell.label}")
        peak, share = self.peak(row.dtype), self.share(row)
        if peak is not None and share is not None:
            reached = format_quantity(peak[0], "FLOP/s")
            parts.append(f"{share:.0%} of the {reached} that {peak[1]} reaches here")
        return ", ".join(parts)

    def _alike(self) -> list[list[EngineRow]]:
        """Group the rows that have no rate by engine, status and reason; others stand alone."""
        groups: dict[object, list[EngineRow]] = {}
        for number, row in enumerate(self.rows):
            why = (row.cell.backend, row.status, row.reason)
            groups.setdefault(number if _has_rate(row) else why, []).append(row)
        return list(groups.values())

    def _cells(self, alike: Sequence[EngineRow]) -> tuple[str, ...]:
        row = alike[0]
        levels = dict.fromkeys(one.cell.opt_level for one in alike)
        level = ", ".join(str(one) for one in levels if one is not None)
        head = (row.cell.backend, _formats(alike), level)
        if row.result is None or not row.rate or not _has_rate(row):
            return (*head, *[""] * (len(HEADER) - len(head) - 1), row.status)
        ratio, share = self.ratio(row), self.share(row)
        verdict = (row.result.verdict or {}).get("verdict", "")
        wrong = "" if row.result.outputs_are_right else ", wrong outputs"
        return (
            *head,
            format_number(row.rate),
            _spread(row.result),
            "" if ratio is None else f"{ratio:.2f}",
            "" if share is None else f"{share:.0%}",
            row.dtype or "",
            "" if row.pcc is None else f"{row.pcc:.5f}",
            "" if row.compile_s is None else f"{row.compile_s:.1f} s",
            f"{verdict}{wrong}",
        )

    def _record(self, row: EngineRow) -> dict[str, Any]:
        confidence = (row.result.confidence if row.result else None) or {}
        return {
            "backend": row.cell.backend,
            "dataformat": row.cell.data_format,
            "backend_opt_level": row.cell.opt_level,
            "status": row.status,
            "reason": row.reason,
            "samples_per_sec": row.rate,
            "low_per_s": confidence.get("low"),
            "high_per_s": confidence.get("high"),
            "ratio": self.ratio(row),
            "share_of_peak": self.share(row),
            "dtype": row.dtype,
            "pcc": row.pcc,
            "compile_s": row.compile_s,
            "run_id": None if row.result is None else row.result.run_id,
        }


def _has_rate(row: EngineRow) -> bool:
    return row.result is not None and row.status == OK and bool(row.rate)


def _formats(alike: Sequence[EngineRow]) -> str:
    return ", ".join(dict.fromkeys(row.cell.data_format for row in alike))


def _roofline(row: EngineRow) -> Mapping[str, Any]:
    return (None if row.result is None else row.result.roofline) or {}


def _spread(result: Result) -> str:
    confidence = result.confidence
    if not confidence:
        return ""
    low, estimate, high = (float(confidence[name]) for name in ("low", "estimate", "high"))
    return format_spread(low, estimate, high)
