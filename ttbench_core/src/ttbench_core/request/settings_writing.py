"""Adding an interpreter to a settings file, whose other lines stay as they are."""

from __future__ import annotations

import contextlib
import json
import os
import re
from collections.abc import Iterator
from pathlib import Path
from typing import Final

from ttbench_core.errors import SettingsError
from ttbench_core.request.settings_file import Interpreter, read_interpreters

__all__ = ["add_interpreter", "check_addition"]

_HEADER: Final = re.compile(r"^[ \t]*\[[ \t]*interpreters[ \t]*\][^\n]*\n?", re.MULTILINE)


def add_interpreter(file: Path, added: Interpreter) -> None:
    """Add an interpreter to a settings file, which need not exist.

    Args:
        file: replaced as a whole, or not at all.
        added: its path is absolute.

    Raises `SettingsError` for a file that cannot be read or written, for a name that it has, and
    where the table is written in a way that nothing can be added to.
    """
    with _prepared(file, added) as prepared:
        prepared.replace(file)


def check_addition(file: Path, added: Interpreter) -> None:
    """Raise what `add_interpreter` would raise; the file stays as it is, its folder is made."""
    with _prepared(file, added):
        pass


@contextlib.contextmanager
def _prepared(file: Path, added: Interpreter) -> Iterator[Path]:
    """Give a file beside the settings with the new content; what is left of it is removed."""
    prepared = file.with_name(f".{file.name}.{os.getpid()}")
    try:
        before = read_interpreters(file) if file.exists() else ()
        if any(one.name == added.name for one in before):
            raise SettingsError(
                f"{file} has an interpreter {added.name!r} already: choose another name"
            )
        line = _line(added)
        text = _with_line(file.read_text(encoding="utf-8") if file.exists() else "", line)
        file.parent.mkdir(parents=True, exist_ok=True)
        try:
            prepared.write_text(text, encoding="utf-8")
            if not _holds(prepared, {*before, added}):
                raise SettingsError(
                    f"{file}: nothing can be added to its interpreters: add {line!r}"
                )
            yield prepared
        finally:
            prepared.unlink(missing_ok=True)
    except OSError as error:
        raise SettingsError(f"{file} cannot be written: {error.strerror}") from error


def _holds(file: Path, interpreters: set[Interpreter]) -> bool:
    try:
        return set(read_interpreters(file)) == interpreters
    except SettingsError:
        return False


def _line(added: Interpreter) -> str:
    # a string of JSON without characters beyond ASCII is one of TOML
    backends = ", ".join(map(json.dumps, added.backends))
    return (
        f"{added.name} = {{ python = {json.dumps(str(added.python))}, backends = [{backends}] }}\n"
    )


def _with_line(text: str, line: str) -> str:
    """Put a line at the start of the table, which need not be there."""
    header = _HEADER.search(text)
    if header is None:
        return f"{text.rstrip()}\n\n[interpreters]\n{line}".lstrip()
    start = header.group().rstrip("\n") + "\n"
    return text[: header.start()] + start + line + text[header.end() :]
