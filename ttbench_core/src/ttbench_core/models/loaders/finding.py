"""Where the module of a loader is, found from files: nothing is imported for it."""

from __future__ import annotations

import importlib.machinery
import importlib.util
import sys
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from ttbench_core.errors import UnknownNameError

__all__ = [
    "CLASS",
    "PREFIX",
    "Found",
    "find_loader",
    "find_package",
    "is_loader",
    "search_from_here",
]

#: What the name of a model begins with that is the module of a loader.
PREFIX: Final = "loader:"
#: The class that a module of loaders has, in tt-forge-models.
CLASS: Final = "ModelLoader"


@dataclass(frozen=True)
class Found:
    """A loader that is somewhere in a file."""

    module: str
    #: The name of its class in the module.
    class_name: str
    file: Path

    @property
    def where(self) -> str:
        """What messages call it."""
        return f"{PREFIX}{self.module}"


def is_loader(model: str) -> bool:
    """Return whether the name of a model is that of a loader."""
    return model.startswith(PREFIX)


def find_loader(name: str) -> Found:
    """Find a loader by `loader:PACKAGE.MODULE` or `loader:PACKAGE.MODULE.CLASS`.

    Raises `UnknownNameError` where there is no such module.
    """
    module = name.removeprefix(PREFIX)
    parts = module.split(".")
    if not all(part.isidentifier() for part in parts):
        raise UnknownNameError(
            f"{name!r} names no loader: write {PREFIX}PACKAGE.MODULE, such as"
            f" {PREFIX}third_party.tt_forge_models.bert.question_answering.pytorch.loader"
        )
    file = _file_of(parts)
    if file is not None:
        return Found(module, CLASS, file)
    file = _file_of(parts[:-1]) if len(parts) > 1 else None
    if file is None:
        raise UnknownNameError(_not_found(parts))
    return Found(".".join(parts[:-1]), parts[-1], file)


def find_package(name: str) -> Path:
    """Give the folder of a package, also of one without `__init__.py`.

    Raises `UnknownNameError` where there is none.
    """
    folders = [one for one in _places(name.split(".")) if one.is_dir()]
    if not folders:
        raise UnknownNameError(_not_found(name.split(".")))
    return folders[0]


def search_from_here() -> None:
    """Let modules be found in the current folder first, as `python -m` does."""
    here = _current_folder()
    if here is not None and sys.path[:1] not in ([""], [str(here)]):
        sys.path.insert(0, str(here))


def _file_of(parts: list[str]) -> Path | None:
    """Give the file of a module, or of a package that has one."""
    for place in _places(parts):
        if place.suffix == ".py":
            return place
        if (place / "__init__.py").is_file():
            return place / "__init__.py"
    return None


def _places(parts: list[str]) -> list[Path]:
    """Give the file of a module, or the folders of a package, in the order of Python."""
    found: list[Path] = []
    folders = list(_top_folders(parts[0]))
    for part in parts:
        found = list(_in_folders(part, folders))
        folders = [one for one in found if one.is_dir()]
    return found


def _top_folders(name: str) -> Iterator[Path]:
    """Yield the folders that may hold the top package: those of the path, and of an installer."""
    here = _current_folder()
    if here is not None:
        yield here
    yield from (Path(one) for one in sys.path if one)
    # an editable installation finds its packages by an importer of its own
    try:
        spec = importlib.util.find_spec(name)
    except (ImportError, ValueError, AttributeError):
        return
    if isinstance(spec, importlib.machinery.ModuleSpec):
        yield from (Path(one).parent for one in spec.submodule_search_locations or ())


def _current_folder() -> Path | None:
    try:
        return Path.cwd()
    except OSError:  # it was removed
        return None


def _in_folders(part: str, folders: Iterable[Path]) -> Iterator[Path]:
    """Yield a package with a file or a module at once, else all folders with the name."""
    plain = []
    for folder in dict.fromkeys(folders):
        package, module = folder / part, folder / f"{part}.py"
        if (package / "__init__.py").is_file():
            yield package
            return
        if module.is_file():
            yield module
            return
        if package.is_dir():
            plain.append(package)
    yield from plain


def _not_found(parts: list[str]) -> str:
    name = ".".join(parts)
    for count in range(1, len(parts) + 1):
        if not _places(parts[:count]):
            missing, there = parts[count - 1], ".".join(parts[: count - 1])
            what = f"{there} has no {missing!r}" if there else f"there is no package {missing!r}"
            break
    else:
        what = "it is a folder without __init__.py"
    return (
        f"no module {name!r} for a loader: {what}; it is looked for in the current folder, then on"
        " Python's path: go to the folder that holds its package, or set PYTHONPATH"
    )
