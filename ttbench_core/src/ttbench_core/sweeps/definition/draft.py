"""A definition as it was written, before it is checked."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

__all__ = ["Draft"]


@dataclass(frozen=True)
class Draft:
    """A definition that has not been checked."""

    grid: Mapping[str, Any] = field(default_factory=dict)
    settings: Mapping[str, Any] = field(default_factory=dict)
    zips: Sequence[Mapping[str, Any]] = ()
    scenarios: Sequence[tuple[str, Mapping[str, Any]]] = ()
    excludes: Sequence[Mapping[str, Any]] = ()
    machines: Mapping[str, Any] = field(default_factory=dict)
    name: str = "sweep"
    rounds: Any = 1
    outputs: Sequence[str] = ()
    order_seed: Any = 0
    cell_timeout_s: Any = None
    #: The file or function that defines it.
    source: str = "sweep"
    #: The flags that gave axes or values of `[sweep]`, by their names: messages name the flag.
    flags: Mapping[str, str] = field(default_factory=dict)

    def place(self, table: str, key: str) -> str:
        """Give where a value is written, for messages."""
        if key in self.flags:
            return self.flags[key]
        return f"{self.source}: {table} {key}"
