"""`ttbench env create`: a virtual environment for one engine, and its name in the settings."""

from __future__ import annotations

import json
import os
import re
import shutil
import subprocess
import sys
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Final
from urllib.parse import unquote, urlsplit

import importlib_metadata

from ttbench_core.backends.loading import load_backend
from ttbench_core.errors import OptionError, SettingsError, TtbenchError
from ttbench_core.plugins.registry import is_own
from ttbench_core.request.settings_file import (
    Interpreter,
    expand_path,
    read_interpreters,
    user_settings_file,
)
from ttbench_core.request.settings_writing import add_interpreter, check_addition

__all__ = [
    "InstallationError",
    "NewEnvironment",
    "make_environment",
    "new_environment",
    "own_folder",
    "user_data_folder",
]

_NAME: Final = re.compile(r"[A-Za-z0-9][A-Za-z0-9_-]*")
_CORE: Final = "ttbench-core"


class InstallationError(TtbenchError):
    """An environment could not be made; nothing of it is left."""


@dataclass(frozen=True)
class NewEnvironment:
    """An environment that is to be made."""

    name: str
    backend: str
    folder: Path
    #: The interpreter that it is made with.
    base: str
    #: What pip installs, in this order: paths and URLs, then what is looked up in the index.
    sources: tuple[str, ...]
    requirements: tuple[str, ...]
    constraints: Path | None = None

    @property
    def interpreter(self) -> Interpreter:
        """Its interpreter, as the settings name it."""
        return Interpreter(self.name, self.folder / "bin" / "python", (self.backend,))

    @property
    def commands(self) -> tuple[tuple[str, ...], ...]:
        """The commands that make it."""
        python = str(self.interpreter.python)
        limits = () if self.constraints is None else ("-c", str(self.constraints))
        pip = (python, "-m", "pip", "install", *limits)
        # first: pip looks a distribution with an extra up in its index, unless it is installed
        steps = [one for one in (self.sources, self.requirements) if one]
        return (
            (self.base, "-m", "venv", str(self.folder)),
            *((*pip, *step) for step in steps),
        )


def new_environment(
    name: str,
    backend: str,
    *,
    base: str | None = None,
    folder: Path | None = None,
    sources: Sequence[str] = (),
    constraints: Path | None = None,
) -> NewEnvironment:
    """Decide how an environment is made.

    Args:
        name: of its interpreter in the settings.
        backend: that will live there; an installed one, which says what it needs.
        base: interpreter that makes it; this one if not given.
        folder: where it is made; in the user's data folder if not given.
        sources: paths and URLs that pip takes distributions from, beside the index; where
            there are none, the folder that this ttbench-core was installed from, if it is there.
        constraints: a file of versions.

    Raises `OptionError` for a name or a folder that is taken, `SettingsError`, and what
    `load_backend` raises.
    """
    if not _NAME.fullmatch(name):
        raise OptionError(f"{name!r} is no name for an environment: use letters, digits, - and _")
    file = user_settings_file()
    known = read_interpreters(file) if file.exists() else ()
    if any(one.name == name for one in known):
        raise OptionError(f"{file} has an interpreter {name!r} already: choose another name")
    asked = None if folder is None else expand_path(str(folder), "--path")
    place = (asked or user_data_folder() / "envs" / name).absolute()
    sources = sources or own_folder()
    for one in sources:
        core = Path(one) / "ttbench_core"
        if (core / "pyproject.toml").is_file():
            raise OptionError(f"--from {one} is a whole checkout: name {core}")
    if place.exists():
        raise OptionError(f"{place} exists already: choose another name, or another --path")
    return NewEnvironment(
        name,
        backend,
        place,
        base or sys.executable,
        # absolute, because pip would look a bare word up in its index
        tuple(str(Path(one).absolute()) if Path(one).exists() else one for one in sources),
        _needs(backend),
        constraints,
    )


def own_folder() -> tuple[str, ...]:
    """Give the folder that this ttbench-core was installed from; empty if from anywhere else.

    pip notes it in `direct_url.json` (PEP 610).
    """
    text = importlib_metadata.distribution(_CORE).read_text("direct_url.json")
    try:
        noted = json.loads(text or "{}")
        url = urlsplit(str(noted["url"]) if "dir_info" in noted else "")
    except (ValueError, TypeError, KeyError):
        return ()
    folder = Path(unquote(url.path))
    is_here = url.scheme == "file" and (folder / "pyproject.toml").is_file()
    return (str(folder),) if is_here else ()


def make_environment(new: NewEnvironment, show: Callable[[Sequence[str]], None]) -> Path:
    """Make an environment and add it to the user's settings; gives their file.

    Args:
        new: what is made.
        show: is called with each command before it runs; what it prints goes to stderr.

    Raises `InstallationError` where a command fails; `SettingsError` where the settings cannot be
    written, which is found out first.
    """
    file = user_settings_file()
    check_addition(file, new.interpreter)
    _install(new, show)
    try:
        add_interpreter(file, new.interpreter)
    except SettingsError as error:
        raise SettingsError(
            f"{error}; the environment is in {new.folder}: name it there yourself, or remove it"
        ) from error
    return file


def _install(new: NewEnvironment, show: Callable[[Sequence[str]], None]) -> None:
    """Run the commands; what they have made is removed where one fails."""
    try:
        for command in new.commands:
            show(command)
            code = subprocess.run(
                command, stdin=subprocess.DEVNULL, stdout=2, check=False
            ).returncode
            if code != 0:
                raise InstallationError(f"{command[0]} ended with code {code}: see what it printed")
    except BaseException as error:
        shutil.rmtree(new.folder, ignore_errors=True)
        if isinstance(error, OSError):
            raise InstallationError(f"{new.base} cannot be started: {error.strerror}") from error
        raise


def user_data_folder() -> Path:
    """Give the folder of what ttbench keeps for its user; raises `OptionError` without a home."""
    folder = os.environ.get("XDG_DATA_HOME", "")
    if not os.path.isabs(folder):  # noqa: PTH117
        folder = "~/.local/share"
    return expand_path(folder, "the folder of environments") / "ttbench"


def _needs(backend: str) -> tuple[str, ...]:
    """Give what pip installs for a backend: that version of the core which runs this."""
    installed = load_backend(backend)
    plugin, version = installed.plugin, importlib_metadata.version(_CORE)
    if not is_own(plugin.pack):
        return (f"{_CORE}=={version}", f"{plugin.pack}=={plugin.version}")
    extra = getattr(installed.backend, "extra", None)
    if not isinstance(extra, str):
        raise OptionError(
            f"what backend {backend!r} needs is no extra of {_CORE}: make its environment yourself"
            " and name it in ttbench.toml (docs/interpreters.md)"
        )
    more: tuple[str, ...] = getattr(installed.backend, "pip_arguments", ())
    return (*more, f"{_CORE}[{extra}]=={version}")
