"""Reading the cells that another machine has planned, in little memory."""

from __future__ import annotations

import sys
from collections.abc import Mapping
from typing import Any, Final

from ttbench_core.request.options import RunOptions
from ttbench_core.request.settings_file import Interpreter
from ttbench_core.running.request import RunRequest
from ttbench_core.sweeps.planning.cell import Cell

__all__ = ["CellReader"]


class CellReader:
    """Makes cells of JSON values; what many of them have in common is kept once."""

    def __init__(self) -> None:
        self._shared: Final[dict[object, Any]] = {}

    def cell(self, planned: Mapping[str, Any]) -> Cell:
        """Make a cell of what `planned_cell` gave."""
        return Cell(
            number=0,
            key=planned["key"],
            label=planned["label"],
            scenario=self._once(planned["scenario"]),
            settings=self._values(planned["settings"]),
            request=RunRequest(
                RunOptions(**self._values(planned["options"])),
                interpreter=self._interpreter(planned["interpreter"]),
            ),
            refused=self._once(planned["refused"]),
            devices=self._once(tuple(planned["devices"])),
            same=planned["same"],
            merged=tuple(planned["merged"]),
        )

    def _values(self, given: Mapping[str, Any]) -> dict[str, Any]:
        return {
            sys.intern(name): self._once(value) if isinstance(value, str) else value
            for name, value in given.items()
        }

    def _once(self, value: Any) -> Any:
        return self._shared.setdefault(value, value)

    def _interpreter(self, other: Mapping[str, Any] | None) -> Interpreter | None:
        if other is None:
            return None
        found = Interpreter.of_record(other)
        return self._shared.setdefault(found, found)  # type: ignore[no-any-return]
