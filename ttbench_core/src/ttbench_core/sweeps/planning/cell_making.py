"""Making the cells of a sweep: each with its request, its key, and what is known against it."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Final

from ttbench_core.backends.engine_options import variables_of
from ttbench_core.backends.selection import requested_kind
from ttbench_core.errors import RequestError, UnknownNameError
from ttbench_core.models.loaders.finding import find_loader, is_loader
from ttbench_core.plugins.catalogue import ModelEntry
from ttbench_core.plugins.registry import MODELS, describe_unknown, discover
from ttbench_core.record.machines import accelerator_names
from ttbench_core.request.options import RunOptions
from ttbench_core.request.settings_file import Interpreter
from ttbench_core.running.request import RunRequest
from ttbench_core.sweeps.definition.axes import MACHINE, Setting
from ttbench_core.sweeps.definition.sweep import Sweep, SweepError
from ttbench_core.sweeps.planning.cell import Cell
from ttbench_core.sweeps.planning.engines_here import Engine, Engines
from ttbench_core.sweeps.planning.expanding import Assignment
from ttbench_core.sweeps.planning.identity import cell_key, commit_of, effective_request
from ttbench_core.sweeps.planning.labels import shown_settings, texts_of
from ttbench_core.sweeps.planning.machines import EVERY, machine_name
from ttbench_core.sweeps.planning.requests import (
    Checks,
    Interpreters,
    options_of,
    refusal_to_measure,
    with_choices,
)

__all__ = ["CellMaker", "is_unknown_model"]

_NO_PACK: Final = "no pack here has it: "


class CellMaker:
    """Makes cells of settings; what many of them share is found out once.

    Args:
        sweep: that they are of.
        engines: what runs them.
        entries: the models of the sweep, by name.
        refuse_unknown: whether cells of a model that is nowhere are refused: other machines may
            have it. Else it is an error.
    """

    def __init__(
        self,
        sweep: Sweep,
        engines: Engines,
        entries: Mapping[str, ModelEntry | None],
        *,
        refuse_unknown: bool = False,
    ) -> None:
        self._refuse_unknown = refuse_unknown
        self._sweep = sweep
        self._engines = engines
        self._entries = entries
        self._interpreters = Interpreters()
        self._checks = Checks()
        self._commits: dict[str | None, str | None] = {}
        # one word, as `all`, may be several configurations
        self._axes = frozenset((*sweep.axes, "config", MACHINE))
        self._variables = variables_of(None)

    def find_engine(self, one: Assignment) -> None:
        """Ask the engine that settings choose, so that its devices are known."""
        self._engines.engine_of(*self._asked(one))

    def cell(self, one: Assignment, hosts: Sequence[str] = ()) -> Cell:
        """Make the cell of settings; its number and label are those of a plan.

        Args:
            one: the settings.
            hosts: see `identity.cell_key`.

        Raises `SweepError` for settings that contradict each other, `UnknownNameError` for a
        model that is nowhere.
        """
        entry = self._entries[str(one.settings["model"])]
        asked, interpreter = self._asked(one)
        unknown = None
        if entry is None and interpreter is None:
            found = _why_unknown(asked.model)
            if not self._refuse_unknown:
                raise UnknownNameError(f"{self._sweep.source}: {found}")
            unknown = f"{_NO_PACK}{found}"
        engine = self._engines.engine_of(asked, interpreter)
        config = asked.config or (entry.default_config if entry else None)
        options = with_choices(asked, config, engine.name or asked.backend)
        return Cell(
            number=0,
            key=self._key(options, engine, entry, hosts),
            label="",
            scenario=one.scenario,
            settings=self._shown(one, engine, options),
            request=RunRequest(options, interpreter=interpreter),
            refused=unknown or self._refusal(entry, engine, options),
            devices=tuple(one.partition(" ")[0] for one in engine.devices),
        )

    def _key(
        self, options: RunOptions, engine: Engine, entry: ModelEntry | None, hosts: Sequence[str]
    ) -> str:
        pack = None if entry is None else entry.pack
        if pack not in self._commits:
            self._commits[pack] = commit_of(entry)
        request = effective_request(options, engine.installed, entry)
        return cell_key(request, engine, entry, self._commits[pack], hosts)

    def _asked(self, one: Assignment) -> tuple[RunOptions, Interpreter | None]:
        try:
            options = options_of(one.settings)
        except RequestError as error:
            shown = texts_of(shown_settings(one.settings, self._variables), one.scenario)
            raise SweepError(
                f"{self._sweep.source}: the run {shown}: {error} (or leave the run out by"
                " [[exclude]])"
            ) from error
        try:
            return options, self._interpreters.of(options)
        except RequestError as error:
            raise SweepError(f"{self._sweep.source}: {error}") from error

    def _shown(self, one: Assignment, engine: Engine, options: RunOptions) -> dict[str, Setting]:
        own = engine.installed.capabilities.variables if engine.installed else ()
        settings = {axis: value for axis, value in one.settings.items() if axis in self._axes}
        if settings.get(MACHINE) == EVERY:
            accelerators = _accelerators(options, engine)
            settings[MACHINE] = machine_name(self._engines.machine, accelerators)
        return shown_settings(settings, (*self._variables, *own))

    def _refusal(self, entry: ModelEntry | None, engine: Engine, options: RunOptions) -> str | None:
        if entry is not None and entry.error:
            return f"model {entry.name!r} cannot be used: {entry.error}"
        if (compiling := refusal_to_measure(engine.installed)) is not None:
            return compiling
        if engine.refused is not None or engine.installed is None:
            return engine.refused
        return self._checks.refusal(options, engine.installed)


def _why_unknown(model: str) -> str:
    if is_loader(model):
        try:
            find_loader(model)
        except UnknownNameError as error:
            return str(error)
    return describe_unknown(MODELS, model, "model", discover(MODELS))


def _accelerators(options: RunOptions, engine: Engine) -> tuple[str, ...]:
    """Give the names of the devices that a run may use, without the processor."""
    if engine.installed is None or not engine.reported:
        return ()
    asked = options.device or requested_kind(options, engine.installed)
    chosen = asked or engine.reported[0].spec.partition(":")[0]
    kinds = ((one.spec.partition(":")[0], one) for one in engine.reported)
    return accelerator_names(
        [{"kind": kind, "name": one.name} for kind, one in kinds if chosen in (kind, one.spec)]
    )


def is_unknown_model(refused: str | None) -> bool:
    """Return whether a cell is refused because no pack has its model."""
    return refused is not None and refused.startswith(_NO_PACK)
