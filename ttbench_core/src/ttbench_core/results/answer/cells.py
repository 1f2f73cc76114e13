"""The runs of one engine on one model at one microbatch, and what they say together."""

from __future__ import annotations

import statistics
from collections.abc import Iterable
from dataclasses import dataclass
from functools import cached_property
from typing import Final

from ttbench_core.record.result import Result
from ttbench_core.results.comparison import NotComparableError
from ttbench_core.results.comparison.context_differences import worst_verdict
from ttbench_core.results.comparison.effect import replicates_of
from ttbench_core.results.comparison.key import Key
from ttbench_core.results.comparison.pairing import Side, pair_up
from ttbench_core.results.engine_row import OK, EngineCell, EngineRow

__all__ = ["AnswerCell"]

_UNSTABLE: Final = "unstable"
_WRONG_OUTPUTS: Final = "wrong outputs"
_STATUS_WORDS: Final = {"failed": "failed", "refused": "was refused", "no number": "has no number"}


@dataclass(frozen=True)
class AnswerCell:
    """All runs of one variant on one question at one microbatch."""

    #: What was computed: model, configuration, and all else that is no choice of an engine.
    question: Key
    #: What computed it: backend, format, level, device, machine and further settings.
    variant: Key
    #: None where no run got as far as to know it.
    microbatch: int | None
    #: The runs that have a number, in the order of time, with the same key.
    runs: tuple[Result, ...]
    #: Why the last run without a number has none; None where every run has one.
    failure: str | None = None
    #: Why the last run of all has no number; None where it has one, or was interrupted.
    failed_since: str | None = None
    #: Names of the hosts of its records.
    hosts: tuple[str, ...] = ()

    @cached_property
    def pool(self) -> Side | None:
        """The runs that `compare` pools; None if none has a number."""
        try:
            matches = pair_up(self.runs, self.runs, ()).matches
        except NotComparableError:
            return None
        return matches[0].new if matches else None

    @property
    def pooled_hosts(self) -> frozenset[str]:
        """Names of the hosts that the runs of the pool are of."""
        return frozenset(str(one.machine_name) for one in self._pooled)

    @cached_property
    def rate(self) -> float | None:
        """Samples (or tokens) a second of the pool, as `compare` gives it."""
        return None if self.pool is None else replicates_of(self.pool.results).geometric_mean

    @property
    def unit(self) -> str:
        """What is counted: `sample`, or what the model says."""
        return str(self.runs[-1].model.get("unit") or "sample") if self.runs else "sample"

    @property
    def latency_p50_ns(self) -> float | None:
        """Median latency of an input: the geometric mean over the pool."""
        found = _numbers((one.latency or {}).get("p50_ns") for one in self._pooled)
        return statistics.geometric_mean(found) if found and min(found) > 0 else None

    @property
    def pcc(self) -> float | None:
        """The lowest correlation of outputs with Fp32 in the pool; None if none was measured."""
        return min(
            _numbers((one.verification or {}).get("pcc") for one in self._pooled), default=None
        )

    @property
    def relative_l2(self) -> float | None:
        """The largest relative error of outputs in the pool; None if none was measured."""
        return max(
            _numbers((one.verification or {}).get("relative_l2") for one in self._pooled),
            default=None,
        )

    @property
    def joules_per_sample(self) -> float | None:
        """Measured energy of a sample: the mean over the pool; None unless every run has it."""
        found = _numbers((one.energy or {}).get("joules_per_sample") for one in self._pooled)
        complete = len(found) == len(self._pooled) and found and min(found) > 0
        return sum(one / len(found) for one in found) if complete else None

    @property
    def outputs(self) -> str:
        """`right`, `wrong`, or `not verified` unless every run of the pool was verified."""
        if not all(one.outputs_are_right for one in self._pooled):
            return "wrong"
        verified = [(one.verification or {}).get("passed") for one in self._pooled]
        return "right" if verified and all(verified) else "not verified"

    @property
    def verdict(self) -> str | None:
        """The worst verdict in the pool; None where a run has none."""
        if self.pool is None or not all(map(_verdict, self._pooled)):
            return None
        return worst_verdict(self.pool) or _verdict(self.pool.results[-1])

    @cached_property
    def obstacle(self) -> str | None:
        """Why its rate cannot win; None where it can."""
        if self.pool is None:
            return self.failure or "not measured"
        if self.failed_since is not None:
            return f"its last run {_told(self.failed_since)}"
        reasons = (self._obstacle_of(one) for one in self._pooled)
        return next((reason for reason in reasons if reason is not None), None)

    @property
    def can_win(self) -> bool:
        """Whether its rate counts: it still runs, with right outputs, and has a sound verdict."""
        return self.obstacle is None

    def _obstacle_of(self, result: Result) -> str | None:
        level = self.variant.get("backend_opt_level")
        cell = EngineCell(
            str(self.variant.get("backend")),
            str(self.variant.get("dataformat")),
            level if isinstance(level, int) else None,
        )
        row = EngineRow(cell, OK, None, result)
        if not result.outputs_are_right:
            return _WRONG_OUTPUTS
        if not row.has_right_precision:
            return f"computed in {row.dtype or 'a precision that is not recorded'}"
        verdict = _verdict(result)
        if verdict is None or verdict == _UNSTABLE:
            return verdict or "no verdict"
        return None if row.can_win else "no number"

    @property
    def _pooled(self) -> tuple[Result, ...]:
        return () if self.pool is None else self.pool.results


def _told(reason: str) -> str:
    """Give the reason of a failure as it goes on after `its last run`."""
    status, colon, rest = reason.partition(":")
    word = _STATUS_WORDS.get(status, f"has the status {status}")
    return f"{word}{colon}{rest}".rstrip(".")


def _verdict(result: Result) -> str | None:
    found = (result.verdict or {}).get("verdict")
    return None if found is None else str(found)


def _numbers(values: Iterable[object]) -> list[float]:
    """Keep the numbers that are finite: records are untrusted."""
    return [
        float(one)
        for one in values
        if isinstance(one, (int, float)) and not isinstance(one, bool) and abs(one) < 1e300
    ]
