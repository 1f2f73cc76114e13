"""Where the released library has the enum of the placer."""

from pybuda.standin.values import DRAMPlacementAlgorithm

__all__ = ["DRAMPlacementAlgorithm"]
