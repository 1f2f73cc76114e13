"""The errors that a user can cause, each with its exit code.

Every message names the thing, the place and the remedy, in one line: the
command line prints it as it is, `run()` raises it. Catch `TtbenchError` for
all of them. Authors of packs, backends and sinks raise these too: a
`RequestError` from a builder reaches the user as a line, without a traceback.
Errors that carry the record of a run are in `record.run_errors`.
"""

from __future__ import annotations

import contextlib
import difflib
import signal
from collections.abc import Iterable
from typing import ClassVar, Final

__all__ = [
    "AmbiguousNameError",
    "BackendUnavailableError",
    "ClockError",
    "DeviceError",
    "LostOutputError",
    "OptionError",
    "PackContractError",
    "PackLoadError",
    "RequestError",
    "ResultsFileError",
    "SessionError",
    "SettingsError",
    "TargetError",
    "TtbenchError",
    "UnknownNameError",
    "UnsupportedOptionError",
    "exit_text",
    "one_line",
    "suggestion",
]


#: Characters of a message of others that are shown and recorded.
_MAX_MESSAGE: Final = 4000


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
        reason: the error that importing it raised, in one line.
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
    """The devices of a request are missing, or not what was asked for; recorded as a failed run."""


class ClockError(TtbenchError):
    """The clock went back or stood still during a pass; recorded as a failed run."""


class SettingsError(RequestError):
    """The settings file `ttbench.toml` cannot be read, or has something in it that it cannot."""


class TargetError(RequestError):
    """Results cannot be stored in the target of `-o`; found out before anything ran."""


class ResultsFileError(RequestError):
    """A file or database of results cannot be read, or has something else in it."""


class NoResultsYetError(ResultsFileError):
    """Nothing was ever stored where results are read from: no file, no table, no experiment."""


class SessionError(TtbenchError):
    """A session was used against its contract, or its engine failed."""


class LostOutputError(SessionError):
    """An input was pushed and its output never came back."""


def suggestion(name: str, known: Iterable[str]) -> str:
    """Give ` (did you mean 'x'?)` for the known names close to `name`, or an empty string."""
    by_lower = {candidate.lower(): candidate for candidate in known}
    close = difflib.get_close_matches(name.lower(), by_lower, n=3, cutoff=0.6)
    if not close:
        return ""
    return " (did you mean " + " or ".join(repr(by_lower[match]) for match in close) + "?)"


def one_line(error: BaseException) -> str:
    """Give type and message of an exception in one line, also of one that cannot be shown.

    Of a long message the beginning is given, and its length.
    """
    kind = type(error).__name__
    try:
        text = str(error)
        start = " ".join(text[:_MAX_MESSAGE].split())
    except KeyboardInterrupt:
        raise
    except BaseException as fault:  # noqa: BLE001 - an exception of a pack may do anything
        return f"{kind}: its message cannot be shown ({type(fault).__name__})"
    cut = f"... ({len(text):,} characters)" if len(text) > _MAX_MESSAGE else ""
    return f"{kind}: {start}{cut}" if start else kind


def exit_text(code: int) -> str:
    """Say how a process ended, by its code as `subprocess` gives it: below 0 is a signal."""
    if code >= 0:
        return f"ended with code {code}"
    with contextlib.suppress(ValueError):
        return f"was ended by {signal.Signals(-code).name}"
    return f"was ended by signal {-code}"
