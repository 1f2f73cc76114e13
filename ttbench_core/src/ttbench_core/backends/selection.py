"""Which backend runs a request."""

from __future__ import annotations

from collections.abc import Sequence

from ttbench_core.backends.protocol import Backend
from ttbench_core.errors import (
    BackendUnavailableError,
    PackContractError,
    PackLoadError,
    one_line,
)
from ttbench_core.plugins.registry import BACKENDS, Plugin, find, load

__all__ = [
    "choose_backend",
    "choose_backend_and_plugin",
    "choose_exclusive_backend",
    "load_backend",
]

#: The core's own backends in the order of preference; others run only when they are named.
_PREFERRED = ("pybuda", "torch")


def choose_backend(name: str | None) -> Backend:
    """Load the backend that was asked for, or the best one that can run here.

    Raises `UnknownNameError`, `PackLoadError`, `BackendUnavailableError`.
    """
    return choose_backend_and_plugin(name)[0]


def choose_backend_and_plugin(
    name: str | None, device: str | None = None
) -> tuple[Backend, Plugin]:
    """Do what `choose_backend` does, and give the entry point that the backend came from too.

    Args:
        name: as asked; None is the best one.
        device: what `-d` names: the best one that has its kind.
    """
    if name is not None:
        return _load_usable(name)
    refusal = ""
    candidates, is_explicit = _candidates_for(device)
    for candidate in candidates:
        try:
            return _load_usable(candidate, automatically=not is_explicit)
        except BackendUnavailableError as error:
            refusal = str(error)
    # the last is the one that every machine can have
    raise BackendUnavailableError(f"{refusal}; ttbench doctor lists the others")


def choose_exclusive_backend(name: str | None, device: str | None = None) -> Backend | None:
    """Give the backend that a request will run with if it needs a process of its own.

    Takes what `choose_backend_and_plugin` takes. Imports no engine: whether the backend can run
    is found out in that process. Raises `UnknownNameError` and `PackLoadError`.
    """
    candidates, is_explicit = _candidates_for(device) if name is None else ((name,), True)
    for candidate in candidates:
        backend = load_backend(candidate)[0]
        if not backend.capabilities().own_process:
            continue
        if is_explicit or _is_automatic(backend):
            return backend
    return None


def load_backend(name: str) -> tuple[Backend, Plugin]:
    """Load a backend by name, whether or not it can run here, with its entry point.

    Raises `UnknownNameError`, `PackContractError`, `PackLoadError`.
    """
    plugin = find(BACKENDS, name, "backend")
    loaded = load(plugin)
    if not callable(loaded):
        raise PackContractError(plugin.where, "is not a backend: register a class")
    try:
        backend: Backend = loaded()
        backend.capabilities()
    except Exception as error:
        raise PackLoadError(plugin.where, one_line(error)) from error
    return backend, plugin


def _load_usable(name: str, *, automatically: bool = False) -> tuple[Backend, Plugin]:
    """Load a backend; raises `BackendUnavailableError` if it cannot run here.

    Args:
        name: of the backend.
        automatically: whether the user left the choice open.
    """
    backend, plugin = load_backend(name)
    try:
        availability = backend.availability()
    except Exception as error:
        raise BackendUnavailableError(
            f"backend {backend.name!r} cannot say whether it can run: {one_line(error)}"
        ) from error
    if not availability.usable or (automatically and not availability.automatic):
        raise BackendUnavailableError(
            f"backend {backend.name!r} cannot run here: {availability.reason};"
            f" {availability.remedy}"
        )
    return backend, plugin


def _candidates_for(device: str | None) -> tuple[Sequence[str], bool]:
    """List the preferred backends that have this kind of device, and whether any has.

    Lists all of them if none has it, or if no device was asked for.
    """
    if device is None:
        return _PREFERRED, False
    kind = device.partition(":")[0]
    matching = [
        name for name in _PREFERRED if kind in load_backend(name)[0].capabilities().device_kinds
    ]
    return matching or _PREFERRED, bool(matching)


def _is_automatic(backend: Backend) -> bool:
    availability = backend.availability()
    return availability.usable and availability.automatic
