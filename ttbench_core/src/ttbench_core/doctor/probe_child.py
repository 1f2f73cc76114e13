"""Probing third-party code in a fresh process: the side of the child.

`main` writes facts to a file descriptor of its own, one JSON object per line; the parent merges
them. An empty line ends the answer. `step` names what is being done, so that a crash can be
located; `fault` is why it did not continue.
"""

from __future__ import annotations

import json
import os
import signal
import sys
import traceback
from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import asdict, replace
from typing import Any, Final, TextIO, TypeAlias

from ttbench_core.backends.loading import checked_capabilities, made_backend
from ttbench_core.backends.protocol import Device
from ttbench_core.doctor.export_child import EXPORT, export_facts
from ttbench_core.errors import PackContractError, PackLoadError, one_line
from ttbench_core.plugins.catalogue import ModelEntry, as_builder, installed_models
from ttbench_core.plugins.registry import BACKENDS, MODELS, ZOOS, Plugin, discover, load_directly
from ttbench_core.plugins.zoos import open_zoo
from ttbench_core.request.credentials import hide_in_report

__all__ = ["LISTING", "main"]

#: The group of a request for the list of all models; its fields are faults.
LISTING: Final = "list"

_Facts: TypeAlias = Iterator[Mapping[str, Any]]


def main(channel_fd: int, request: str) -> None:
    """Answer one request."""
    wanted = json.loads(request)
    # a killed parent cannot end its child
    signal.signal(signal.SIGALRM, signal.SIG_DFL)
    signal.alarm(wanted["exit_after_s"])
    channel = os.fdopen(channel_fd, "w", encoding="ascii")
    os.set_inheritable(channel_fd, False)
    group, fields = wanted["group"], wanted["fields"]
    if group == LISTING:
        _send_all(channel, _list(channel, fields))
        return
    if group == EXPORT:
        _send_all(channel, export_facts(fields))
        return
    plugins = [plugin for plugin in discover(group) if _matches(plugin, fields)]
    _send_all(channel, _PROBES[group](plugins))


def _matches(plugin: Plugin, fields: Mapping[str, str]) -> bool:
    return all(getattr(plugin, name) == value for name, value in fields.items())


def _send_all(channel: TextIO, all_facts: _Facts) -> None:
    try:
        for facts in all_facts:
            _send(channel, json.dumps(facts))
    except (Exception, SystemExit) as error:  # noqa: BLE001 - it is reported
        _print_traceback()
        _send(channel, json.dumps({"fault": _reason(error)}))
    _send(channel, "")


def _send(channel: TextIO, line: str) -> None:
    channel.write(line + "\n")
    channel.flush()


def _probe_backends(plugins: Iterable[Plugin]) -> _Facts:
    """Yield `usable`, `reason`, `remedy`, `automatic`; if usable also `devices`, `versions`."""
    for plugin in plugins:
        yield {"step": "import"}
        backend = made_backend(load_directly(plugin), plugin)
        yield {"step": "capabilities()"}
        checked_capabilities(backend, plugin)
        yield {"step": "availability()"}
        availability = backend.availability()
        yield {
            "usable": bool(availability.usable),
            "reason": hide_in_report(str(availability.reason)),
            "remedy": hide_in_report(str(availability.remedy)),
            "automatic": bool(getattr(availability, "automatic", True)),
        }
        if availability.usable:
            yield {"step": "devices()"}
            yield {"devices": [_device_facts(device) for device in backend.devices()]}
            yield {"step": "versions()"}
            versions = backend.versions().items()
            yield {"versions": {str(name): str(version) for name, version in versions}}


def _device_facts(device: Device) -> dict[str, Any]:
    memory_bytes = device.memory_bytes
    return {
        "spec": str(device.spec),
        "name": str(device.name),
        "arch": str(device.arch),
        "memory_bytes": None if memory_bytes is None else int(memory_bytes),
    }


def _probe_pack(plugins: Iterable[Plugin]) -> _Facts:
    """Yield `broken`: name, entry point and reason of each model that cannot be loaded."""
    broken: list[dict[str, str]] = []
    for plugin in plugins:
        yield {"step": plugin.name}
        try:
            as_builder(load_directly(plugin), plugin.where)
        except (PackLoadError, PackContractError) as error:
            _print_traceback()
            broken.append(
                {"name": plugin.name, "entry_point": plugin.value, "reason": _reason(error)}
            )
            yield {"broken": broken}


def _probe_zoos(plugins: Iterable[Plugin]) -> _Facts:
    """Yield `listed`, how many models all of them list, and `broken` as for a pack."""
    listed = 0
    broken: list[dict[str, str]] = []
    for plugin in plugins:
        name = f"zoo {plugin.name}"
        yield {"step": name}
        try:
            listed += len(open_zoo(plugin).models)
        except (PackLoadError, PackContractError) as error:
            _print_traceback()
            broken.append({"name": name, "entry_point": plugin.value, "reason": _reason(error)})
        yield {"listed": listed, "broken": broken}


def _list(channel: TextIO, faults: Mapping[str, str]) -> _Facts:
    """Yield `entries`, each as a dict; before an entry point is loaded, its name is the step.

    Args:
        channel: to the parent.
        faults: entry points that must not be loaded, with the reason.
    """

    def prepare(plugin: Plugin) -> Plugin:
        where = plugin.where
        if where in faults:
            return replace(plugin, fault=faults[where])
        announced = _Announced(plugin.entry_point, lambda: _send(channel, _step(where)))
        return replace(plugin, entry_point=announced)

    yield {"entries": [_entry_facts(entry) for entry in installed_models(prepare)]}


def _entry_facts(entry: ModelEntry) -> dict[str, Any]:
    return {**asdict(entry), "error": hide_in_report(entry.error) if entry.error else entry.error}


class _Announced:
    """An entry point that says when it is loaded."""

    def __init__(self, entry_point: Any, announce: Callable[[], None]) -> None:
        self._entry_point: Final = entry_point
        self._announce: Final = announce

    def __getattr__(self, name: str) -> Any:
        return getattr(self._entry_point, name)

    def load(self) -> Any:
        """Load it."""
        self._announce()
        return self._entry_point.load()


def _step(name: str) -> str:
    return json.dumps({"step": name})


def _reason(error: BaseException) -> str:
    if isinstance(error, PackLoadError):
        return hide_in_report(error.reason)
    fault = error.fault if isinstance(error, PackContractError) else one_line(error)
    return hide_in_report(fault)


def _print_traceback() -> None:
    sys.stderr.write(hide_in_report(traceback.format_exc()))


_PROBES: Final = {BACKENDS: _probe_backends, MODELS: _probe_pack, ZOOS: _probe_zoos}
