"""From ttbench's formats, fidelities, traces, chips and devices to PyBuda's enum members."""

from __future__ import annotations

from typing import Any

import pybuda
import pybuda.config

from ttbench_core.backends.pybuda.options import Arch, DevType
from ttbench_core.request.formats import DataFormat, NumberFormat
from ttbench_core.request.options import MathFidelity, Trace

__all__ = ["arch_of", "devtype_of", "fidelity_of", "format_of", "member_of", "trace_of"]


def format_of(data_format: NumberFormat) -> Any:
    """Give the member of PyBuda's `DataFormat`."""
    members: dict[NumberFormat, Any] = {
        DataFormat.FP32: pybuda.DataFormat.Float32,
        DataFormat.FP16: pybuda.DataFormat.Float16,
        DataFormat.FP16_B: pybuda.DataFormat.Float16_b,
        DataFormat.BFP8: pybuda.DataFormat.Bfp8,
        DataFormat.BFP8_B: pybuda.DataFormat.Bfp8_b,
        DataFormat.BFP4: pybuda.DataFormat.Bfp4,
        DataFormat.BFP4_B: pybuda.DataFormat.Bfp4_b,
    }
    return members[data_format]


def fidelity_of(fidelity: MathFidelity) -> Any:
    """Give the member of PyBuda's `MathFidelity`."""
    return {
        MathFidelity.LOFI: pybuda.MathFidelity.LoFi,
        MathFidelity.HIFI2: pybuda.MathFidelity.HiFi2,
        MathFidelity.HIFI3: pybuda.MathFidelity.HiFi3,
        MathFidelity.HIFI4: pybuda.MathFidelity.HiFi4,
    }[fidelity]


def trace_of(level: Trace) -> Any:
    """Give the member of PyBuda's `PerfTraceLevel`."""
    return {
        Trace.NONE: pybuda.config.PerfTraceLevel.NONE,
        Trace.LIGHT: pybuda.config.PerfTraceLevel.LIGHT,
        Trace.VERBOSE: pybuda.config.PerfTraceLevel.VERBOSE,
    }[level]


def arch_of(arch: str) -> Any:
    """Give the member of PyBuda's `BackendDevice`."""
    return {
        Arch.GRAYSKULL: pybuda.BackendDevice.Grayskull,
        Arch.WORMHOLE_B0: pybuda.BackendDevice.Wormhole_B0,
        Arch.BLACKHOLE: pybuda.BackendDevice.Blackhole,
    }[Arch(arch)]


def devtype_of(kind: str) -> Any:
    """Give the member of PyBuda's `BackendType`."""
    return {
        DevType.SILICON: pybuda.BackendType.Silicon,
        DevType.GOLDEN: pybuda.BackendType.Golden,
        DevType.MODEL: pybuda.BackendType.Model,
    }[DevType(kind)]


def member_of(name: str) -> Any:
    """Give the member that a text like `DataFormat.Float16_b` names; any other text unchanged.

    Knows `DataFormat` and `MathFidelity`. Raises `AttributeError` for an unknown member.
    """
    enum, _, member = name.partition(".")
    enums = {"DataFormat": pybuda.DataFormat, "MathFidelity": pybuda.MathFidelity}
    return getattr(enums[enum], member) if enum in enums and member else name
