"""A new package from templates: files whose names and texts have the names of what is made."""

from __future__ import annotations

import keyword
import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from string import Template
from typing import Final

from ttbench_core.errors import OptionError, TargetError, one_line
from ttbench_core.plugins.discovery import discover
from ttbench_core.plugins.registry import BACKENDS, MODELS, SINKS

__all__ = ["KINDS", "NewPackage", "new_package", "write_package"]

#: What can be made, with the entry-point group and the prefix of its distribution.
KINDS: Final[Mapping[str, tuple[str, str]]] = {
    "pack": (MODELS, "ttbench-models"),
    "backend": (BACKENDS, "ttbench-backend"),
    "sink": (SINKS, "ttbench-sink"),
}
_NAME: Final = re.compile(r"[a-z][a-z0-9]*([_-][a-z0-9]+)*")
#: MODULE and IDENTIFIER in the name of a file, and words such as ${module} in it, are replaced.
_TEMPLATES: Final = Path(__file__).parent / "templates"
#: What the files of a template end with, so that no tool takes them for Python.
_SUFFIX: Final = ".txt"
_ENCODING: Final = "utf-8"


@dataclass(frozen=True)
class NewPackage:
    """The names of a package that is to be written."""

    #: `pack`, `backend` or `sink`.
    kind: str
    #: What is typed: a model's, a backend's name, or a sink's scheme.
    name: str

    @property
    def distribution(self) -> str:
        """What `pip install` calls it."""
        return f"{KINDS[self.kind][1]}-{self.name}".replace("_", "-")

    @property
    def module(self) -> str:
        """What `import` calls it."""
        return self.distribution.replace("-", "_")

    @property
    def names(self) -> dict[str, str]:
        """What the templates replace, by the word in them."""
        words = re.split(r"[_-]", self.name)
        return {
            "name": self.name,
            "identifier": "_".join(words),
            "class_name": "".join(word.capitalize() for word in words),
            "distribution": self.distribution,
            "module": self.module,
        }


def new_package(kind: str, name: str) -> NewPackage:
    """Check the name of a new package.

    Raises `OptionError` for a name that cannot be one, or that something installed has.
    """
    if not _NAME.fullmatch(name) or keyword.iskeyword(name):
        raise OptionError(
            f"{name!r} cannot be the name of a {kind}: lower-case letters and digits, in words"
            " joined by - or _, such as my_chip"
        )
    taken = [one for one in discover(KINDS[kind][0]) if one.name == name]
    if taken:
        what = "model" if kind == "pack" else kind
        raise OptionError(f"{taken[0].pack} has a {what} {name!r}: choose another name")
    return NewPackage(kind, name)


def write_package(package: NewPackage, folder: Path) -> tuple[Path, ...]:
    """Write the files of a new package, and give them.

    Args:
        package: what is made.
        folder: where; it must be empty, or not be there.

    Raises `TargetError` for a folder that has something in it or cannot be written.
    """
    try:
        if folder.exists() and (not folder.is_dir() or any(folder.iterdir())):
            raise TargetError(f"{folder} is there and not empty: choose another place with --in")
        return tuple(_write(package, folder))
    except OSError as error:
        raise TargetError(f"{folder} cannot be written: {one_line(error)}") from error


def _write(package: NewPackage, folder: Path) -> Iterator[Path]:
    templates = _TEMPLATES / package.kind
    for template in sorted(templates.rglob(f"*{_SUFFIX}")):
        name = str(template.relative_to(templates)).removesuffix(_SUFFIX)
        for word in ("module", "identifier"):
            name = name.replace(word.upper(), package.names[word])
        path = folder / name
        path.parent.mkdir(parents=True, exist_ok=True)
        text = Template(template.read_text(_ENCODING)).substitute(package.names)
        path.write_text(text, encoding=_ENCODING)
        yield path
