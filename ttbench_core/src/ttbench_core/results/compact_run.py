"""A run reduced to what a comparison needs, so that many fit in memory."""

from __future__ import annotations

from array import array
from collections.abc import Mapping
from dataclasses import dataclass, replace
from typing import Final

from ttbench_core.record.result import Result
from ttbench_core.results.comparison.doubts import with_verdict

__all__ = ["CompactRun"]

#: Findings of a verdict that are kept, the worst first, and the length of a name in them.
_MAX_FINDINGS: Final = 20
_MAX_NAME: Final = 40


@dataclass(frozen=True)
class CompactRun:
    """A run reduced to what a comparison needs, such as the times of whole passes."""

    number: int
    _rest: Result
    _e2e_ns: array[float]
    _processes: array[int]

    @classmethod
    def of(cls, number: int, result: Result) -> CompactRun:
        """Reduce a result."""
        rest = replace(
            result,
            passes=(),
            partial_pass=None,
            processes=(),
            warmup=None,
            requested={"threads": result.requested.get("threads")},
            verdict=_reduced_verdict(with_verdict(result)),
            latency=_reduced_latency(result),
            output_interval=None,
            host_during=None,
        )
        times = array("d", (float(one["e2e_ns"]) for one in result.passes))
        processes = array("q", (int(one.get("process") or 0) for one in result.passes))
        return cls(number, rest, times, processes)

    def result(self) -> Result:
        """Return a result that can be compared."""
        pairs = zip(self._e2e_ns, self._processes, strict=True)
        passes = tuple({"e2e_ns": e2e_ns, "process": process} for e2e_ns, process in pairs)
        return replace(self._rest, passes=passes)


def _reduced_verdict(result: Result) -> dict[str, object]:
    """Return a verdict with what a comparison needs of its findings."""
    verdict = result.verdict or {}
    findings = verdict.get("findings")
    known = findings[:_MAX_FINDINGS] if isinstance(findings, (list, tuple)) else ()
    kept = [
        {name: str(one.get(name))[:_MAX_NAME] for name in ("rule", "level")}
        for one in known
        if isinstance(one, Mapping)
    ]
    return {"verdict": verdict.get("verdict"), "findings": kept}


def _reduced_latency(result: Result) -> dict[str, float] | None:
    """Return the median latency alone."""
    found = (result.latency or {}).get("p50_ns")
    return {"p50_ns": found} if isinstance(found, (int, float)) else None
