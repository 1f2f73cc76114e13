"""What a backend does for the runner: required and optional protocols."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from contextlib import AbstractContextManager
from pathlib import Path
from typing import Any, Protocol, runtime_checkable

from ttbench_core.backends.protocol.session import Session
from ttbench_core.backends.protocol.values import (
    Availability,
    Capabilities,
    CompileOptions,
    Device,
    DeviceReadings,
    Peak,
)
from ttbench_core.model import BenchmarkModel
from ttbench_core.request.formats import NumberFormat
from ttbench_core.request.options import RunOptions

__all__ = [
    "Backend",
    "CalibratingBackend",
    "CheckingBackend",
    "ImagingBackend",
    "PlanningBackend",
    "ReadingBackend",
]


class Backend(Protocol):
    """**Protocol:** the adapter of one engine."""

    @property
    def name(self) -> str:
        """The name it is registered under."""

    def availability(self) -> Availability:
        """Report whether it can run here; may import the engine."""

    def capabilities(self) -> Capabilities:
        """Report what it supports; imports nothing."""

    def devices(self) -> Sequence[Device]:
        """List the devices that are present, the best kind first."""

    def versions(self) -> Mapping[str, str]:
        """Give the versions of the software that decides its speed, by name."""

    def seeded(self, seed: int, devices: Sequence[Device]) -> AbstractContextManager[None]:
        """Give a context in which random numbers repeat for a seed: weights, inputs, dropout.

        The caller's own random state is restored at the end.
        """

    def compile(self, model: BenchmarkModel, options: CompileOptions) -> Session:
        """Make a model ready to run. The model's own modules stay unchanged."""


@runtime_checkable
class ImagingBackend(Protocol):
    """**Protocol:** a backend that can save a compiled model to a file (`OptionRole.IMAGE`)."""

    def save_image(self, model: BenchmarkModel, options: CompileOptions) -> Path:
        """Compile a model, write it to `options.image`, and give that file."""


@runtime_checkable
class CheckingBackend(Protocol):
    """**Protocol:** a backend that refuses options which contradict each other."""

    def check(self, options: RunOptions, engine: Any) -> None:
        """Raise `OptionError` for a request that cannot be; imports no engine.

        Args:
            options: what is asked.
            engine: the backend's own options, an instance of `Capabilities.options`.
        """


@runtime_checkable
class PlanningBackend(Protocol):
    """**Protocol:** a backend whose devices depend on more than their kind and number."""

    def devices_for(self, options: RunOptions, engine: Any) -> Sequence[Device]:
        """Give the devices that a request runs on, at least one.

        Args:
            options: what is asked.
            engine: the backend's own options, an instance of `Capabilities.options`.

        Raises `DeviceError` if they are missing or not as asked, `OptionError`
        for a request that no devices could meet.
        """


@runtime_checkable
class CalibratingBackend(Protocol):
    """**Protocol:** a backend that can measure the peak performance of its devices."""

    def peak(self, device: Device, data_format: NumberFormat, threads: int | None) -> Peak:
        """Measure matrix products and memory for a second or so, once per process.

        Args:
            device: one of `devices`.
            data_format: products are in the dtype that it is computed in; one of the backend's
                own formats only where that names no `peak_format`.
            threads: to compute with on the host; None is the current number.
        """


@runtime_checkable
class ReadingBackend(Protocol):
    """**Protocol:** a backend that can read temperature and power of its devices."""

    def device_readings(self) -> DeviceReadings | None:
        """Read the devices now; None where they cannot be read.

        Called before and after the passes, never during one: it may take seconds.
        """
