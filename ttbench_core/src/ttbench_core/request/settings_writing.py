"""Adding an interpreter to a settings file, whose other lines stay as they are."""

from __future__ import annotations

import json
import os
import re
from pathlib import Path
from typing import Final

from ttbench_core.errors import SettingsError
from ttbench_core.request.settings_file import Interpreter, read_interpreters

__all__ = ["add_interpreter"]

_HEADER: Final = re.compile(r"^[ \t]*\[[ \t]*interpreters[ \t]*\][^\n]*\n?", re.MULTILINE)


def add_interpreter(file: Path, added: Interpreter) -> None:
    """Add an interpreter to a settings file, which need not exist.

    Args:
        file: replaced as a whole, or not at all.
        added: its path is absolute.

    Raises `SettingsError` for a file that cannot be read, for a name that it has, and where the
    table is written in a way that nothing can be added to.
    """
    before = read_interpreters(file) if file.exists() else ()
    if any(one.name == added.name for one in before):
        raise SettingsError(
            f"{file} has an interpreter {added.name!r} already: choose another name"
        )
    text = file.read_text(encoding="utf-8") if file.exists() else ""
    # a string of JSON without characters beyond ASCII is one of TOML
    backends = ", ".join(map(json.dumps, added.backends))
    line = (
        f"{added.name} = {{ python = {json.dumps(str(added.python))}, backends = [{backends}] }}\n"
    )
    header = _HEADER.search(text)
    if header is None:
        text = f"{text.rstrip()}\n\n[interpreters]\n{line}".lstrip()
    else:
        start = header.group().rstrip("\n") + "\n"
        text = text[: header.start()] + start + line + text[header.end() :]
    file.parent.mkdir(parents=True, exist_ok=True)
    written = file.with_name(f".{file.name}.{os.getpid()}")
    try:
        written.write_text(text, encoding="utf-8")
        if set(read_interpreters(written)) != {*before, added}:
            raise SettingsError(f"{file}: nothing can be added to its interpreters: add {line!r}")
        written.replace(file)
    finally:
        written.unlink(missing_ok=True)
