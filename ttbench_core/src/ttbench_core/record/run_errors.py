"""The errors that end a run and carry its record.

`run()` and `run_ab()` raise them. Their public names are `ttbench_core.BenchmarkError`,
`ttbench_core.ResultNotStoredError` and `ttbench_core.RunInterrupted`.
"""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import ClassVar

from ttbench_core.errors import TtbenchError
from ttbench_core.record.result import Result

__all__ = ["BenchmarkError", "ResultNotStoredError", "RunInterrupted"]


class BenchmarkError(TtbenchError):
    """The benchmark itself failed: building, compiling or running the model.

    Args:
        phase: the phase of the run that failed, such as `compile`.
        reason: what went wrong.
        result: the failed record, which has been written if `-o` was given.
    """

    def __init__(self, phase: str, reason: str, result: Result) -> None:
        super().__init__(f"{result.label} failed in {phase}: {reason}")
        self.phase = phase
        self.reason = reason
        self.result = result
        #: The result of the other variant, where two were measured side by side.
        self.others: tuple[Result, ...] = ()
        #: Set where the failed record could not be stored in its target either.
        self.storage_error: ResultNotStoredError | None = None


class ResultNotStoredError(TtbenchError):
    """A result could not be written to its target.

    Args:
        target: where it was to go.
        reason: why it could not.
        rescued: the file that holds it instead, or None if none could be written.
        result: the result itself, so that nothing is lost.
    """

    def __init__(self, target: str, reason: str, rescued: Path | None, result: Result) -> None:
        stored = f"the result is in {rescued}" if rescued else "no other place could be written"
        super().__init__(f"{target} was left as it is: {reason}; {stored}")
        self.target = target
        #: Every target that failed, where there were several.
        self.targets: tuple[str, ...] = (target,)
        self.reason = reason
        self.rescued = rescued
        self.result = result
        #: Of a side-by-side run: the result of variant B, where `result` is that of A.
        self.others: tuple[Result, ...] = ()

    @classmethod
    def combine(cls, errors: Sequence[ResultNotStoredError]) -> ResultNotStoredError:
        """Give one error with the messages and targets of all; takes at least one."""
        first = errors[0]
        if len(errors) == 1:
            return first
        combined = cls(first.target, first.reason, first.rescued, first.result)
        combined.args = ("; ".join(dict.fromkeys(map(str, errors))),)
        combined.targets = tuple(name for error in errors for name in error.targets)
        combined.__cause__ = first.__cause__
        return combined


class RunInterrupted(KeyboardInterrupt):
    """Ctrl-C ended the run; what was measured until then is in `result`.

    Not a `TtbenchError`, so that a notebook's loop over models ends as well.
    `result` is None when no input had been measured yet.

    Args:
        result: what was measured.
        rescued: the file that holds it, if Ctrl-C came while it was being stored.
    """

    exit_code: ClassVar[int] = 130

    def __init__(self, result: Result | None, rescued: Path | None = None) -> None:
        done = "what was measured is kept" if result else "nothing was measured yet"
        super().__init__(f"interrupted: {done}{f' in {rescued}' if rescued else ''}")
        self.result = result
        self.rescued = rescued
        #: The result of the other variant, where two were measured side by side.
        self.others: tuple[Result, ...] = ()
        #: Set where the record could not be stored in its target.
        self.storage_error: ResultNotStoredError | None = None
