"""Which backend runs a request: the one that is named, or the best that can run it here."""

from __future__ import annotations

from collections.abc import Iterable, Sequence

from ttbench_core.backends.engine_options import option_with_role
from ttbench_core.backends.loading import InstalledBackend, installed_backends, load_backend
from ttbench_core.backends.protocol import Availability, Backend, PlanningBackend
from ttbench_core.errors import (
    BackendUnavailableError,
    PackContractError,
    RequestError,
    one_line,
)
from ttbench_core.plugins.registry import Plugin
from ttbench_core.request.declared_options import OptionRole, plain_value
from ttbench_core.request.options import RunOptions

__all__ = [
    "candidates_for",
    "choose_backend",
    "choose_backend_and_plugin",
    "choose_exclusive_backend",
    "requested_kind",
]


def choose_backend(name: str | None) -> Backend:
    """Load the backend that was asked for, or the best one that can run here.

    Raises `UnknownNameError`, `PackLoadError`, `PackContractError`, `BackendUnavailableError`.
    """
    return choose_backend_and_plugin(RunOptions("any", backend=name))[0]


def choose_backend_and_plugin(options: RunOptions) -> tuple[Backend, Plugin]:
    """Choose the backend of a request, and give the entry point that it came from too.

    Without a name it is the one of the highest rank that can run here and, where a device is
    asked for, has its kind. Raises what `choose_backend` raises.
    """
    if options.backend is not None:
        return _usable(load_backend(options.backend))
    refusal = "no backend can be loaded"
    candidates, is_explicit = candidates_for(options)
    for number, candidate in enumerate(candidates, 1):
        try:
            chosen = _usable(candidate, automatically=not is_explicit)
            # the last one says itself what is missing
            if number == len(candidates) or _has_requested_kind(options, candidate):
                return chosen
        except (BackendUnavailableError, PackContractError) as error:
            refusal = str(error)
    # the last is the one that every machine can have
    raise BackendUnavailableError(f"{refusal}; ttbench doctor lists the others")


def choose_exclusive_backend(options: RunOptions) -> InstalledBackend | None:
    """Give the backend that a request will run with if it needs a process of its own.

    Asks only those backends that come before the last one of that kind, so that no engine of
    the core is imported here. Raises `UnknownNameError`, `PackLoadError`, `PackContractError`.
    """
    if options.backend is not None:
        named = load_backend(options.backend)
        return named if named.capabilities.own_process else None
    candidates, is_explicit = candidates_for(options)
    exclusive = [at for at, one in enumerate(candidates) if one.capabilities.own_process]
    for candidate in candidates[: exclusive[-1] + 1 if exclusive else 0]:
        if _can_run(candidate, automatically=not is_explicit):
            return candidate if candidate.capabilities.own_process else None
    return None


def requested_kind(options: RunOptions, installed: InstalledBackend) -> str | None:
    """Give the kind of device that a request names for a backend: by `-d`, or by its own option."""
    if options.device is not None:
        return options.device.partition(":")[0]
    option = option_with_role(installed.capabilities.options, OptionRole.DEVICE)
    asked = options.engine_options.get(option.name) if option else None
    return None if asked is None else str(plain_value(asked))


def _has_requested_kind(options: RunOptions, installed: InstalledBackend) -> bool:
    """Return whether a backend has a device of the kind that was asked for, if it can tell."""
    kind = requested_kind(options, installed)
    if kind is None or isinstance(installed.backend, PlanningBackend):
        return True
    try:
        return any(device.kind == kind for device in installed.backend.devices())
    except Exception:  # noqa: BLE001 - another one may have it
        return False


def candidates_for(
    options: RunOptions, installed: Iterable[InstalledBackend] | None = None
) -> tuple[Sequence[InstalledBackend], bool]:
    """List backends by rank, and whether they have the kind of device that was asked for.

    Lists all of them if none has it, or if no device was asked for.

    Args:
        options: what is asked.
        installed: all backends, where they have been loaded; None loads them.
    """
    found_here = installed_backends() if installed is None else installed
    ranked = sorted(found_here, key=lambda one: (-one.capabilities.rank, one.plugin.name))
    matching = [
        one for one in ranked if requested_kind(options, one) in one.capabilities.device_kinds
    ]
    chosen_unnamed = [one for one in ranked if one.capabilities.rank > 0]
    found = [one for one in matching if one in chosen_unnamed] or matching
    return (found, True) if found else (chosen_unnamed, False)


def _usable(installed: InstalledBackend, *, automatically: bool = False) -> tuple[Backend, Plugin]:
    """Give a backend that can run here; raises `BackendUnavailableError` for any other.

    Args:
        installed: the backend.
        automatically: whether the user left the choice open.
    """
    backend = installed.backend
    try:
        availability = backend.availability()
    except (Exception, SystemExit) as error:
        raise BackendUnavailableError(
            f"backend {backend.name!r} cannot say whether it can run: {one_line(error)}"
        ) from error
    if not isinstance(availability, Availability):
        raise PackContractError(
            installed.plugin.where,
            f"its availability() gave a {type(availability).__name__}, not an Availability",
        )
    if not availability.usable or (automatically and not availability.automatic):
        raise BackendUnavailableError(
            f"backend {backend.name!r} cannot run here: {availability.reason};"
            f" {availability.remedy}"
        )
    return backend, installed.plugin


def _can_run(installed: InstalledBackend, *, automatically: bool) -> bool:
    try:
        _usable(installed, automatically=automatically)
    except RequestError:  # choosing the backend of the run reports it
        return False
    return True
