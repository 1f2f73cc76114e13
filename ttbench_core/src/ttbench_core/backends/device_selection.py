"""Which of a backend's devices run a request: those of the kind and index that `-d` names."""

from __future__ import annotations

from collections.abc import Iterable, Sequence

from ttbench_core.backends.loading import installed_backends
from ttbench_core.backends.protocol import Backend, Device
from ttbench_core.errors import (
    BackendUnavailableError,
    UnsupportedOptionError,
    one_line,
    suggestion,
)
from ttbench_core.request.options import RunOptions

__all__ = ["checked_devices", "select_devices"]


def select_devices(options: RunOptions, backend: Backend) -> tuple[Device, ...]:
    """Give the first `--chips` devices of the requested kind, or all of them for 0 chips.

    Without `-d` the kind is that of the backend's first device. Raises
    `UnsupportedOptionError` for devices that are missing, `BackendUnavailableError` for a
    backend without any.
    """
    present = _list_devices(backend)
    kind, _, index = (options.device or present[0].kind).partition(":")
    of_kind = [device for device in present if device.kind == kind]
    if not of_kind:
        raise UnsupportedOptionError(_missing_device(options, backend, present))
    if index:
        at_index = [device for device in of_kind if str(device.index) == index]
        if not at_index:
            raise UnsupportedOptionError(_missing_device(options, backend, present))
        of_kind = at_index
    count = options.chips or len(of_kind)
    if count > len(of_kind):
        raise UnsupportedOptionError(
            f"--chips {count} asks for more than there is: {_count_text(of_kind)} of kind"
            f" {kind!r}{f' at index {index}' if index else ''}"
        )
    return tuple(of_kind[:count])


def _list_devices(backend: Backend) -> list[Device]:
    try:
        return checked_devices(backend.devices(), backend, "devices()")
    except BackendUnavailableError:
        raise
    except Exception as error:
        raise BackendUnavailableError(
            f"backend {backend.name!r} cannot list its devices: {one_line(error)}"
        ) from error


def checked_devices(found: Iterable[object], backend: Backend, source: str) -> list[Device]:
    """Give devices of a backend; raises `BackendUnavailableError` for none and for what is none.

    Args:
        found: what the backend gave.
        backend: for messages.
        source: its method that gave them.
    """
    given = list(found)
    devices = [one for one in given if isinstance(one, Device)]
    if not given:
        raise BackendUnavailableError(f"backend {backend.name!r} finds no device here")
    if len(devices) < len(given):
        raise BackendUnavailableError(
            f"backend {backend.name!r}: its {source} gave something else than Devices"
        )
    return devices


def _missing_device(options: RunOptions, backend: Backend, present: Sequence[Device]) -> str:
    """Describe why the device that was asked for cannot be had."""
    known_kinds = backend.capabilities().device_kinds
    kind = (options.device or "").partition(":")[0]
    if kind not in known_kinds:
        ranked = sorted(installed_backends(), key=lambda one: -one.capabilities.rank)
        kinds_of = {one.plugin.name: one.capabilities.device_kinds for one in ranked}
        hint = suggestion(kind, [one for kinds in kinds_of.values() for one in kinds])
        others = [name for name, kinds in kinds_of.items() if kind in kinds]
        remedy = f"; use --backend {others[0]}" if others else hint
        return (
            f"unknown device {options.device!r}: backend {backend.name!r} has"
            f" {', '.join(known_kinds)}{remedy}"
        )
    specs = ", ".join(device.spec for device in present)
    return (
        f"device {options.device!r} is not there: backend {backend.name!r} finds {specs}"
        if kind in {device.kind for device in present}
        else f"no {kind} device is usable here: backend {backend.name!r} finds {specs}"
    )


def _count_text(devices: Sequence[Device]) -> str:
    return f"{len(devices)} device" + ("s" if len(devices) != 1 else "")
