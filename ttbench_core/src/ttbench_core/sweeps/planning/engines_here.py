"""The engines of a sweep: which one runs a request, and what is known of it before it does.

Each engine is asked in a process of its own, once: whether it can run here imports it.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field
from typing import Any, Final

from ttbench_core.backends.loading import InstalledBackend, installed_backends, load_backend
from ttbench_core.backends.protocol import PlanningBackend
from ttbench_core.backends.selection import candidates_for, requested_kind
from ttbench_core.doctor.backends import (
    BROKEN,
    USABLE,
    BackendReport,
    DeviceReport,
    probe_backend,
)
from ttbench_core.doctor.interpreters import InterpreterReport, probe_interpreter
from ttbench_core.doctor.probe import Probe
from ttbench_core.errors import RequestError
from ttbench_core.plugins.registry import BACKENDS, Plugin, find, name_to_ask_for
from ttbench_core.request.options import RunOptions
from ttbench_core.request.settings_file import Interpreter

__all__ = ["Engine", "Engines"]

#: How long an engine, or another interpreter, may take to answer.
_TIMEOUT_S: Final = 60.0
_AT_ONCE: Final = 4


@dataclass(frozen=True)
class Engine:
    """The engine of a request, as far as it is known before anything runs."""

    #: What `--backend` takes; None where another interpreter chooses it.
    name: str | None
    installed: InstalledBackend | None = None
    #: Versions of the software that decides its speed.
    versions: Mapping[str, str] = field(default_factory=dict, hash=False)
    #: Its devices, by name and architecture.
    devices: tuple[str, ...] = ()
    #: The same, as it reports them.
    reported: tuple[DeviceReport, ...] = ()
    #: Why it cannot run here; None if it can.
    refused: str | None = None
    #: See `machines.machine_facts`.
    machine: Mapping[str, Any] = field(default_factory=dict, hash=False)


class Engines:
    """Asks engines about themselves, each once.

    Args:
        machine: what identifies this machine.
        timeout_s: how long each may take to answer.
    """

    def __init__(self, machine: Mapping[str, Any], timeout_s: float = _TIMEOUT_S) -> None:
        #: What identifies this machine.
        self.machine: Final = machine
        self._timeout_s: Final = timeout_s
        self._reports: dict[str, BackendReport] = {}
        self._interpreters: dict[str, InterpreterReport] = {}
        self._engines: dict[object, Engine] = {}
        self._all: tuple[InstalledBackend, ...] | None = None

    def ask(self, names: Iterable[str]) -> None:
        """Ask backends at the same time, so that planning need not wait for one after the other."""
        plugins = {one.where: one for one in map(_plugin, names) if isinstance(one, Plugin)}
        with ThreadPoolExecutor(_AT_ONCE) as pool:
            reports = pool.map(self._probe, plugins.values())
            self._reports.update(zip(plugins, reports, strict=True))

    def engine_of(self, options: RunOptions, interpreter: Interpreter | None) -> Engine:
        """Give the engine of a request; raises nothing for what it does or lacks.

        Args:
            options: as they were asked.
            interpreter: where it runs; None is this one.
        """
        key: tuple[object, ...] = (options.backend, str(interpreter) if interpreter else None)
        if options.backend is None and interpreter is None:
            asked_kinds = [requested_kind(options, one) for one in self._installed()]
            key = (*key, *asked_kinds)
        if key not in self._engines:
            self._engines[key] = self._find(options, interpreter)
        return self._engines[key]

    def device_names(self) -> list[str]:
        """Give the names of the devices that engines have reported so far, each once."""
        reported = [one.name for report in self._reports.values() for one in report.devices]
        return list(dict.fromkeys(reported))

    def _find(self, options: RunOptions, interpreter: Interpreter | None) -> Engine:
        if interpreter is not None:
            return self._elsewhere(options.backend, interpreter)
        if options.backend is not None:
            return self._named(options.backend)
        return self._best(options)

    def _named(self, name: str) -> Engine:
        plugin = _plugin(name)
        if isinstance(plugin, str):
            return Engine(name, refused=plugin)
        report = self._report(plugin)
        if report.state == BROKEN:
            return Engine(name, refused=f"backend {name!r} is broken: {report.reason}")
        try:
            installed = load_backend(name)
        except RequestError as error:
            return Engine(name, refused=str(error))
        return self._engine(installed, report)

    def _best(self, options: RunOptions) -> Engine:
        """Choose as `choose_backend_and_plugin` does, from what each says of itself."""
        refusal = "no backend can be loaded"
        candidates, is_explicit = candidates_for(options, self._installed())
        for number, candidate in enumerate(candidates, 1):
            report = self._report(candidate.plugin)
            if report.state != USABLE or not (is_explicit or report.automatic):
                refusal = _refusal(candidate.plugin.name, report)
            elif number == len(candidates) or _has_kind(options, candidate, report):
                return self._engine(candidate, report)
        return Engine(None, refused=f"{refusal}; ttbench doctor lists the others")

    def _elsewhere(self, backend: str | None, interpreter: Interpreter) -> Engine:
        place = str(interpreter.python)
        if place not in self._interpreters:
            self._interpreters[place] = probe_interpreter(interpreter, self._timeout_s)
        report = self._interpreters[place]
        usable = report.usable_backends
        refused = None
        if not usable or (backend is not None and backend.rpartition(":")[2] not in usable):
            what = f"backend {backend!r}" if backend else "any backend"
            reason = report.reason or f"it has {', '.join(usable) or 'none'}"
            refused = f"--python {interpreter} cannot run {what}: {reason}"
        try:
            installed = load_backend(backend) if backend else None
        except RequestError:  # it is of packages that only the other one has
            installed = None
        return Engine(backend, installed, report.versions, refused=refused, machine=self.machine)

    def _engine(self, installed: InstalledBackend, report: BackendReport) -> Engine:
        plugin = installed.plugin
        return Engine(
            name_to_ask_for(plugin),
            installed,
            {**report.versions, plugin.pack: plugin.version},
            tuple(f"{one.spec} {one.name} {one.arch}" for one in report.devices),
            report.devices,
            None if report.state == USABLE else _refusal(plugin.name, report),
            self.machine,
        )

    def _installed(self) -> tuple[InstalledBackend, ...]:
        if self._all is None:
            self._all = tuple(installed_backends())
        return self._all

    def _report(self, plugin: Plugin) -> BackendReport:
        if plugin.where not in self._reports:
            self._reports[plugin.where] = self._probe(plugin)
        return self._reports[plugin.where]

    def _probe(self, plugin: Plugin) -> BackendReport:
        return probe_backend(plugin, Probe(self._timeout_s))


def _plugin(name: str) -> Plugin | str:
    """Find a backend by its name; gives the reason where there is none."""
    try:
        return find(BACKENDS, name, "backend")
    except RequestError as error:
        return str(error)


def _refusal(name: str, report: BackendReport) -> str:
    remedy = f"; {report.remedy}" if report.remedy else ""
    return f"backend {name!r} cannot run here: {report.reason}{remedy}"


def _has_kind(options: RunOptions, candidate: InstalledBackend, report: BackendReport) -> bool:
    kind = requested_kind(options, candidate)
    if kind is None or isinstance(candidate.backend, PlanningBackend):
        return True
    return any(device.spec.partition(":")[0] == kind for device in report.devices)
