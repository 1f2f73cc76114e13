"""`ttbench.toml`: what a user sets once; the interpreters that engines live in.

    [interpreters]
    forge = "/opt/forge/bin/python"
    ov = { python = "~/envs/ov/bin/python", backends = ["openvino"] }

The file of the working folder counts, else that of the user's configuration folder.
"""

from __future__ import annotations

import os
import sys
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

from ttbench_core.errors import OptionError, RequestError, SettingsError, suggestion

if sys.version_info >= (3, 11):
    import tomllib
else:
    import tomli as tomllib

__all__ = [
    "FILE_NAME",
    "Interpreter",
    "expand_path",
    "find_interpreter",
    "read_interpreters",
    "settings_file",
    "user_settings_file",
]

FILE_NAME: Final = "ttbench.toml"
_TABLE: Final = "interpreters"
_KEYS: Final = ("python", "backends")


@dataclass(frozen=True)
class Interpreter:
    """A Python interpreter with packages of its own."""

    #: What the settings call it; the path of one that is in no settings.
    name: str
    python: Path
    #: Backends that live there: `--backend` alone finds them.
    backends: tuple[str, ...] = ()

    def __str__(self) -> str:
        path = str(self.python)
        return path if os.sep in self.name else f"{self.name} ({path})"

    def to_record(self) -> dict[str, Any]:
        """Give it as JSON values, for another process or machine."""
        return {"name": self.name, "python": str(self.python), "backends": list(self.backends)}

    @classmethod
    def of_record(cls, record: Mapping[str, Any]) -> Interpreter:
        """Make it of what `to_record` gave."""
        return cls(record["name"], Path(record["python"]), tuple(record["backends"]))


def settings_file() -> Path | None:
    """Give the file that counts: of the working folder, else of the user; None for neither."""
    here = Path(FILE_NAME)
    if here.is_file():
        return here
    try:
        own = user_settings_file()
    except SettingsError:
        return None  # a user without a home folder has no file in it
    return own if own.is_file() else None


def user_settings_file() -> Path:
    """Give the place of the user's own file, also where there is none.

    Raises `SettingsError` for a user without a home folder.
    """
    folder = os.environ.get("XDG_CONFIG_HOME", "")
    # a relative one is to be ignored, says its specification
    if not os.path.isabs(folder):  # noqa: PTH117
        folder = "~/.config"
    return expand_path(folder, f"your own {FILE_NAME}", SettingsError) / "ttbench" / FILE_NAME


def expand_path(text: str, place: str, error: type[RequestError] = OptionError) -> Path:
    """Give the path that a text means; `~` and `~user` at its start are home folders.

    Args:
        text: what was asked.
        place: where, for messages.
        error: what to raise for a home folder that is not known, and for what is no path.
    """
    try:
        is_path = "\0" not in text and bool(os.fsencode(text))
    except UnicodeEncodeError:
        is_path = False
    if not is_path:
        raise error(f"{place}: {text!r} is no path")
    expanded = os.path.expanduser(text)  # noqa: PTH111 - Path.expanduser expands ./~user too
    if text.startswith("~") and expanded == text:
        user = text.partition(os.sep)[0]
        remedy = ": set HOME" if user == "~" else ""
        raise error(f"{place}: {text!r}: {user} has no home folder{remedy}")
    return Path(expanded)


def read_interpreters(file: Path | None = None) -> tuple[Interpreter, ...]:
    """Give the interpreters of a settings file, in its order.

    Args:
        file: None for the one that counts.

    Raises `SettingsError` for a file that cannot be read, and for what it cannot hold.
    """
    file = file or settings_file()
    if file is None:
        return ()
    try:
        settings = tomllib.loads(file.read_text(encoding="utf-8"))
    except (OSError, UnicodeDecodeError, tomllib.TOMLDecodeError) as error:
        raise SettingsError(f"{file} cannot be read: {' '.join(str(error).split())}") from error
    for name in settings:
        if name != _TABLE:
            hint = suggestion(name, [_TABLE])
            raise SettingsError(f"{file}: unknown key {name!r}{hint}; it may hold [{_TABLE}]")
    table = settings.get(_TABLE, {})
    if not isinstance(table, Mapping):
        raise SettingsError(f"{file}: {_TABLE} must be a table: [{_TABLE}]")
    return tuple(_interpreter(file, name, value) for name, value in table.items())


def find_interpreter(asked: str | None, backend: str | None) -> Interpreter | None:
    """Give the interpreter that a run is measured with; None for the one that runs this.

    Args:
        asked: a name of the settings, or a path, which has a slash in it.
        backend: what `--backend` says; where nothing was asked, the settings may say that it
            lives in an interpreter of its own.

    Raises `OptionError` for a name that is in no settings and for what is no path, and
    `SettingsError`.
    """
    if asked is None:
        known = read_interpreters() if backend is not None else ()
        return next((one for one in known if backend in one.backends), None)
    if os.sep in asked:
        return Interpreter(asked, expand_path(asked, "--python").absolute())
    known = read_interpreters()
    found = next((one for one in known if one.name == asked), None)
    if found is None:
        where = settings_file() or f"{FILE_NAME}, which does not exist"
        hint = suggestion(asked, [one.name for one in known])
        raise OptionError(
            f"--python {asked}: no interpreter of that name{hint} in {where}; a path has a slash"
            f" in it: ./{asked}"
        )
    return found


def _interpreter(file: Path, name: str, value: Any) -> Interpreter:
    place = f"{file}: {_TABLE}.{name}"
    if os.sep in name or not name:
        raise SettingsError(f"{place}: a name has no slash in it, and is not empty")
    if isinstance(value, str):
        value = {"python": value}
    if not isinstance(value, Mapping):
        raise SettingsError(f'{place} must be a path or {{ python = "PATH", backends = [...] }}')
    for key in value:
        if key not in _KEYS:
            hint = suggestion(key, _KEYS)
            raise SettingsError(f"{place}: unknown key {key!r}{hint}; it has {', '.join(_KEYS)}")
    python, backends = value.get("python"), value.get("backends", [])
    if not isinstance(python, str) or not python:
        raise SettingsError(f"{place}: python must be the path of an interpreter")
    if not isinstance(backends, list) or not all(isinstance(one, str) for one in backends):
        raise SettingsError(f'{place}: backends must be a list of names: ["openvino"]')
    # not resolved: that of a virtual environment is a link, and is found by its own place
    path = file.absolute().parent / expand_path(python, place, SettingsError)
    return Interpreter(name, path, tuple(backends))
