"""The interpreters of `ttbench.toml`: what each has, as a `ttbench doctor` of its own says."""

from __future__ import annotations

import contextlib
import json
import os
import signal
import subprocess
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any, Final

from ttbench_core.doctor.backends import BROKEN, USABLE
from ttbench_core.errors import SettingsError
from ttbench_core.request.credentials import hide_in_report
from ttbench_core.request.settings_file import FILE_NAME, Interpreter, read_interpreters
from ttbench_core.request.variables import environment_of_others

__all__ = ["InterpreterReport", "probe_interpreter", "read_or_report"]

_MAX_SHOWN: Final = 200


@dataclass(frozen=True)
class InterpreterReport:
    """What one interpreter has, or why it cannot be used."""

    name: str
    #: Its path; of a settings file that cannot be read, that file.
    python: str
    #: Backends that the settings say live there.
    backends: tuple[str, ...]
    #: `usable`: it answers; `broken`: it is missing, or has no ttbench-core that answers.
    state: str
    reason: str = ""
    #: Versions of Python and of what its numbers depend on, by name.
    versions: Mapping[str, str] = field(default_factory=dict)
    usable_backends: tuple[str, ...] = ()
    packs: tuple[str, ...] = ()


def read_or_report() -> tuple[tuple[Interpreter, ...], tuple[InterpreterReport, ...]]:
    """Give the interpreters of the settings, and a report where these cannot be read."""
    try:
        return read_interpreters(), ()
    except SettingsError as error:
        return (), (InterpreterReport(FILE_NAME, "", (), BROKEN, str(error)),)


def probe_interpreter(one: Interpreter, timeout_s: float) -> InterpreterReport:
    """Ask an interpreter what it has; never raises for what it does.

    Args:
        one: of the settings.
        timeout_s: time that it may take; then it is killed.
    """
    path = str(one.python)
    # only what it has itself: the file may name this very interpreter
    words = ["doctor", "--json", "--here", "--timeout", f"{timeout_s:g}"]
    try:
        process = subprocess.Popen(
            [path, "-m", "ttbench_core", *words],
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            # `-m` would find a folder of the same name here
            cwd="/",
            env=environment_of_others(),
            start_new_session=True,
        )
    except OSError as error:
        reason = f"cannot be started: {error.strerror}"
        return InterpreterReport(one.name, path, one.backends, BROKEN, reason)
    try:
        answer, printed = process.communicate(timeout=timeout_s)
    except subprocess.TimeoutExpired:
        return InterpreterReport(
            one.name, path, one.backends, BROKEN, f"did not answer within {timeout_s:g} s"
        )
    finally:
        with contextlib.suppress(ProcessLookupError, PermissionError):
            os.killpg(process.pid, signal.SIGKILL)
        process.wait()
        for stream in (process.stdout, process.stderr):
            if stream is not None:
                stream.close()
    try:
        return _report(one, json.loads(answer))
    except (ValueError, TypeError, KeyError, AttributeError, RecursionError):
        reason = _last_line(printed) or f"ended with code {process.returncode}"
        return InterpreterReport(one.name, path, one.backends, BROKEN, reason)


def _report(one: Interpreter, found: Mapping[str, Any]) -> InterpreterReport:
    versions = {"Python": str(found["python"]["version"])}
    for software in found["software"]:
        if software["version"] is not None:
            versions[str(software["name"])] = str(software["version"])
    usable = tuple(str(each["name"]) for each in found["backends"] if each["state"] == USABLE)
    missing = [name for name in one.backends if name not in usable]
    return InterpreterReport(
        name=one.name,
        python=str(one.python),
        backends=one.backends,
        state=BROKEN if missing else USABLE,
        reason=f"cannot run there: {', '.join(missing)}" if missing else "",
        versions=versions,
        usable_backends=usable,
        packs=tuple(str(each["name"]) for each in found["packs"]),
    )


def _last_line(printed: bytes) -> str:
    lines = [line.strip() for line in printed.decode("utf-8", "replace").splitlines()]
    last = next((line for line in reversed(lines) if line), "")
    return hide_in_report(last)[:_MAX_SHOWN]
