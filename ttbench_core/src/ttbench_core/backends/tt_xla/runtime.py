"""Opening the cards by PyTorch/XLA, and what it says about them; all global to the process."""

from __future__ import annotations

import os
from collections.abc import Mapping
from typing import Any, Final

from ttbench_core.backends.protocol import Device
from ttbench_core.backends.shared.xla.runtime import device_attributes
from ttbench_core.backends.tt_xla.cards import DEVICE_KIND
from ttbench_core.errors import DeviceError, UnsupportedOptionError, one_line

__all__ = ["DEVICE_TYPE", "open_cards", "set_compiler_options", "use_mesh"]

#: The device type of PyTorch/XLA that the plugin registers.
DEVICE_TYPE: Final = "TT"
_REMEDY: Final = "docs/tenstorrent.md says how tt-xla is installed"


def open_cards(first_index: int = 0) -> tuple[Device, ...]:
    """Open the cards that this process may see, and list their chips.

    Args:
        first_index: the number of the card, where one card of one chip is open. Of several chips
            the first has the number 0.

    Raises `DeviceError` where the packages cannot be imported, or the runtime opens no card.
    """
    # without it, PyTorch/XLA chooses a type of device when it is imported, and says so
    os.environ.setdefault("PJRT_DEVICE", DEVICE_TYPE)
    try:
        import torch_xla.runtime as xr
        import tt_torch  # noqa: F401 - registers the backend `tt` of torch.compile

        xr.set_device_type(DEVICE_TYPE)
    except Exception as error:
        raise DeviceError(f"tt-xla cannot be imported ({one_line(error)}): {_REMEDY}") from error
    try:
        found = device_attributes()
    except Exception as error:
        raise DeviceError(
            f"tt-xla opens no card ({one_line(error)}): check the driver, that no other process"
            " uses the card, and its state (tt device status)"
        ) from error
    start = first_index if len(found) == 1 else 0
    return tuple(_device(start + at, one) for at, one in enumerate(found))


def set_compiler_options(asked: Mapping[str, str | int | bool]) -> None:
    """Set what the compiler is asked for, in place of what it was asked before.

    Raises `UnsupportedOptionError` where this PyTorch/XLA cannot hand it over: only Tenstorrent's
    build can.
    """
    import torch_xla

    if hasattr(torch_xla, "set_custom_compile_options"):
        torch_xla.set_custom_compile_options(dict(asked))
    elif asked:
        names = ", ".join(asked)
        raise UnsupportedOptionError(
            f"the installed torch_xla {torch_xla.__version__} hands no options to the compiler"
            f" ({names}): install the one that pjrt-plugin-tt requires, or leave them out"
        )


def use_mesh(chips: int) -> Any:
    """Run what follows on all chips at once; gives a mesh of one dimension, `data`.

    Once per process: PyTorch/XLA cannot go back.
    """
    # as in the plugin's own examples of several chips
    os.environ["CONVERT_SHLO_TO_SHARDY"] = "1"
    import torch_xla.distributed.spmd as xs
    import torch_xla.runtime as xr

    xr.use_spmd()
    return xs.Mesh(list(range(chips)), (chips,), ("data",))


def _device(index: int, attributes: Mapping[str, Any]) -> Device:
    arch = str(attributes.get("device_arch", "unknown"))
    memory = attributes.get("dram_size_bytes")
    return Device(
        kind=DEVICE_KIND,
        index=index,
        name=f"Tenstorrent {arch}",
        arch=arch.lower(),
        memory_bytes=int(memory) if memory is not None else None,
    )
