"""What checks of contracts share: a broken promise is an `AssertionError` that names it."""

from __future__ import annotations

import contextlib
from collections.abc import Iterator
from dataclasses import dataclass

from ttbench_core.errors import one_line

__all__ = ["BrokenPromiseError", "Contract"]


class BrokenPromiseError(AssertionError):
    """Something does not do what its contract says; the message names the promise."""


@dataclass(frozen=True)
class Contract:
    """The contract of something, for messages."""

    #: What follows it, such as `a session`.
    subject: str

    def require(self, holds: bool, rule: str) -> None:
        """Raise `BrokenPromiseError` for a promise that is broken."""
        if not holds:
            raise self.broken(rule)

    def broken(self, rule: str) -> BrokenPromiseError:
        """Return the error for a promise that is broken."""
        return BrokenPromiseError(f"{self.subject} breaks its contract: {rule}")

    @contextlib.contextmanager
    def during(self, step: str) -> Iterator[None]:
        """Make what the context raises a broken promise that names the step."""
        try:
            yield
        except BrokenPromiseError:
            raise
        except (Exception, SystemExit) as error:
            raise self.broken(f"raised {one_line(error)} in {step}") from error

    @contextlib.contextmanager
    def raises(self, kind: type[Exception], rule: str) -> Iterator[None]:
        """Require that an error of a kind is raised in the context."""
        try:
            yield
        except kind:
            return
        except Exception as error:
            raise self.broken(f"{rule}, not {one_line(error)}") from error
        raise self.broken(rule)
