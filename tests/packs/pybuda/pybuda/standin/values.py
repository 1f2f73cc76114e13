"""The enums of the contract, with the few methods that they have."""

from __future__ import annotations

import enum
from types import SimpleNamespace
from typing import Any

from pybuda.standin import contract


class Named(enum.Enum):
    """What every enum of PyBuda can do."""

    def to_json(self) -> str:
        return self.name

    @classmethod
    def from_json(cls, value: str) -> Any:
        return cls[value]


class NamedLoosely(Named):
    """An enum of the Python side: its names are read in any case."""

    @classmethod
    def from_json(cls, value: str) -> Any:
        return cls[value.upper()]


class Backend(Named):
    """Kinds of devices: text in another case is no error and no kind either."""

    @classmethod
    def from_string(cls, text: str) -> Any:
        known = {"Model", "Versim", "Silicon", "Golden", "Emulation"}
        return cls[text] if text in known else cls["NoBackend"]


class Architecture(Named):
    """Architectures: any case, and an unknown name is an error."""

    @classmethod
    def from_string(cls, text: str) -> Any:
        for member in cls:
            if member.to_string() == text.lower():
                return member
        raise RuntimeError(f"unknown device: {text}")

    def to_string(self) -> str:
        return self.name.lower()


class Kind(NamedLoosely):
    """Kinds of tests; pytest must not take the class for one."""

    __test__ = False

    def is_training(self) -> bool:
        return self.name != "INFERENCE"


DataFormat = contract.enumeration("pybuda.DataFormat", "pybuda._C", Named)
MathFidelity = contract.enumeration("pybuda.MathFidelity", "pybuda._C", Named)
BackendType = contract.enumeration("pybuda.BackendType", "pybuda._C.backend_api", Backend)
BackendDevice = contract.enumeration("pybuda.BackendDevice", "pybuda._C.backend_api", Architecture)
DeviceMode = contract.enumeration("pybuda._C.DeviceMode", "pybuda._C.backend_api", Named)
DRAMPlacementAlgorithm = contract.enumeration(
    "pybuda._C.DRAMPlacementAlgorithm", "pybuda._C.placer", Named
)
PerfTraceLevel = contract.enumeration("pybuda.config.PerfTraceLevel", "pybuda.config", NamedLoosely)
CompileDepth = contract.enumeration("pybuda.config.CompileDepth", "pybuda.config", NamedLoosely)
TTIDumpFormat = contract.enumeration("pybuda.config.TTIDumpFormat", "pybuda.config", NamedLoosely)
TestKind = contract.enumeration("pybuda.verify.config.TestKind", "pybuda.verify.config", Kind)

contract.NAMES["pyplacer"] = SimpleNamespace(DRAMPlacementAlgorithm=DRAMPlacementAlgorithm)
