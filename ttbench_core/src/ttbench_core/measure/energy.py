"""Energy, read from the machine's own counters; never estimated.

Two kinds of counters that only grow:

* RAPL, one for each processor package: `energy_uj` of the powercap zones `package-*`
  (Linux, Documentation/power/powercap/powercap.rst). Since Linux 5.10 only
  root may read it. It wraps to 0 at `max_energy_range_uj`.
* NVML, one for each GPU: `nvmlDeviceGetTotalEnergyConsumption`, in mJ since the
  driver was loaded, from Volta on. It needs the package `nvidia-ml-py`.
"""

from __future__ import annotations

import contextlib
import importlib
import re
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from types import ModuleType
from typing import Any, Final

__all__ = ["Energy", "EnergyMeter", "nvml_names"]

POWERCAP: Final = Path("/sys/class/powercap")
_PACKAGE_ZONE: Final = re.compile(r"intel-rapl:\d+")
#: No processor package draws more: after range / this power, a counter may have wrapped twice.
_MAX_PACKAGE_W: Final = 1000.0


@dataclass(frozen=True)
class Energy:
    """Energy between a start and a stop."""

    joules: float
    #: Which kinds of counters it is the sum of: `RAPL`, `NVML`, `NVML + RAPL`.
    source: str
    #: By counter: `package-0`, `GPU 1`.
    joules_by_counter: Mapping[str, float] = field(default_factory=dict)


class _CounterError(Exception):
    """A counter cannot be read; the message says which and why."""


class _PackageCounter:
    """The energy counter of a processor package."""

    source: Final = "RAPL"

    def __init__(self, zone: Path, clock: Callable[[], float]) -> None:
        self.name: Final = _read_text(zone / "name")
        self._file: Final = zone / "energy_uj"
        self._range_uj: Final = _read_integer(zone / "max_energy_range_uj")
        self._clock: Final = clock
        self._last_s = clock()
        self._last_uj = _read_integer(self._file)

    def joules(self) -> float:
        """Give the energy since the last call, or since construction."""
        now_s, now_uj = self._clock(), _read_integer(self._file)
        max_interval_s = self._range_uj * 1e-6 / _MAX_PACKAGE_W
        if now_s - self._last_s > max_interval_s:
            raise _CounterError(
                f"{self._file} may have started again more than once in"
                f" {now_s - self._last_s:.0f} s"
            )
        increase_uj = now_uj - self._last_uj
        self._last_s, self._last_uj = now_s, now_uj
        return (increase_uj if increase_uj >= 0 else increase_uj + self._range_uj) * 1e-6


class _GpuCounter:
    """The energy counter of a GPU; `nvml` must be initialised."""

    source: Final = "NVML"

    def __init__(self, nvml: ModuleType, gpu: int | str) -> None:
        self.name: Final = gpu if isinstance(gpu, str) else f"GPU {gpu}"
        self._nvml: Final = nvml
        self._handle: Final = self._call(
            lambda: (
                nvml.nvmlDeviceGetHandleByIndex(gpu)
                if isinstance(gpu, int)
                else nvml.nvmlDeviceGetHandleByUUID(gpu)
            )
        )
        self._last_mj = self._read_mj()

    def joules(self) -> float:
        """Give the energy since the last call, or since construction."""
        last, self._last_mj = self._last_mj, self._read_mj()
        return (self._last_mj - last) * 1e-3

    def _read_mj(self) -> int:
        return int(self._call(lambda: self._nvml.nvmlDeviceGetTotalEnergyConsumption(self._handle)))

    def _call(self, query: Callable[[], Any]) -> Any:
        try:
            return query()
        except self._nvml.NVMLError as error:
            raise _CounterError(f"NVML tells no energy of {self.name} ({error})") from error


