"""What checks of contracts share: a broken promise is an `AssertionError` that names it."""

from __future__ import annotations

import contextlib
import socket
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from unittest import mock

from ttbench_core.errors import one_line

__all__ = ["BrokenPromiseError", "Contract"]


class BrokenPromiseError(AssertionError):
    """Something does not do what its contract says; the message names the promise."""


@dataclass(frozen=True)
class Contract:
    """The contract of something, for messages."""

    #: What follows it, such as `a sink`.
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
    def no_error(self, rule: str) -> Iterator[None]:
        """Require that nothing is raised in the context."""
        try:
            yield
        except Exception as error:
            raise self.broken(f"{rule}, not {one_line(error)}") from error

    @contextlib.contextmanager
    def raises(self, kind: type[Exception], rule: str) -> Iterator[None]:
        """Require that an error of a kind is raised in the context."""
        with self.no_error(rule):
            try:
                yield
            except kind:
                return
        raise self.broken(rule)

    @contextlib.contextmanager
    def unchanged(self, path: Path, rule: str) -> Iterator[None]:
        """Require that a file or folder, and the names beside it, are afterwards as before.

        Hidden files may come, because lock files stay.
        """
        before = _state(path)
        try:
            yield
        finally:
            self.require(_state(path) == before, rule)

    @contextlib.contextmanager
    def no_connection(self, rule: str) -> Iterator[None]:
        """Require that no socket of Python is connected in the context; all are refused."""
        tried = []

        def refuse(*_: object) -> None:
            tried.append(rule)
            raise ConnectionRefusedError(rule)

        try:
            with mock.patch.multiple(socket.socket, connect=refuse, connect_ex=refuse):
                yield
        finally:
            self.require(not tried, rule)


def _state(path: Path) -> tuple[object, ...]:
    return path.read_bytes() if path.is_file() else None, _names(path), _names(path.parent)


def _names(folder: Path) -> list[str]:
    entries = folder.iterdir() if folder.is_dir() else ()
    return sorted(one.name for one in entries if not one.name.startswith("."))
