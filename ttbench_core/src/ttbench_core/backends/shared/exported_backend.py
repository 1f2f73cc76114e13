"""The backend of an engine that compiles exported stages; it imports no torch."""

from __future__ import annotations

import contextlib
import importlib
import re
from collections.abc import Collection, Mapping, Sequence
from contextlib import AbstractContextManager
from typing import Final

import importlib_metadata

from ttbench_core.backends.helpers import cpu_device, seeded
from ttbench_core.backends.protocol import (
    Availability,
    Capabilities,
    Device,
    Peak,
)
from ttbench_core.backends.shared.quiet_imports import hide_import_warnings
from ttbench_core.errors import UnsupportedOptionError
from ttbench_core.models.inputs import INPUT_KINDS
from ttbench_core.request.formats import DataFormat, NumberFormat

__all__ = ["CPU_FORMATS", "ExportedBackend", "exported_capabilities", "require_one_device"]


def exported_capabilities(
    formats: Collection[NumberFormat],
    *,
    kinds: tuple[str, ...] = ("cpu",),
    options: type | None = None,
    variables: tuple[str, ...] = (),
) -> Capabilities:
    """Give the capabilities of an engine that runs exported stages for inference.

    Args:
        formats: of `-df`; the first of them is not the default, Fp32 is.
        kinds: of devices, the default one first.
        options: the engine's own.
        variables: of the environment that change its speed.
    """
    return Capabilities(
        device_kinds=kinds,
        data_formats=frozenset(formats),
        default_format=DataFormat.FP32,
        host_stages=True,
        input_kinds=INPUT_KINDS,
        threads=True,
        options=options,
        variables=variables,
    )


def require_one_device(devices: Sequence[Device], name: str) -> Sequence[Device]:
    """Give the devices of a request if they are one; raises `UnsupportedOptionError` for more.

    Args:
        devices: that were selected.
        name: of the backend.
    """
    if len(devices) > 1:
        raise UnsupportedOptionError(
            f"backend {name!r} runs on one device, and --chips asks for {len(devices)}; name one,"
            f" as in -d {devices[0].spec} --chips 1"
        )
    return devices


#: The first with packages of AOTInductor, and with graphs that convert to ONNX.
_OLDEST_TORCH: Final = (2, 6)


class ExportedBackend:
    """What the backends of such engines have in common; each adds its name and its compiler."""

    #: Modules that must be importable, and the distributions whose versions are recorded where
    #: they are installed: some modules come from one of several.
    modules: tuple[str, ...] = ()
    distributions: tuple[str, ...] = ("torch",)
    #: The extra of ttbench-core that installs them.
    extra: str = "torch"
    _capabilities: Capabilities

    def availability(self) -> Availability:
        """Report whether torch and the engine can be imported, and torch is new enough."""
        hide_import_warnings()  # ExecuTorch imports torchao, and transformers does for most models
        for module in ("torch", *self.modules):
            try:
                self.before_import()
                importlib.import_module(module)
            except Exception as error:  # noqa: BLE001 - a broken engine is a row, not an end
                return Availability(
                    False,
                    f"{module} cannot be imported ({error})",
                    f"pip install 'ttbench-core[{self.extra}]'",
                )
        version = importlib_metadata.version("torch")
        if tuple(map(int, re.findall(r"\d+", version)[:2])) < _OLDEST_TORCH:
            oldest = ".".join(map(str, _OLDEST_TORCH))
            reason = f"torch {version} exports no graph that engines take; {oldest} does"
            return Availability(False, reason, f"pip install 'torch>={oldest}'")
        return Availability(True)

    def before_import(self) -> None:
        """Set what must be set before the engine is imported; nothing here."""

    def capabilities(self) -> Capabilities:
        """Report what it supports."""
        return self._capabilities

    def devices(self) -> Sequence[Device]:
        """Give this machine's processor."""
        return (cpu_device(),)

    def versions(self) -> Mapping[str, str]:
        """Give the versions of torch and of the engine's distributions."""
        found = {}
        for name in self.distributions:
            with contextlib.suppress(importlib_metadata.PackageNotFoundError):
                found[name] = importlib_metadata.version(name)
        return found

    def seeded(self, seed: int, devices: Sequence[Device]) -> AbstractContextManager[None]:
        """Seed torch's generators, and restore them at the end."""
        return seeded(seed, devices)

    def peak(self, device: Device, data_format: NumberFormat, threads: int | None) -> Peak:
        """Measure matrix products and memory by torch, as its own backend does."""
        import torch

        from ttbench_core.backends.shared.roofline import measure_peak

        dtypes: Mapping[NumberFormat, torch.dtype] = {
            DataFormat.FP16: torch.float16,
            DataFormat.FP16_B: torch.bfloat16,
        }
        is_cpu = device.kind == "cpu"
        place = torch.device("cpu") if is_cpu else torch.device(device.kind, device.index)
        return measure_peak(place, dtypes.get(data_format, torch.float32), threads)


CPU_FORMATS: Final = (DataFormat.FP32, DataFormat.FP16_B)
