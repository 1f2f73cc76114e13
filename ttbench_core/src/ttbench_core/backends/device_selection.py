"""Which of a backend's devices run a request: those of the kind and index that `-d` names."""

from __future__ import annotations

from collections.abc import Sequence

from ttbench_core.backends.protocol import Backend, Device
from ttbench_core.errors import BackendUnavailableError, UnsupportedOptionError, one_line
from ttbench_core.request.options import RunOptions

__all__ = ["select_devices"]


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
        present = list(backend.devices())
    except Exception as error:
        raise BackendUnavailableError(
            f"backend {backend.name!r} cannot list its devices: {one_line(error)}"
        ) from error
    if not present:
        raise BackendUnavailableError(f"backend {backend.name!r} finds no device here")
    return present


def _missing_device(options: RunOptions, backend: Backend, present: Sequence[Device]) -> str:
    """Describe why the device that was asked for cannot be had."""
    known_kinds = backend.capabilities().device_kinds
    kind = (options.device or "").partition(":")[0]
    if kind not in known_kinds:
        return (
            f"unknown device {options.device!r}: backend {backend.name!r} has"
            f" {', '.join(known_kinds)}"
        )
    specs = ", ".join(device.spec for device in present)
    return (
        f"device {options.device!r} is not there: backend {backend.name!r} finds {specs}"
        if kind in {device.kind for device in present}
        else f"no {kind} device is usable here: backend {backend.name!r} finds {specs}"
    )


def _count_text(devices: Sequence[Device]) -> str:
    return f"{len(devices)} device" + ("s" if len(devices) != 1 else "")
