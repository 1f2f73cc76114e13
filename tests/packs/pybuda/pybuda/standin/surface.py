"""What `import pybuda` shows: the names of the contract, from wherever they are made."""

from __future__ import annotations

import importlib
from typing import Any

from pybuda.standin import contract

SUBMODULES = ("_C", "config", "op", "optimizers", "transformers", "verify")
SOURCES = (
    "pybuda.standin.api",
    "pybuda.config",
    "pybuda.optimizers",
    "pybuda.standin.modules",
    "pybuda.standin.device",
    "pybuda.standin.ttdevice",
    "pybuda.standin.images",
    "pybuda.standin.tensors",
    "pybuda.standin.values",
    "pybuda.verify.config",
)


def is_silicon(devtype: Any) -> bool:
    """Say no, as the real one does."""
    return False


OTHERS = {"is_silicon": is_silicon, "k_dim": -(2**31), "SomeTensor": Any}


def top_level() -> dict[str, Any]:
    """Give every name of the top level; those without behaviour say so when called."""
    shown = {name: importlib.import_module(f"pybuda.{name}") for name in SUBMODULES}
    sources = [importlib.import_module(name) for name in SOURCES]
    functions = {
        name.rpartition(".")[2] for name in contract.CONTRACT["functions"] if name.count(".") == 1
    }
    wanted = {name.rpartition(".")[2] for name in contract.CONTRACT["top_level_names"]}
    for name in (wanted | functions) - shown.keys():
        found = [getattr(source, name) for source in sources if hasattr(source, name)]
        shown[name] = found[0] if found else OTHERS.get(name) or _absent(name, functions)
    return shown


def _absent(name: str, functions: set[str]) -> Any:
    full = f"pybuda.{name}"
    if name in functions:
        return contract.function(full)(contract.nothing(full))
    if name[0].isupper():
        made = {"__init__": contract.nothing(full), "__module__": "pybuda"}
        return type(name, (), made)
    return contract.nothing(full)
