"""An engine in a format at a level, and what came of it on one model."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final

from ttbench_core.record.result import Result

__all__ = ["OK", "EngineCell", "EngineRow"]

OK: Final = "ok"
#: What a format is computed in; an engine that computes in something else has another row's speed.
_DTYPES: Final = {"Fp32": "float32", "Fp16": "float16", "Fp16_b": "bfloat16"}


@dataclass(frozen=True)
class EngineCell:
    """An engine in a format, at an optimization level."""

    backend: str
    data_format: str
    #: None for the engine's default.
    opt_level: int | None = None

    @property
    def label(self) -> str:
        """Its name: `torch -opt 2 Fp32`."""
        level = "" if self.opt_level is None else f" -opt {self.opt_level}"
        return f"{self.backend}{level} {self.data_format}"


@dataclass(frozen=True)
class EngineRow:
    """What came of one cell."""

    cell: EngineCell
    #: `ok`, `failed`, `refused`.
    status: str
    #: Why there is no number.
    reason: str | None = None
    #: The record; None for what was refused.
    result: Result | None = None

    @property
    def rate(self) -> float | None:
        """Samples (or tokens) a second; None without a number."""
        return None if self.result is None else self.result.samples_per_sec

    @property
    def dtype(self) -> str | None:
        """What it really computed in, as the engine reports it."""
        return None if self.result is None else _text(self.result.effective.get("dtype"))

    @property
    def pcc(self) -> float | None:
        """Correlation of its outputs with Fp32 eager on the CPU."""
        found = None if self.result is None else (self.result.verification or {}).get("pcc")
        return found if isinstance(found, (int, float)) else None

    @property
    def compile_s(self) -> float | None:
        """How long compiling took; cold alone, where an engine compiles once more, warm."""
        if self.result is None:
            return None
        cold_s = self.result.effective.get("compile_cold_s")
        if isinstance(cold_s, (int, float)):
            return cold_s
        ns = self.result.phases_ns.get("compile")
        return None if ns is None else ns / 1e9

    @property
    def flops_per_s(self) -> float | None:
        """Floating point operations of the model a second."""
        return None if self.result is None else (self.result.roofline or {}).get("flops_per_s")

    @property
    def peak_flops_per_s(self) -> float | None:
        """The best matrix product beside it in its precision; None where none was measured."""
        return None if self.result is None else (self.result.roofline or {}).get("peak_flops_per_s")

    @property
    def has_right_precision(self) -> bool:
        """Whether it computed in what its format says, as far as the format says it."""
        expected = _DTYPES.get(self.cell.data_format)
        return expected is None or self.dtype == expected

    @property
    def can_win(self) -> bool:
        """Whether its rate counts: a number of a device, right outputs, the asked precision."""
        return (
            self.status == OK
            and bool(self.rate)
            and self.result is not None
            and self.result.is_comparable
            and self.result.outputs_are_right
            and self.has_right_precision
        )


def _text(value: object) -> str | None:
    return None if value is None else str(value)
