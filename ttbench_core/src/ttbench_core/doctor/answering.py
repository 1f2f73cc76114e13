"""The child's side: `main` tells what one question asks for.

What is told goes to a file descriptor of its own, a JSON object a line, each
adding to those before; an empty line says that all is told. `step` is what is
being done, so that a crash can be placed; `fault` is why it did not go on.
"""

from __future__ import annotations

import json
import os
import signal
import traceback
from collections.abc import Iterable, Iterator, Mapping
from typing import Any, Final, TextIO, TypeAlias

from ttbench_core.backends.protocol import Backend, Device
from ttbench_core.errors import PackContractError, PackLoadError, one_line
from ttbench_core.plugins.catalogue import as_builder
from ttbench_core.plugins.registry import BACKENDS, MODELS, Plugin, discover, load_directly

__all__ = ["main"]

_Told: TypeAlias = Iterator[Mapping[str, Any]]


def main(channel_fd: int, question: str) -> None:
    """Answer one question and return; the interpreter then ends as it likes."""
    asked = json.loads(question)
    # a parent that was killed cannot end its child
    signal.signal(signal.SIGALRM, signal.SIG_DFL)
    signal.alarm(asked["leave_after_s"])
    channel = os.fdopen(channel_fd, "w", encoding="ascii")
    os.set_inheritable(channel_fd, False)
    plugins = [plugin for plugin in discover(asked["group"]) if _is_meant(plugin, asked["whom"])]
    _send_all(channel, _ABOUT[asked["group"]](plugins))


def _is_meant(plugin: Plugin, whom: Mapping[str, str]) -> bool:
    return all(getattr(plugin, name) == value for name, value in whom.items())


def _send_all(channel: TextIO, told: _Told) -> None:
    try:
        for facts in told:
            _send(channel, json.dumps(facts))
    except (Exception, SystemExit) as error:  # noqa: BLE001 - it becomes a row
        traceback.print_exc()
        _send(channel, json.dumps({"fault": _reason(error)}))
    _send(channel, "")


def _send(channel: TextIO, line: str) -> None:
    channel.write(line + "\n")
    channel.flush()


def _about_backends(plugins: Iterable[Plugin]) -> _Told:
    """Tell `usable`, `reason`, `remedy`, `automatic`; of a usable one `devices`, `versions`."""
    for plugin in plugins:
        yield {"step": "import"}
        backend = _constructed(plugin)
        yield {"step": "capabilities()"}
        backend.capabilities()
        yield {"step": "availability()"}
        availability = backend.availability()
        yield {
            "usable": bool(availability.usable),
            "reason": str(availability.reason),
            "remedy": str(availability.remedy),
            "automatic": bool(getattr(availability, "automatic", True)),
        }
        if availability.usable:
            yield {"step": "devices()"}
            yield {"devices": [_device_facts(device) for device in backend.devices()]}
            yield {"step": "versions()"}
            yield {"versions": {str(name): str(at) for name, at in backend.versions().items()}}


def _constructed(plugin: Plugin) -> Backend:
    loaded = load_directly(plugin)
    if not callable(loaded):
        raise PackContractError(plugin.where, "is not a backend: register a class")
    backend: Backend = loaded()
    return backend


def _device_facts(device: Device) -> dict[str, Any]:
    memory_bytes = device.memory_bytes
    return {
        "spec": str(device.spec),
        "name": str(device.name),
        "arch": str(device.arch),
        "memory_bytes": None if memory_bytes is None else int(memory_bytes),
    }


def _about_pack(plugins: Iterable[Plugin]) -> _Told:
    """Tell `broken`: name, entry point and reason of each model that cannot be loaded."""
    broken: list[dict[str, str]] = []
    for plugin in plugins:
        yield {"step": plugin.name}
        try:
            as_builder(load_directly(plugin), plugin.where)
        except (PackLoadError, PackContractError) as error:
            traceback.print_exc()
            broken.append(
                {"name": plugin.name, "entry_point": plugin.value, "reason": _reason(error)}
            )
            yield {"broken": broken}


def _reason(error: BaseException) -> str:
    if isinstance(error, PackLoadError):
        return error.reason
    return error.fault if isinstance(error, PackContractError) else one_line(error)


_ABOUT: Final = {BACKENDS: _about_backends, MODELS: _about_pack}
