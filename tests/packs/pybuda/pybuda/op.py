"""PyBuda's own operations: none is recorded, so none is here."""

from typing import NoReturn


def __getattr__(name: str) -> NoReturn:
    raise AttributeError(f"the stand-in has no operations: pybuda.op.{name} is not in the contract")
