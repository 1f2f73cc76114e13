"""Reading what a child sends: a pack may have written there, or changed how it is written."""

from __future__ import annotations

import json
from collections.abc import Mapping
from typing import Any, Final

from ttbench_core.errors import ResultsFileError, SessionError
from ttbench_core.record.record_checks import result_of

__all__ = ["PROTOCOL", "checked_last_message", "read_message"]

#: Of the request and of the messages; it changes with them, also with the options of a run.
PROTOCOL: Final = 1
_FAULT: Final = "the process that measured sent what is no message of ttbench"
#: What each event holds besides its name.
_EVENTS: Final[Mapping[str, tuple[str, ...]]] = {
    "alive": (),
    "engine": ("timeout_s",),
    "note": ("text",),
    "overdue": ("text",),
    "passes": ("done", "wanted"),
    "phase": ("text",),
    "started": ("record",),
}
_OF_FAILURE: Final = ("phase", "reason", "traceback")


def read_message(line: str) -> dict[str, Any]:
    """Read a line of the channel; raises `SessionError` for one that no child sends."""
    try:
        message = json.loads(line)
    except (ValueError, RecursionError) as error:
        raise SessionError(_FAULT) from error
    if not isinstance(message, dict):
        raise SessionError(_FAULT)
    event = message.get("event")
    if event is not None and not (event in _EVENTS and set(_EVENTS[event]) <= set(message)):
        raise SessionError(_FAULT)
    return message


def checked_last_message(message: dict[str, Any]) -> dict[str, Any]:
    """Give a message that holds a result or a failure; raises `SessionError` for a broken one."""
    failure, record = message.get("failure"), message.get("record")
    is_failure = isinstance(failure, dict) and all(
        isinstance(failure.get(name), str) for name in _OF_FAILURE
    )
    if failure is not None and not (is_failure and record):
        raise SessionError(_FAULT)
    if record:
        try:
            result_of("what the process that measured sent", record)
        except ResultsFileError as error:
            raise SessionError(str(error)) from error
    return message
