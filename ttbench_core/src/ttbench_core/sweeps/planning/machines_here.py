"""Which machines of a sweep this one is: which cells are measured here, and which elsewhere."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Iterator, Mapping
from typing import Any, Final

from ttbench_core.sweeps.definition.axes import MACHINE, Setting
from ttbench_core.sweeps.definition.sweep import Sweep
from ttbench_core.sweeps.planning.expanding import Assignment
from ttbench_core.sweeps.planning.machines import DEVICE, EVERY, HOST, NUMBERS, TEXTS, matches

__all__ = ["AllMachines", "MachinesHere", "needs_devices"]


def needs_devices(sweep: Sweep) -> bool:
    """Return whether only the devices tell which machine of a sweep this one is."""
    names = sweep.values_of(MACHINE)
    return any(DEVICE in table for name, table in sweep.machines.items() if name in names)


class MachinesHere:
    """The names in a sweep that this machine has.

    Args:
        sweep: with the tables of machines.
        facts: of this machine, with the name of its host.
        devices: names of the devices that the engines of the sweep report here.
    """

    def __init__(self, sweep: Sweep, facts: Mapping[str, Any], devices: Collection[str]) -> None:
        self._sweep: Final = sweep
        self._facts: Final = facts
        self._devices: Final = devices
        used = [str(one) for one in sweep.values_of(MACHINE)]
        self._names: Final = frozenset(
            name
            for name, table in sweep.machines.items()
            if name in used and matches(table, facts, devices)
        )

    def hosts(self, _: Assignment) -> tuple[str, ...]:
        """Give what tells the host of a cell from others: see `identity.cell_key`."""
        found = {self._sweep.machines[one].get(HOST) for one in self._names}
        return tuple(sorted(str(one) for one in found if one is not None))

    def has(self, one: Assignment) -> bool:
        """Return whether a cell is to be measured on this machine."""
        name = one.settings.get(MACHINE, EVERY)
        return name == EVERY or name in self._names

    def notes(self, wanted: Iterable[Assignment]) -> Iterator[str]:
        """Yield what whoever reads the plan must know.

        Args:
            wanted: the cells of the sweep, here and elsewhere.
        """
        names = {one.settings.get(MACHINE, EVERY) for one in wanted}
        for name in self._sweep.machines:
            if name not in names:
                yield f"{self._sweep.source}: [machines.{name}]: no cell is of it"
        if names and EVERY not in names and names.isdisjoint(self._names):
            facts = ", ".join(f"{name} = {_toml(value)}" for name, value in self._known())
            yield f"no cell is of the machine that this is: {facts}"

    def _known(self) -> Iterator[tuple[str, Setting]]:
        for name in (*TEXTS, *NUMBERS):
            if (value := self._facts.get(name)) is not None:
                yield name, value
        for one in self._devices:
            yield DEVICE, one


class AllMachines:
    """In place of `MachinesHere`, where the cells of all machines are wanted."""

    def has(self, _: Assignment) -> bool:
        """Return True."""
        return True

    def hosts(self, one: Assignment) -> tuple[str, ...]:
        """Give the name of its machine, so that the cells of two are not one."""
        return (str(one.settings[MACHINE]),) if MACHINE in one.settings else ()

    def notes(self, _: Iterable[Assignment]) -> Iterator[str]:
        """Yield nothing."""
        yield from ()


def _toml(value: Setting) -> str:
    return f'"{value}"' if isinstance(value, str) else f"{value:g}"
