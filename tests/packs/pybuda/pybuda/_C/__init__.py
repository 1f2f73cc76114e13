"""Enums of the compiled part."""

from pybuda._C import backend_api, placer
from pybuda.standin.values import DataFormat, DeviceMode, DRAMPlacementAlgorithm, MathFidelity

# the contract names the last two here; in the released library they are in the two submodules only
__all__ = [
    "DRAMPlacementAlgorithm",
    "DataFormat",
    "DeviceMode",
    "MathFidelity",
    "backend_api",
    "placer",
]