class EnergyMeter:
    """Adds up the energy of processor packages and of GPUs from start to stop.

    If a GPU cannot be read, there is no energy at all: that of the processor alone
    would look like the total. Packages count where they can be read. Call `update`
    between start and stop at least once a minute: a package's counter wraps after
    minutes, and a second wrap would not be noticed.

    Args:
        root: the folder of the powercap zones.
        gpus: each by its index in NVML or by its UUID; see `nvml_names`.
        clock: gives seconds; monotonic.
    """

    def __init__(
        self,
        root: Path = POWERCAP,
        gpus: Sequence[int | str] = (),
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        self._root: Final = root
        self._gpus: Final = tuple(gpus)
        self._clock: Final = clock
        self._counters: list[_PackageCounter | _GpuCounter] = []
        self._joules: dict[str, float] = {}
        self._nvml: ModuleType | None = None
        #: Why there is no energy, or what is not part of it; None if nothing is missing.
        self.reason: str | None = None

    def start(self) -> None:
        """Start from zero; raises nothing where there are no counters."""
        self._close()
        self._joules = {}
        self.reason = None
        try:
            self._counters = [*self._open_gpus()]
        except _CounterError as error:
            self._give_up(error)
            return
        try:
            self._counters += self._open_packages()
        except _CounterError as error:
            self.reason = str(error)
        self._joules = dict.fromkeys((counter.name for counter in self._counters), 0.0)

    def update(self) -> None:
        """Add what has been used since the last call."""
        for counter in list(self._counters):
            try:
                self._joules[counter.name] += counter.joules()
            except _CounterError as error:
                self._drop_kind(counter, error)
                return

    def stop(self) -> Energy | None:
        """Give the energy since `start`; None where it cannot be read, and `reason` says why."""
        self.update()
        sources = sorted({counter.source for counter in self._counters})
        self._close()
        if not sources:
            return None
        return Energy(sum(self._joules.values()), " + ".join(sources), self._joules)

    def _open_packages(self) -> list[_PackageCounter]:
        zones = sorted(zone for zone in _entries(self._root) if _PACKAGE_ZONE.fullmatch(zone.name))
        packages = [zone for zone in zones if _read_text(zone / "name").startswith("package")]
        if not packages:
            raise _CounterError(f"this machine shows no RAPL counters under {self._root}")
        return [_PackageCounter(zone, self._clock) for zone in packages]

    def _open_gpus(self) -> Iterator[_GpuCounter]:
        if not self._gpus:
            return
        try:
            nvml = importlib.import_module("pynvml")
        except ImportError as error:
            raise _CounterError(
                "a GPU's energy is read with nvidia-ml-py: pip install 'ttbench-core[nvml]'"
            ) from error
        try:
            nvml.nvmlInit()
        except nvml.NVMLError as error:
            raise _CounterError(f"NVML cannot be used here ({error})") from error
        self._nvml = nvml
        for gpu in self._gpus:
            yield _GpuCounter(nvml, gpu)

    def _drop_kind(self, broken: _PackageCounter | _GpuCounter, error: _CounterError) -> None:
        left = [counter for counter in self._counters if counter.source != broken.source]
        if isinstance(broken, _GpuCounter) or not left:
            self._give_up(error)
            return
        self.reason = str(error)
        self._counters = left
        self._joules = {counter.name: self._joules[counter.name] for counter in left}
        self.update()

    def _give_up(self, error: _CounterError) -> None:
        self._close()
        self.reason = str(error)

    def _close(self) -> None:
        self._counters = []
        nvml, self._nvml = self._nvml, None
        if nvml is not None:
            with contextlib.suppress(nvml.NVMLError):
                nvml.nvmlShutdown()


def nvml_names(indices: Sequence[int], visible: str | None) -> tuple[int | str, ...]:
    """Translate the indices of CUDA devices into the names that NVML knows them by.

    Args:
        indices: CUDA's, among the devices that this process may see.
        visible: `CUDA_VISIBLE_DEVICES`, or None if it is not set.

    Without the variable the indices of both are equal where all GPUs are of one
    model, or `CUDA_DEVICE_ORDER` is `PCI_BUS_ID`.
    """
    if not visible:
        return tuple(indices)
    names = [name.strip() for name in visible.split(",")]
    return tuple(int(names[i]) if names[i].isdecimal() else names[i] for i in indices)


def _entries(folder: Path) -> list[Path]:
    try:
        return list(folder.iterdir())
    except OSError:
        return []


def _read_text(file: Path) -> str:
    try:
        return file.read_text(encoding="ascii").strip()
    except OSError as error:
        raise _CounterError(f"{file} cannot be read ({error.strerror})") from error


def _read_integer(file: Path) -> int:
    text = _read_text(file)
    if not text.isdecimal():
        raise _CounterError(f"{file} holds {text!r}, not a number")
    return int(text)
