"""Checking what a definition says of machines: its tables, and the names that it uses."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Final

from ttbench_core.errors import suggestion
from ttbench_core.sweeps.definition.axes import MACHINE, Setting
from ttbench_core.sweeps.definition.draft import Draft
from ttbench_core.sweeps.definition.sweep import Sweep, SweepError
from ttbench_core.sweeps.planning.machines import EVERY, NUMBERS, TEXTS

__all__ = ["read_machines", "refuse_unknown_machines"]

_FACTS: Final = (*TEXTS, *NUMBERS)
_MAX_NUMBER: Final = 1e15


def read_machines(draft: Draft) -> dict[str, dict[str, Setting]]:
    """Read the tables `[machines.NAME]`; raises `SweepError`, which names the place."""
    if not isinstance(draft.machines, Mapping):
        raise SweepError(f"{draft.source}: machines must be tables by name")
    return {str(name): _table(draft, str(name), one) for name, one in draft.machines.items()}


def refuse_unknown_machines(sweep: Sweep, draft: Draft) -> None:
    """Raise `SweepError` for a machine that no table describes, and for `every` beside names."""
    names = [str(one) for one in sweep.values_of(MACHINE)]
    place = draft.flags.get(MACHINE, f"{draft.source}: {MACHINE}")
    for name in names:
        _refuse_unknown(sweep, place, name)
    if EVERY in names and len(names) > 1:
        others = ", ".join(one for one in names if one != EVERY)
        raise SweepError(
            f"{place}: {EVERY!r} stands for every kind of machine, {others} among them: leave one"
            " out"
        )
    for one in sweep.excludes:
        for value in one.get(MACHINE, ()):
            _refuse_unknown(sweep, f"{draft.source}: [[exclude]] {MACHINE}", str(value))


def _refuse_unknown(sweep: Sweep, place: str, name: str) -> None:
    if name == EVERY or name in sweep.machines:
        return
    raise SweepError(
        f"{place}: no table says what {name!r} is{suggestion(name, [*sweep.machines, EVERY])}:"
        f' [machines.{name}] in a file, such as cpu = "*EPYC*"'
    )


def _table(draft: Draft, name: str, given: Any) -> dict[str, Setting]:
    place = f"{draft.source}: [machines.{name}]"
    if name == EVERY:
        raise SweepError(f"{place}: {EVERY!r} is every kind of machine: choose another name")
    if not name.strip():
        raise SweepError(f"{place}: {name!r} is no name of a machine")
    if not isinstance(given, Mapping):
        raise SweepError(f"{place} must be a table, not {given!r}")
    if not given:
        raise SweepError(f"{place}: an empty one would be any machine; it may have {_listed()}")
    for fact in given:
        if fact not in _FACTS:
            raise SweepError(
                f"{place}: unknown fact {fact!r}{suggestion(str(fact), _FACTS)}; it may have"
                f" {_listed()}"
            )
    return {fact: _value(f"{place} {fact}", fact, one) for fact, one in given.items()}


def _value(place: str, fact: str, given: Any) -> Setting:
    if fact in TEXTS:
        if not isinstance(given, str) or not given.strip():
            raise SweepError(f'{place}: {given!r} is no pattern, such as "*EPYC*"')
        return given
    is_number = isinstance(given, (int, float)) and not isinstance(given, bool)
    if not is_number or not 0 < given < _MAX_NUMBER:
        raise SweepError(f"{place}: {given!r} is no number above 0")
    return int(given) if given == int(given) else float(given)


def _listed() -> str:
    return ", ".join(_FACTS)
