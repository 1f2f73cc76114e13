"""A folder of loaders as a zoo."""

from __future__ import annotations

import os
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from ttbench_core.errors import AmbiguousNameError
from ttbench_core.model import Builder, ZooModel
from ttbench_core.models.loaders.builders import builder_of
from ttbench_core.models.loaders.finding import CLASS, PREFIX, find_loader, find_package
from ttbench_core.models.loaders.reading import LoaderText, read_loader_file

__all__ = ["LoaderFolder"]

_FILE: Final = "loader.py"
#: Folders of tt-forge-models with loaders for other frameworks.
_OTHER_FOLDERS: Final = frozenset({"jax", "bounty_jax", "onnx", "paddlepaddle"})


@dataclass(frozen=True)
class LoaderFolder:
    """The loaders in the files `loader.py` of a package: a zoo, which imports none of them.

    A pack registers a callable that makes it, such as
    `functools.partial(LoaderFolder, "third_party.tt_forge_models")`. A model is called as the
    folder of its loader is, with dots. Loaders for other frameworks than PyTorch are left out.
    """

    #: Found in the current folder, then on Python's path.
    package: str

    def models(self) -> Iterator[ZooModel]:
        """Yield the loaders; raises `UnknownNameError` where the package is not found."""
        top = find_package(self.package)
        for folder in _folders(top):
            text = _read(folder / _FILE)
            if text is not None and not text.other_framework:
                name = ".".join(folder.relative_to(top).parts)
                yield ZooModel(name, text.variants, text.default, text.task)

    def builder(self, name: str) -> Builder:
        """Make the builder of one of them."""
        return builder_of(find_loader(f"{PREFIX}{self.package}.{name}.loader"))


def _folders(top: Path) -> Iterator[Path]:
    for place, folders, files in os.walk(top):
        folders[:] = sorted(
            one for one in folders if one.isidentifier() and one not in _OTHER_FOLDERS
        )
        if _FILE in files and Path(place) != top:
            yield Path(place)


def _read(file: Path) -> LoaderText | None:
    try:
        return read_loader_file(file, CLASS)
    except AmbiguousNameError:
        # it is refused, with the reason, when it is asked for
        return LoaderText()
