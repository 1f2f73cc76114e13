"""Which cells the exclusions of a sweep leave out, and which exclusions leave out none."""

from __future__ import annotations

from collections.abc import Mapping

from ttbench_core.sweeps.definition.axes import Setting
from ttbench_core.sweeps.definition.sweep import Sweep
from ttbench_core.sweeps.planning.configurations import is_called
from ttbench_core.sweeps.planning.labels import shown_settings

__all__ = ["Exclusions"]


class Exclusions:
    """The exclusions of a sweep, and whether each has matched a cell so far.

    Args:
        named: with names of models in place of patterns. Patterns of configurations stay: which
            ones they name depends on the model of a cell.
        written: the same sweep as it was defined, for messages.
    """

    def __init__(self, named: Sweep, written: Sweep) -> None:
        self._excludes = named.excludes
        self._texts = [_text(one) for one in written.excludes]
        self._used: set[int] = set()

    def match(self, settings: Mapping[str, Setting]) -> bool:
        """Return whether one of them matches all of its axes; configurations are names here."""
        matching = [at for at, one in enumerate(self._excludes) if _matches(one, settings)]
        self._used.update(matching)
        return bool(matching)

    def notes(self) -> list[str]:
        """Give a sentence for each that has matched no cell: it may be misspelt."""
        return [
            f"[[exclude]] {text}: matches no cell, so that it excludes nothing"
            for at, text in enumerate(self._texts)
            if at not in self._used
        ]


def _matches(exclude: Mapping[str, tuple[Setting, ...]], settings: Mapping[str, Setting]) -> bool:
    return all(
        axis in settings and _is_one_of(axis, settings[axis], values)
        for axis, values in exclude.items()
    )


def _is_one_of(axis: str, value: Setting, values: tuple[Setting, ...]) -> bool:
    if axis == "config":
        return any(is_called(str(value), str(one)) for one in values)
    return value in values


def _text(exclude: Mapping[str, tuple[Setting, ...]]) -> str:
    return ", ".join(
        f"{axis} = {' or '.join(str(shown_settings({axis: one})[axis]) for one in values)}"
        for axis, values in exclude.items()
    )
