"""Checking a definition, wherever it was written, and making the `Sweep`."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any, Final

from ttbench_core.errors import OptionError, RequestError
from ttbench_core.request.checking import check_integer, check_number
from ttbench_core.sweeps.definition.axes import (
    Setting,
    axis_order,
    flat_settings,
    read_setting,
    read_settings,
)
from ttbench_core.sweeps.definition.draft import Draft
from ttbench_core.sweeps.definition.machine_checks import read_machines, refuse_unknown_machines
from ttbench_core.sweeps.definition.sweep import Scenario, Sweep, SweepError
from ttbench_core.sweeps.planning.model_patterns import is_pattern

__all__ = ["sweep_from", "sweep_of"]

_MAX_ROUNDS: Final = 1000
_MAX_TIMEOUT_S: Final = 10**9


def sweep_of(
    *,
    grid: Mapping[str, Any] | None = None,
    settings: Mapping[str, Any] | None = None,
    zips: Sequence[Mapping[str, Any]] = (),
    scenarios: Mapping[str, Mapping[str, Any]] | None = None,
    excludes: Sequence[Mapping[str, Any]] = (),
    machines: Mapping[str, Mapping[str, Any]] | None = None,
    name: str = "sweep",
    rounds: int = 1,
    outputs: Sequence[str] = (),
    order_seed: int = 0,
    cell_timeout_s: float | None = None,
) -> Sweep:
    """Make a sweep from values of Python.

    Args:
        grid: values by axis, each a list, one value, or a range as text; they multiply.
        settings: what all runs have in common.
        zips: mappings of axes to lists of one length, which move together.
        scenarios: settings by name; each scenario multiplies the grid, and its settings win.
        excludes: mappings of axes to a value or a list: runs that match one whole are left out.
        machines: what each name of the axis `machine` means, as `[machines.NAME]` of a file.
        name: for records and reports.
        rounds: how often each run is repeated.
        outputs: what `-o` takes.
        order_seed: seed of the order of the runs.
        cell_timeout_s: seconds that a run may take; None is no limit.

    Axes are `model`, the keywords of `run`, `machine`, `engine_options.NAME` and
    `model_options.NAME`.

    Raises `SweepError`.
    """
    draft = Draft(
        grid=grid or {},
        settings=settings or {},
        zips=zips,
        scenarios=tuple((scenarios or {}).items()),
        excludes=excludes,
        machines=machines or {},
        name=name,
        rounds=rounds,
        outputs=outputs,
        order_seed=order_seed,
        cell_timeout_s=cell_timeout_s,
    )
    return sweep_from(draft)


def sweep_from(draft: Draft) -> Sweep:
    """Check a draft and make the sweep; raises `SweepError`, which names the place."""
    settings = _singles(draft, "[settings]", draft.settings)
    grid = _lists(draft, "[grid]", draft.grid)
    zips = tuple(_zip(draft, one) for one in draft.zips)
    scenarios = tuple(_scenario(draft, name, one) for name, one in draft.scenarios)
    _refuse_repeated(draft, [settings, grid, *zips])
    _refuse_equal_names(draft, [one.name for one in scenarios])
    if "model" in settings:
        grid["model"] = (settings.pop("model"),)
    for axis in [one for one in grid if len(grid[one]) == 1 and one != "model"]:
        settings[axis] = grid.pop(axis)[0]
    sweep = Sweep(
        name=_name(draft),
        settings=_in_order(settings),
        grid=_in_order(grid),
        zips=zips,
        scenarios=scenarios,
        excludes=tuple(_lists(draft, "[[exclude]]", one) for one in draft.excludes),
        machines=read_machines(draft),
        rounds=_integer(draft, "rounds", draft.rounds, 1, _MAX_ROUNDS),
        outputs=tuple(map(str, draft.outputs)),
        order_seed=_integer(draft, "seed", draft.order_seed, 0, 2**63 - 1),
        cell_timeout_s=_seconds(draft),
        source=draft.source,
    )
    _refuse_without_model(sweep)
    _refuse_foreign_excludes(sweep)
    refuse_unknown_machines(sweep, draft)
    return sweep


def _in_order(values: Mapping[str, Any]) -> dict[str, Any]:
    return {axis: values[axis] for axis in axis_order(values)}


def _flat(draft: Draft, table: str, given: Mapping[str, Any]) -> dict[str, Any]:
    try:
        return flat_settings(given)
    except OptionError as error:
        raise SweepError(f"{draft.source}: {table}: {error}") from error


def _singles(draft: Draft, table: str, given: Mapping[str, Any]) -> dict[str, Setting]:
    read: dict[str, Setting] = {}
    for axis, value in _flat(draft, table, given).items():
        try:
            read[axis] = read_setting(axis, value)
        except RequestError as error:
            hint = "; several values are for [grid]" if isinstance(value, list) else ""
            raise SweepError(f"{draft.place(table, axis)}: {error}{hint}") from error
    return _in_order(read)


def _lists(draft: Draft, table: str, given: Mapping[str, Any]) -> dict[str, tuple[Setting, ...]]:
    read: dict[str, tuple[Setting, ...]] = {}
    for axis, values in _flat(draft, table, given).items():
        try:
            read[axis] = read_settings(axis, values)
        except RequestError as error:
            raise SweepError(f"{draft.place(table, axis)}: {error}") from error
    return _in_order(read)


def _zip(draft: Draft, given: Mapping[str, Any]) -> dict[str, tuple[Setting, ...]]:
    read = _lists(draft, "[[zip]]", given)
    lengths = {axis: len(values) for axis, values in read.items()}
    if len(set(lengths.values())) != 1:
        shown = ", ".join(f"{axis} has {count}" for axis, count in lengths.items())
        raise SweepError(
            f"{draft.source}: [[zip]]: its lists must be of one length: {shown or 'it is empty'}"
        )
    _refuse_patterns(draft, "[[zip]]", read.get("model", ()))
    return read


def _scenario(draft: Draft, name: object, given: Mapping[str, Any]) -> Scenario:
    if not isinstance(name, str) or not name:
        raise SweepError(f'{draft.source}: [[scenarios]]: a scenario has a name: name = "..."')
    read = _singles(draft, f"[[scenarios]] {name!r}", given)
    _refuse_patterns(
        draft, f"[[scenarios]] {name!r}", [read[one] for one in read if one == "model"]
    )
    return Scenario(name, read)


def _refuse_patterns(draft: Draft, table: str, models: Sequence[Setting]) -> None:
    for model in models:
        if is_pattern(str(model)):
            raise SweepError(
                f"{draft.source}: {table} model: {model!r} may be several models: name one, or"
                " write it in [grid]"
            )


def _refuse_repeated(draft: Draft, tables: Sequence[Mapping[str, Any]]) -> None:
    seen: set[str] = set()
    for axis in (name for table in tables for name in table):
        if axis in seen:
            raise SweepError(
                f"{draft.source}: {axis} is in two of [settings], [grid] and [[zip]]: leave one out"
            )
        seen.add(axis)


def _refuse_equal_names(draft: Draft, names: Sequence[str]) -> None:
    for name in names:
        if names.count(name) > 1:
            raise SweepError(f"{draft.source}: [[scenarios]]: two have the name {name!r}")


def _refuse_without_model(sweep: Sweep) -> None:
    always = any("model" in table for table in (sweep.grid, *sweep.zips))
    in_scenarios = bool(sweep.scenarios) and all("model" in one.settings for one in sweep.scenarios)
    if not always and not in_scenarios:
        raise SweepError(
            f"{sweep.source}: names no model: -m MODELS, or model = [...] in [grid];"
            " ttbench --list shows what there is"
        )


def _refuse_foreign_excludes(sweep: Sweep) -> None:
    known = {*sweep.settings, *sweep.axes}
    for one in sweep.excludes:
        for axis in one:
            if axis not in known:
                raise SweepError(
                    f"{sweep.source}: [[exclude]] {axis}: no run sets it, so that nothing is"
                    f" excluded; they set {', '.join(axis_order(known))}"
                )
        if not one:
            raise SweepError(f"{sweep.source}: [[exclude]]: an empty one would exclude every run")


def _name(draft: Draft) -> str:
    if not isinstance(draft.name, str) or not draft.name.strip():
        raise SweepError(f"{draft.place('[sweep]', 'name')}: {draft.name!r} is no name")
    return draft.name


def _integer(draft: Draft, key: str, value: Any, minimum: int, maximum: int) -> int:
    try:
        read = check_integer(key, value, minimum=minimum, maximum=maximum)
    except OptionError as error:
        raise SweepError(f"{draft.place('[sweep]', key)}: {error}") from error
    if read is None:
        raise SweepError(f"{draft.place('[sweep]', key)}: must be a whole number")
    return read


def _seconds(draft: Draft) -> float | None:
    try:
        return check_number("cell_timeout", draft.cell_timeout_s, above=0, maximum=_MAX_TIMEOUT_S)
    except OptionError as error:
        raise SweepError(f"{draft.place('[sweep]', 'cell_timeout')}: {error}") from error
