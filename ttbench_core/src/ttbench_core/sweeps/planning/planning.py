"""From a definition to its plan: what will run here, and what is known against the rest.

Nothing is built or measured for it, and no engine is imported in this process.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace

from ttbench_core.doctor.listing import list_installed_models
from ttbench_core.plugins.catalogue import ModelEntry
from ttbench_core.sweeps.definition.axes import MACHINE
from ttbench_core.sweeps.definition.sweep import Sweep
from ttbench_core.sweeps.planning.cell import Cell
from ttbench_core.sweeps.planning.cell_making import CellMaker
from ttbench_core.sweeps.planning.combinations import numbered_combinations
from ttbench_core.sweeps.planning.configurations import missing_pairs, with_configurations
from ttbench_core.sweeps.planning.engines_here import Engines
from ttbench_core.sweeps.planning.estimating import Estimate, History, Kind
from ttbench_core.sweeps.planning.exclusions import Exclusions
from ttbench_core.sweeps.planning.expanding import Assignment, assignments
from ttbench_core.sweeps.planning.identity import identity_of
from ttbench_core.sweeps.planning.labels import unique_labels
from ttbench_core.sweeps.planning.machines import HOST, host_name, machine_facts
from ttbench_core.sweeps.planning.machines_here import AllMachines, MachinesHere, needs_devices
from ttbench_core.sweeps.planning.model_patterns import with_models
from ttbench_core.sweeps.planning.plan import LeftOut, Plan
from ttbench_core.sweeps.shards.shards import Share
from ttbench_core.sweeps.shards.sharing import shared_out

__all__ = ["estimates_of", "plan_sweep"]


def plan_sweep(
    sweep: Sweep,
    history: History | None = None,
    notes: Sequence[str] = (),
    share: Share | None = None,
    *,
    everywhere: bool = False,
    refuse_unknown: bool = False,
) -> Plan:
    """Plan a sweep on this machine.

    Packs and engines are asked in other processes, which takes seconds.

    Args:
        sweep: what is asked.
        history: times of earlier runs.
        notes: sentences for whoever reads the plan.
        share: plans the cells of one shard alone.
        everywhere: whether to plan the cells of all machines, for whoever looks at the whole sweep
            from anywhere. Their settings and labels are those of each machine's own plan; keys
            and refusals are not.
        refuse_unknown: whether the cells of a model that no pack here has are refused, because
            other machines may have it.

    Raises `SweepError` for settings that contradict each other, and `UnknownNameError` for a
    model or a configuration that is nowhere.
    """
    engines = Engines(machine_facts())
    with ThreadPoolExecutor(1) as pool:
        listing = pool.submit(list_installed_models)
        engines.ask([str(one) for one in sweep.values_of("backend")])
        named, entries = with_models(sweep, listing.result())
    wanted = list(with_configurations(assignments(named), entries))
    exclusions = Exclusions(named, sweep)
    kept = [one for one in wanted if not exclusions.match(one.settings)]
    missing = missing_pairs(entries, kept, sweep.source)
    left_out = Counter(pair for one in kept if (pair := _pair(one)) in missing)
    maker = CellMaker(sweep, engines, entries, refuse_unknown=refuse_unknown)
    able = [one for one in kept if _pair(one) not in missing]
    machines = AllMachines() if everywhere else _machines_here(sweep, engines, maker, able)
    here = [one for one in able if machines.has(one)]
    made = [maker.cell(one, machines.hosts(one)) for one in here]
    cells = _merged(made)
    plan = Plan(
        sweep,
        identity_of(sweep),
        _labelled(sweep, cells),
        tuple(LeftOut(missing[pair], count) for pair, count in sorted(left_out.items())),
        excluded=len(wanted) - len(kept),
        elsewhere=Counter(str(one.settings[MACHINE]) for one in able if not machines.has(one)),
        notes=(*notes, *_broken(entries), *exclusions.notes(), *machines.notes(kept)),
        estimates=estimates_of(cells, history or History()),
    )
    if share is None:
        return plan
    return shared_out(plan, made, [_kind(one, entries) for one in here], share)


def _kind(one: Assignment, entries: Mapping[str, ModelEntry | None]) -> Kind:
    """Give the kind of a cell as the definition says it, whatever this machine has."""
    model = str(one.settings["model"])
    entry = entries[model]
    config = one.settings.get("config", entry.default_config if entry else None)
    backend = one.settings.get("backend")
    name = model.rpartition(":")[2]
    return name, None if config is None else str(config), None if backend is None else str(backend)


def _pair(one: Assignment) -> tuple[str, str]:
    return str(one.settings["model"]), str(one.settings.get("config", ""))


def _merged(cells: Sequence[Cell]) -> list[Cell]:
    """Keep the first of cells that measure the same."""
    counts = Counter(one.key for one in cells)
    if len(counts) == len(cells):
        return list(cells)
    first = {one.key: one for one in reversed(cells)}
    names: dict[str, dict[str, None]] = {}
    for one, name in zip(cells, numbered_combinations(cells), strict=True):
        names.setdefault(one.key, {})[name] = None
    return [
        replace(first[key], same=count, merged=tuple(names[key])[1:])
        for key, count in counts.items()
    ]


def _machines_here(
    sweep: Sweep, engines: Engines, maker: CellMaker, wanted: Sequence[Assignment]
) -> MachinesHere:
    """Find out which machines of the sweep this one is, by the devices of all its engines."""
    if needs_devices(sweep):
        for one in wanted:
            if "backend" not in one.settings:  # those that are named have been asked
                maker.find_engine(one)
    return MachinesHere(sweep, {**engines.machine, HOST: host_name()}, engines.device_names())


def _labelled(sweep: Sweep, cells: Sequence[Cell]) -> tuple[Cell, ...]:
    # where machines vary they do so between plans: a label is the same in all of them
    always = {MACHINE}.intersection(sweep.axes)
    labels = unique_labels([one.settings for one in cells], [one.scenario for one in cells], always)
    return tuple(
        replace(one, number=number, label=label)
        for number, (one, label) in enumerate(zip(cells, labels, strict=True), 1)
    )


def _broken(entries: Mapping[str, ModelEntry | None]) -> list[str]:
    return [
        f"{name} cannot be used: {one.error}" for name, one in entries.items() if one and one.error
    ]


def estimates_of(cells: Sequence[Cell], history: History) -> dict[str, Estimate]:
    """Give how long a run of each cell takes, by its key, where earlier records say so."""
    found = {}
    for one in cells:
        options = one.request.options
        kind = options.model.rpartition(":")[2], options.config, options.backend
        if one.refused is None and (estimate := history.estimate(one.key, kind)) is not None:
            found[one.key] = estimate
    return found
