"""Records and texts without secrets: no values of secret variables, and no credentials.

What a text may hold decides what is hidden in it. Facts that ttbench itself writes are never
searched for the values of variables: a variable may well have the value `ok` or `2026`.
"""

from __future__ import annotations

import dataclasses
import os
from collections.abc import Callable, Iterator, Mapping
from typing import Any, Final, TypeAlias

from ttbench_core.backends.engine_options import variables_of
from ttbench_core.record.environment import is_recorded
from ttbench_core.record.result import Result
from ttbench_core.request.credentials import (
    HIDDEN,
    hide_credentials,
    is_known_secret,
    names_secret,
    secrets_of_environment,
)
from ttbench_core.request.options import RunOptions

__all__ = ["failure_message", "hide_in_record", "text_without_secrets", "without_secrets"]

#: Parts of a record that hold numbers alone, and many of them.
_NUMBERS: Final = ("passes", "partial_pass")
#: What packs and engines say in words of their own.
_SAID: Final = ("error", "failure.message", "notes")
#: The options of packs and engines.
_OPTIONS: Final = ("engine_options", "model_options")
#: What packs and engines give as facts: of these, only what is no name may be a secret.
_GIVEN: Final = (
    *("effective", "model", "verification", "cost", "roofline", "trace", "image", "processes"),
    *(f"{asked}.{kind}" for asked in ("args", "requested") for kind in _OPTIONS),
)
#: Of these, what ttbench itself knows.
_IDENTITY: Final = tuple(
    f"model.{name}" for name in ("name", "config", "pack", "pack_version", "builder", "unit")
)
#: Further fields whose texts are words of ttbench.
_OWN: Final = ("status", "started_at", "date", "machine_name", "backend", "arch")
#: Statuses and verdicts.
_WORDS: Final = frozenset(
    {"ok", "failed", "interrupted", "compiled", "stable", "noisy", "unstable"}
)
#: A shorter value may be the name of something: `inductor`, `Wormhole_B0`.
_MIN_GIVEN: Final = 8
#: Without a digit it may be the name of something up to here.
_LONGER_THAN_NAMES: Final = 16
_Hide: TypeAlias = Callable[[str], str]


def without_secrets(result: Result, options: RunOptions) -> Result:
    """Give a result without secrets: a pack's error or note may hold the value of a variable.

    Args:
        result: of this process.
        options: what was asked.
    """
    secrets = _secrets(options, result.backend)
    return dataclasses.replace(result, **hide_in_record(vars(result), secrets))


def text_without_secrets(text: str, options: RunOptions, backend: str | None = None) -> str:
    """Give what a pack or an engine says as its record would have it.

    Args:
        text: such as a note, or a traceback.
        options: what was asked.
        backend: the name of the one that was chosen; None where none was.
    """
    own = {*_WORDS, *_words_of(_without_options(options.as_requested())), str(backend).casefold()}
    secrets = _secrets(options, backend)
    return hide_credentials(text, (one for one in secrets if one.casefold() not in own))


def hide_in_record(
    record: Mapping[str, Any], secrets: frozenset[str] = frozenset()
) -> dict[str, Any]:
    """Give a record as plain JSON values, without credentials in its texts.

    Args:
        record: its fields.
        secrets: values that are hidden in what packs and engines say, except for those that are
            words of this record; those that look like a secret also in facts that they give.
    """
    own = {*_WORDS, *_own_words(record)}
    said = frozenset(one for one in secrets if one.casefold() not in own)
    given = frozenset(filter(_is_no_name, said))

    def hide_at(path: str) -> _Hide:
        if _is_at(path, _SAID):
            return lambda text: hide_credentials(text, said)
        if _is_at(path, _GIVEN) and not _is_at(path, _IDENTITY):
            return lambda text: hide_credentials(text, said if " " in text else given)
        return hide_credentials

    return {
        name: value if name in _NUMBERS else _hidden(value, name, name, hide_at)
        for name, value in record.items()
    }


def failure_message(failed: Result) -> str:
    """Give what went wrong in a failed run, as its record says it."""
    return str((failed.failure or {}).get("message"))


def _secrets(options: RunOptions, backend: str | None) -> frozenset[str]:
    patterns = variables_of(backend or options.backend)
    asked = {
        value
        for name, value in options.environment.items()
        if not is_recorded(name, patterns) and is_known_secret(value)
    }
    return secrets_of_environment(os.environ) | asked


def _is_no_name(secret: str) -> bool:
    has_both = any(map(str.isdigit, secret)) and any(map(str.isalpha, secret))
    return len(secret) >= (_MIN_GIVEN if has_both else _LONGER_THAN_NAMES)


def _is_at(path: str, places: tuple[str, ...]) -> bool:
    return any(path == place or path.startswith(f"{place}.") for place in places)


def _own_words(record: Mapping[str, Any]) -> Iterator[str]:
    """Yield the texts of a record that ttbench itself wrote, and the names of phases."""
    yield from map(str, record.get("phases_ns") or ())
    for name, value in record.items():
        if name in ("args", "requested"):
            yield from _words_of(_without_options(value))
        elif name == "model":
            yield from _words_of([value.get(path.partition(".")[2]) for path in _IDENTITY])
        elif name in _OWN:
            yield from _words_of(value)


def _without_options(asked: Mapping[str, Any]) -> dict[str, Any]:
    return {name: value for name, value in asked.items() if name not in (*_OPTIONS, "env")}


def _words_of(value: Any) -> Iterator[str]:
    if isinstance(value, str):
        yield value.casefold()
    elif isinstance(value, Mapping):
        for one in value.values():
            yield from _words_of(one)
    elif isinstance(value, (list, tuple)):
        for one in value:
            yield from _words_of(one)


def _hidden(value: Any, name: str, path: str, hide_at: Callable[[str], _Hide]) -> Any:
    if isinstance(value, str):
        return HIDDEN if names_secret(name) and value else hide_at(path)(value)
    if isinstance(value, Mapping):
        return {key: _hidden(one, str(key), f"{path}.{key}", hide_at) for key, one in value.items()}
    if isinstance(value, (list, tuple)):
        return [_hidden(one, "", path, hide_at) for one in value]
    return value
