"""The runtime of PyTorch/XLA, of which a process has one: its type of device, its devices.

It starts when it is first asked for a device, and then keeps its type of device and its threads.
torch_xla is imported when a function is called.
"""

from __future__ import annotations

import contextlib
import os
import warnings
from collections.abc import Iterator, Mapping, Sequence
from typing import Any, Final

import importlib_metadata

from ttbench_core.backends.helpers import cpu_device
from ttbench_core.backends.protocol import Availability, Device
from ttbench_core.errors import DeviceError, UnsupportedOptionError, one_line
from ttbench_core.record.environment import usable_cores

__all__ = [
    "CACHE_VARIABLE",
    "TYPE_VARIABLE",
    "device_attributes",
    "finish",
    "import_fault",
    "installed_versions",
    "pool_threads",
    "runtime_devices",
    "start_runtime",
    "started_type",
]

#: Names the type of device.
TYPE_VARIABLE: Final = "PJRT_DEVICE"
#: Names a folder in which compiled graphs outlive the process.
CACHE_VARIABLE: Final = "XLA_PERSISTENT_CACHE_PATH"
#: XLA's processor client has as many threads in each of its pools as this says.
_THREADS_VARIABLE: Final = "NPROC"
#: Whether torch_xla chooses a type of device when it is imported.
_CHOOSE_VARIABLE: Final = "PJRT_SELECT_DEFAULT_DEVICE"
#: How the warning of torch 2.9 begins.
_RENAMED: Final = "Please use the new API settings to control TF32"
_CPU: Final = "CPU"
_DISTRIBUTIONS: Final = ("torch", "torch-xla")
#: What the runtime of this process was started with.
_STARTED: Final[dict[str, Any]] = {}


def import_fault(remedy: str) -> Availability | None:
    """Say why torch_xla cannot be imported; None where it can.

    Args:
        remedy: what would help.
    """
    try:
        _import()
    except Exception as error:  # noqa: BLE001 - a broken engine is a row, not an end
        reason = f"torch_xla cannot be imported ({one_line(error)})"
        return Availability(False, reason, remedy)
    return None


def installed_versions(names: Sequence[str] = ()) -> Mapping[str, str]:
    """Give the versions of torch, of torch_xla and of further distributions that are installed."""
    found = {}
    for name in (*_DISTRIBUTIONS, *names):
        with contextlib.suppress(importlib_metadata.PackageNotFoundError):
            found[name] = importlib_metadata.version(name)
    return found


def start_runtime(device_type: str, threads: int | None = None) -> None:
    """Start the runtime with a type of device, once in a process.

    Args:
        device_type: as PJRT names it: `CPU`, `TPU`.
        threads: of each pool of the processor's client; None leaves it to XLA.

    Raises `DeviceError` where it has no such devices, `UnsupportedOptionError` where it runs
    with another type or another number of threads.
    """
    if _STARTED:
        _refuse_another(device_type, threads)
        return
    try:
        _import()
        import torch_xla.runtime as xr

        with _variable(_THREADS_VARIABLE, None if threads is None else str(threads)):
            xr.set_device_type(device_type)
            xr.addressable_device_count()
    except Exception as error:
        raise DeviceError(
            f"PyTorch/XLA has no {device_type} device here ({one_line(error)}); choose another"
            " one with -d, or set the runtime of this one up"
        ) from error
    given = os.environ.get(_THREADS_VARIABLE, "")
    default = int(given) if given.isdecimal() else usable_cores()
    _STARTED.update(type=device_type, threads=threads or default)


def started_type() -> str | None:
    """Give the type of device that the runtime runs with; None before it is started."""
    return _STARTED.get("type")


def pool_threads() -> int | None:
    """Give the number of threads in each pool of the processor's client; None elsewhere."""
    return _STARTED["threads"] if started_type() == _CPU else None


def runtime_devices(kind: str) -> list[Device]:
    """List the devices of the runtime, which must have been started.

    Args:
        kind: what `-d` names them.
    """
    if started_type() == _CPU:
        import torch_xla.runtime as xr

        return [cpu_device(kind, index) for index in range(xr.addressable_device_count())]
    found = enumerate(device_attributes())
    return [Device(kind, at, str(one.get("name", kind)), kind) for at, one in found]


def device_attributes() -> list[dict[str, object]]:
    """Give what each device says of itself."""
    import torch_xla.runtime as xr

    return [dict(one) for one in xr.global_runtime_device_attributes()]


def finish() -> None:
    """Launch what was collected, and wait until the devices have done all that was launched.

    `torch_xla.sync(wait=True)` waits until a graph was handed to the device, not until it has run.
    """
    import torch_xla
    import torch_xla.core.xla_model as xm

    torch_xla.sync()
    xm.wait_device_ops()


def _import() -> None:
    """Import torch_xla; by itself it would choose a type of device, and log that.

    The torch that it needs warns of a setting that it has renamed, which no user can act on.
    """
    warnings.filterwarnings("ignore", _RENAMED, UserWarning)
    with _variable(_CHOOSE_VARIABLE, "0"):
        import torch_xla  # noqa: F401


def _refuse_another(device_type: str, threads: int | None) -> None:
    if device_type != _STARTED["type"]:
        raise UnsupportedOptionError(
            f"PyTorch/XLA has one type of device in a process, now {_STARTED['type']}, not"
            f" {device_type}: measure each in a process of its own"
        )
    if threads is not None and threads != _STARTED["threads"]:
        raise UnsupportedOptionError(
            "PyTorch/XLA computes with one number of threads in a process, now"
            f" {_STARTED['threads']}, not {threads}: measure each in a process of its own"
        )


@contextlib.contextmanager
def _variable(name: str, value: str | None) -> Iterator[None]:
    """Set a variable of the environment for a time; None leaves it as it is."""
    if value is None:
        yield
        return
    before = os.environ.get(name)
    os.environ[name] = value
    try:
        yield
    finally:
        if before is None:
            del os.environ[name]
        else:
            os.environ[name] = before
