"""The device module that torch looks for once PyBuda is imported.

The import of PyBuda names torch's private backend `tt`. Newer torch takes that for the
accelerator of the process and looks for `torch.tt`, which PyBuda does not have: then
`torch.random.fork_rng` and much of `torch.accelerator` raise.
"""

from __future__ import annotations

from types import ModuleType
from typing import Final

import torch

__all__ = ["register_torch_device"]

#: The name of torch's private backend while nobody has renamed it.
_UNNAMED: Final = "privateuseone"


def register_torch_device() -> None:
    """Register a module without devices under the name that PyBuda gave torch's private backend.

    PyBuda's cards are no devices of torch here. Does nothing where such a module exists.
    """
    name = torch._C._get_privateuse1_backend_name()  # noqa: SLF001 - no public function gives it
    if name == _UNNAMED or hasattr(torch, name):
        return
    module = ModuleType(f"torch.{name}", "No devices: what PyBuda runs is no device of torch.")
    functions = {
        "is_available": lambda: False,
        "is_initialized": lambda: False,
        "device_count": lambda: 0,
        # what torch.manual_seed calls
        "_is_in_bad_fork": lambda: False,
        "manual_seed_all": lambda _: None,
    }
    vars(module).update(functions)
    # as torch's own message says
    torch._register_device_module(name, module)  # type: ignore[no-untyped-call] # noqa: SLF001
