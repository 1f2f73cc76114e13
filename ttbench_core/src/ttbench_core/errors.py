"""The errors that a user can cause, each with the exit code that it means.

Every message names the thing, the place and the remedy, in one line: the
command line prints it as it is, `run()` raises it. Catch `TtbenchError` for
all of them. Authors of packs, backends and sinks raise these too: a
`RequestError` from a builder reaches the user as a line, without a traceback.
"""

from __future__ import annotations

import difflib
from collections.abc import Iterable, Sequence
from typing import TYPE_CHECKING, ClassVar

if TYPE_CHECKING:
    from pathlib import Path

    from ttbench_core.record.result import Result
    from ttbench_core.running.side_by_side import SideBySide

__all__ = [
    "AmbiguousNameError",
    "BackendUnavailableError",
    "BenchmarkError",
    "DeviceError",
    "LostOutputError",
    "OptionError",
    "PackContractError",
    "PackLoadError",
    "RequestError",
    "ResultNotStoredError",
    "ResultsFileError",
    "RunInterrupted",
    "SessionError",
    "TargetError",
    "TtbenchError",
    "UnknownNameError",
    "UnsupportedOptionError",
    "one_line",
    "suggestion",
]


class TtbenchError(Exception):
    """Base of every error that ttbench raises on purpose."""

    #: What the command line exits with when this error ends it.
    exit_code: ClassVar[int] = 1


class RequestError(TtbenchError):
    """The request was wrong: nothing was measured and no record was written."""

    exit_code = 2


class OptionError(RequestError):
    """An option has a value that it cannot have."""


class UnsupportedOptionError(OptionError):
    """An option is valid, but the chosen backend or model cannot honour it."""


class UnknownNameError(RequestError):
    """No installed model, backend or sink has the name that was asked for."""


class AmbiguousNameError(RequestError):
    """Several installed packs register the name that was asked for."""


class PackLoadError(RequestError):
    """A registered entry point could not be imported.

    Args:
        where: the entry point, as `pack:name (value)`.
        reason: what importing it said.
    """

    def __init__(self, where: str, reason: str) -> None:
        super().__init__(f"cannot load {where}: {reason}")
        self.where = where
        self.reason = reason


class PackContractError(RequestError):
    """A builder breaks the contract of `BenchmarkModel`.

    Args:
        where: pack and builder.
        fault: what is wrong, and what would be right.
    """

    def __init__(self, where: str, fault: str) -> None:
        super().__init__(f"{where}: {fault}")
        self.where = where
        self.fault = fault


class BackendUnavailableError(RequestError):
    """A backend is installed but cannot run on this machine."""


class DeviceError(TtbenchError):
    """The devices of a request are not there, or not what was asked for; kept as a failed run."""


class TargetError(RequestError):
    """Results cannot be kept where `-o` says; found out before anything ran."""


class ResultsFileError(RequestError):
    """A place of results cannot be read, or holds something else."""


class SessionError(TtbenchError):
    """A session was used against its contract, or its engine failed."""


class LostOutputError(SessionError):
    """An input was pushed and its output never came back."""


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
        #: What was measured of the run that took turns with it.
        self.others: tuple[Result, ...] = ()
        #: Set where the failed record could not be kept in its target either.
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
        kept = f"the result is in {rescued}" if rescued else "no other place could be written"
        super().__init__(f"{target} was left as it is: {reason}; {kept}")
        #: Both results, where they are of a run side by side.
        self.side_by_side: SideBySide | None = None
        self.target = target
        #: Every target that failed, where there were several.
        self.targets: tuple[str, ...] = (target,)
        self.reason = reason
        self.rescued = rescued
        self.result = result

    @classmethod
    def together(cls, errors: Sequence[ResultNotStoredError]) -> ResultNotStoredError:
        """Give one error that says what all of them say, one at least."""
        first = errors[0]
        if len(errors) > 1:
            together = cls(first.target, first.reason, first.rescued, first.result)
            together.args = ("; ".join(dict.fromkeys(map(str, errors))),)
            together.targets = tuple(name for error in errors for name in error.targets)
            together.__cause__ = first.__cause__
            return together
        return first


class RunInterrupted(KeyboardInterrupt):
    """Ctrl-C ended the run; what was measured until then is in `result`.

    Not a `TtbenchError`, so that a notebook's loop over models ends as well.
    `result` is None when no input had been through yet.

    Args:
        result: what was measured.
        rescued: the file that holds it, if Ctrl-C came while it was being kept.
    """

    exit_code: ClassVar[int] = 130

    def __init__(self, result: Result | None, rescued: Path | None = None) -> None:
        done = "what was measured is kept" if result else "nothing was measured yet"
        super().__init__(f"interrupted: {done}{f' in {rescued}' if rescued else ''}")
        self.result = result
        self.rescued = rescued
        #: What was measured of the run that took turns with it.
        self.others: tuple[Result, ...] = ()
        #: Set where the record could not be kept in its target.
        self.storage_error: ResultNotStoredError | None = None


def suggestion(name: str, known: Iterable[str]) -> str:
    """Give ` (did you mean 'x'?)` for names close to `name`, or an empty string."""
    by_lower = {candidate.lower(): candidate for candidate in known}
    close = difflib.get_close_matches(name.lower(), by_lower, n=3, cutoff=0.6)
    if not close:
        return ""
    return " (did you mean " + " or ".join(repr(by_lower[match]) for match in close) + "?)"


def one_line(error: BaseException) -> str:
    """Say what an exception says, in one line that starts with its kind."""
    text = " ".join(str(error).split())
    kind = type(error).__name__
    return f"{kind}: {text}" if text else kind
