"""Loading registered backends, and what is checked of one before it is used."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any, Final

from ttbench_core.backends.capability_checks import capability_fault
from ttbench_core.backends.protocol import Backend, Capabilities
from ttbench_core.errors import PackContractError, PackLoadError, RequestError, one_line
from ttbench_core.plugins.containment import contained
from ttbench_core.plugins.registry import (
    BACKENDS,
    Plugin,
    discover,
    find,
    load,
    load_directly,
)

__all__ = [
    "InstalledBackend",
    "checked_backend",
    "checked_capabilities",
    "compiles_only",
    "installed_backends",
    "load_backend",
    "made_backend",
]

_METHODS: Final = ("availability", "capabilities", "devices", "versions", "seeded", "compile")


@dataclass(frozen=True)
class InstalledBackend:
    """A backend that is registered and can be loaded."""

    backend: Backend
    plugin: Plugin
    capabilities: Capabilities


def load_backend(name: str) -> InstalledBackend:
    """Load a backend by name, whether or not it can run here.

    Raises `UnknownNameError`, `AmbiguousNameError`, `PackContractError`, `PackLoadError`.
    """
    plugin = find(BACKENDS, name, "backend")
    return checked_backend(load(plugin), plugin)


def compiles_only(name: str | None) -> bool:
    """Return whether a backend is one that measures nothing; False for one that is not here."""
    if name is None:
        return False
    try:
        return not load_backend(name).capabilities.measures
    except RequestError:
        return False


def installed_backends(*, of_core: bool = False) -> Iterator[InstalledBackend]:
    """Load every registered backend, in the order of their names; a broken one is left out.

    Of two with one name, that of the core counts, as it does where the name is asked for.

    Args:
        of_core: only those that ttbench-core registers; nothing else is imported.
    """
    plugins = discover(BACKENDS)
    cores_names = {plugin.name for plugin in plugins if plugin.is_of_core}
    for plugin in plugins:
        if not plugin.is_of_core and (of_core or plugin.name in cores_names):
            continue
        try:
            yield checked_backend(load_directly(plugin), plugin)
        except RequestError:  # it must not break a run with another one; doctor shows it
            continue


def checked_backend(loaded: Any, plugin: Plugin) -> InstalledBackend:
    """Make a backend and check what it says of itself.

    Args:
        loaded: what the entry point refers to.
        plugin: the entry point.

    Raises `PackContractError` for what is no backend, `PackLoadError` for what raises.
    """
    try:
        backend = made_backend(loaded, plugin)
        capabilities = checked_capabilities(backend, plugin)
    except PackContractError:
        raise
    except KeyboardInterrupt:
        raise
    except BaseException as error:
        raise PackLoadError(plugin.where, one_line(error)) from error
    return InstalledBackend(backend, plugin, capabilities)


def made_backend(loaded: Any, plugin: Plugin) -> Backend:
    """Make a backend; raises `PackContractError` for what is none, and what making it raises."""
    if not callable(loaded):
        raise PackContractError(plugin.where, "is not a backend: register a class")
    with contained():
        backend: Any = loaded()
    missing = [name for name in _METHODS if not callable(getattr(backend, name, None))]
    if missing:
        raise PackContractError(plugin.where, f"is not a backend: it has no {missing[0]}()")
    _check_name(getattr(backend, "name", None), plugin)
    made: Backend = backend
    return made


def checked_capabilities(backend: Backend, plugin: Plugin) -> Capabilities:
    """Ask a backend what it can do; raises `PackContractError`, and what it raises itself."""
    with contained():
        capabilities = backend.capabilities()
    fault = capability_fault(capabilities, is_of_core=plugin.is_of_core)
    if fault is not None:
        raise PackContractError(plugin.where, fault)
    return capabilities


def _check_name(name: object, plugin: Plugin) -> None:
    if name != plugin.name:
        raise PackContractError(
            plugin.where,
            f"its name is {name!r} and it is registered as {plugin.name!r}: a record with that name"
            " could not be run again; give both the same",
        )
