"""From the settings of a cell to what is run: its options, and why an engine refuses them."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from typing import Any, Final

from ttbench_core.backends.engine_options import spelled_options, with_spelled_options
from ttbench_core.backends.loading import InstalledBackend
from ttbench_core.backends.planning import check_request
from ttbench_core.backends.refusals import refuse_unsupported
from ttbench_core.errors import RequestError
from ttbench_core.request.keywords import options_from
from ttbench_core.request.options import RunOptions
from ttbench_core.request.settings_file import Interpreter, find_interpreter
from ttbench_core.sweeps.definition.axes import ENGINE_PREFIX, MACHINE, MODEL_PREFIX, Setting

__all__ = [
    "READ_BY_CAPABILITIES",
    "Checks",
    "Interpreters",
    "options_of",
    "refusal_to_measure",
    "with_choices",
]

#: What capabilities decide about, beside the names of engine options: all that
#: `refuse_unsupported` reads.
READ_BY_CAPABILITIES: Final = (
    *("training", "dataformat", "math_fidelity", "backend_opt_level", "chips", "trace"),
    *("generative", "device", "threads", "timeout"),
)


def options_of(settings: Mapping[str, Setting]) -> RunOptions:
    """Make the options of a run from settings by axis; raises `OptionError`."""
    keywords: dict[str, Any] = {}
    engine: dict[str, Setting] = {}
    model: dict[str, Setting] = {}
    for axis, value in settings.items():
        if axis.startswith(ENGINE_PREFIX):
            engine[axis.removeprefix(ENGINE_PREFIX)] = value
        elif axis.startswith(MODEL_PREFIX):
            model[axis.removeprefix(MODEL_PREFIX)] = value
        elif axis not in ("model", MACHINE):
            keywords[axis] = value
    # those with flags are read as the command line reads them: a default is not asked for
    spelled = {name: engine.pop(name) for name in spelled_options() if name in engine}
    keywords.update(spelled, engine_options=engine, model_options=model)
    return options_from(str(settings["model"]), with_spelled_options(keywords), caller="sweep")


class Interpreters:
    """Finds the interpreter of a run, and reads `ttbench.toml` once for each question."""

    def __init__(self) -> None:
        self._found: dict[tuple[str | None, str | None], Interpreter | None] = {}

    def of(self, options: RunOptions) -> Interpreter | None:
        """Give it; None is this one. Raises `OptionError` and `SettingsError`."""
        key = options.python, options.backend
        if key not in self._found:
            self._found[key] = find_interpreter(*key)
        return self._found[key]


class Checks:
    """Says what backends refuse. What capabilities decide is asked once for all runs like it.

    Finding another backend that would do, for the message, loads all of them.
    """

    def __init__(self) -> None:
        self._known: dict[tuple[object, ...], str | None] = {}

    def refusal(self, options: RunOptions, installed: InstalledBackend) -> str | None:
        """Give why a backend refuses a run before anything runs; None if it does not."""
        refused = self._unsupported(options, installed)
        if refused is not None:
            return refused
        try:
            check_request(options, installed.backend)
        except RequestError as error:
            return str(error)
        return None

    def _unsupported(self, options: RunOptions, installed: InstalledBackend) -> str | None:
        names = tuple(options.engine_options)
        key = (installed.plugin, names, *(getattr(options, one) for one in READ_BY_CAPABILITIES))
        if key not in self._known:
            self._known[key] = _unsupported(options, installed)
        return self._known[key]


def _unsupported(options: RunOptions, installed: InstalledBackend) -> str | None:
    try:
        refuse_unsupported(options, installed.backend.name, installed.capabilities)
    except RequestError as error:
        return str(error)
    return None


def refusal_to_measure(installed: InstalledBackend | None) -> str | None:
    """Give why a backend has no place in a sweep, whether it can run here or not."""
    if installed is None or installed.capabilities.measures:
        return None
    name = installed.backend.name
    return f"backend {name!r} compiles only, and a sweep measures: leave it out"


def with_choices(options: RunOptions, config: str | None, backend: str | None) -> RunOptions:
    """Give options with the configuration and the backend that will run."""
    if (options.config, options.backend) == (config, backend):
        return options
    return replace(options, config=config, backend=backend)
