"""The cards of this machine, which of them a run sees, and the packages that use them."""

from __future__ import annotations

import contextlib
import importlib.util
import os
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Final

import importlib_metadata

from ttbench_core.errors import DeviceError

__all__ = [
    "DEVICE_KIND",
    "DRIVER_NODES",
    "EMULATORS",
    "TRACE_REGION",
    "VISIBLE",
    "choose_card",
    "driver_nodes",
    "emulator",
    "installed_versions",
    "is_installed",
    "reserve_trace_region",
]

#: What `-d` names.
DEVICE_KIND: Final = "tt"
#: Where Tenstorrent's kernel driver has a device node for each card.
DRIVER_NODES = Path("/dev/tenstorrent")
#: Which cards a process sees: numbers or PCI addresses with commas between them.
VISIBLE: Final = "TT_VISIBLE_DEVICES"
#: Variables that put a description of a card in place of one.
EMULATORS: Final = (
    "TT_COMPILE_ONLY_SYSTEM_DESC",
    "TT_METAL_MOCK_CLUSTER_DESC_PATH",
    "TT_METAL_SIMULATOR",
)
#: Bytes of the card's memory for traces; read when the card is opened.
TRACE_REGION: Final = "TT_RUNTIME_TRACE_REGION_SIZE"
#: The recommendation of Tenstorrent's guide.
_TRACE_REGION_BYTES: Final = 10_000_000
#: `pjrt-plugin-tt` has tt_torch and torch_plugin_tt too.
_DISTRIBUTIONS: Final = ("pjrt-plugin-tt", "torch-xla", "torch")


def driver_nodes() -> tuple[str, ...]:
    """List the numbers of the cards that the driver has, in order."""
    try:
        names = [node.name for node in DRIVER_NODES.iterdir() if _is_number(node.name)]
    except OSError:
        return ()
    return tuple(sorted(names, key=int))


def emulator() -> str | None:
    """Give the variable by which no card runs here, but a description of one; None for a card."""
    return next((name for name in EMULATORS if os.environ.get(name)), None)


def is_installed() -> bool:
    """Report whether tt-xla is installed here; imports nothing."""
    return all(
        importlib.util.find_spec(name) is not None
        for name in ("torch", "torch_xla", "tt_torch", "pjrt_plugin_tt")
    )


def installed_versions() -> Mapping[str, str]:
    """Give the versions of the distributions that decide the speed."""
    return dict(_versions())


def choose_card(index: int) -> None:
    """Let this process see one card, of those that it sees already.

    The runtime reads the choice when it opens the cards. Raises `DeviceError` for a card that
    is not among them.
    """
    visible = [one.strip() for one in os.environ.get(VISIBLE, "").split(",") if one.strip()]
    cards = visible or list(driver_nodes())
    if index >= len(cards):
        known = f"{VISIBLE}={os.environ[VISIBLE]}" if visible else f"{len(cards)} in {DRIVER_NODES}"
        raise DeviceError(
            f"device '{DEVICE_KIND}:{index}' is not there (cards are counted from 0: {known});"
            " leave out its number, or check the driver"
        )
    # without a choice of the user, the number is the place in the order of PCI addresses
    os.environ[VISIBLE] = visible[index] if visible else str(index)


def reserve_trace_region() -> None:
    """Reserve memory for traces on the cards that will be opened, unless the user has."""
    os.environ.setdefault(TRACE_REGION, str(_TRACE_REGION_BYTES))


def _is_number(name: str) -> bool:
    return name.isascii() and name.isdecimal()


def _versions() -> Iterator[tuple[str, str]]:
    for name in _DISTRIBUTIONS:
        with contextlib.suppress(importlib_metadata.PackageNotFoundError):
            yield name, str(importlib_metadata.version(name))
