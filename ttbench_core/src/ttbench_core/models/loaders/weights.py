"""A folder of weights in place of those that a variant of a loader names."""

from __future__ import annotations

import dataclasses
from pathlib import Path
from typing import Any

from ttbench_core.errors import OptionError, UnsupportedOptionError
from ttbench_core.models.loaders.asking import WEIGHTS, variants_of
from ttbench_core.models.loaders.finding import Found

__all__ = ["check_weights", "with_weights"]


def with_weights(cls: Any, variant: Any, folder: str, found: Found) -> Any:
    """Give a subclass of a loader whose table of variants names a folder.

    The class itself stays as it is.

    Raises `OptionError` for a folder that is not there, `UnsupportedOptionError` for a loader
    whose variants name no weights.
    """
    place = Path(folder).absolute()
    if not place.is_dir():
        raise OptionError(f"--weights {folder}: there is no such folder")
    table = variants_of(cls)
    config: Any = table.get(variant)
    fields = [one.name for one in dataclasses.fields(config)] if _is_config(config) else []
    if WEIGHTS not in fields:
        raise UnsupportedOptionError(
            f"{found.where} has no table of variants with a {WEIGHTS}: leave out --weights"
        )
    named: Any = dataclasses.replace(config, **{WEIGHTS: str(place)})
    members = {"_VARIANTS": {**table, variant: named}, "__module__": cls.__module__}
    return type(cls.__name__, (cls,), members)


def check_weights(module: Any, folder: str, found: Found) -> None:
    """Raise `UnsupportedOptionError` for a module that was not made of a folder of weights."""
    place = str(Path(folder).absolute())
    named = [str(getattr(one, "name_or_path", "")) for one in module.modules()]
    if place not in named:
        raise UnsupportedOptionError(
            f"{found.where} does not read its model from the folder of --weights: leave it out"
        )


def _is_config(value: Any) -> bool:
    return dataclasses.is_dataclass(value) and not isinstance(value, type)
