"""The cards of this machine, the installed wheel, and the devices that a request runs on."""

from __future__ import annotations

import os
import shutil
from collections.abc import Sequence
from pathlib import Path
from typing import Any, Final

import importlib_metadata

from ttbench_core.backends.protocol import Device
from ttbench_core.backends.pybuda.options import Arch, DevType, PybudaOptions
from ttbench_core.errors import DeviceError, OptionError, UnsupportedOptionError, one_line
from ttbench_core.request.options import RunOptions

__all__ = [
    "DEVICE_KINDS",
    "DRIVER_NODES",
    "GALAXY_CHIPS",
    "can_save_images",
    "detect_cards",
    "devices_for",
    "driver_nodes",
    "family_of",
    "installed_version",
]

#: What `-d` can name.
DEVICE_KINDS: Final = tuple(kind.value for kind in DevType)
#: Where Tenstorrent's kernel driver has a device node for each card.
DRIVER_NODES = Path("/dev/tenstorrent")
#: The chips of a Galaxy and of the card beside it, in the order that PyBuda's benchmark has them.
GALAXY_CHIPS: Final = (
    *(0, 11, 10, 9, 8, 7, 19, 20, 21, 22, 23, 24, 6, 5, 14, 13, 12),
    *(16, 15, 3, 4, 26, 25, 32, 31, 30, 29, 28, 27, 1, 2, 18, 17),
)
#: The chips that a wheel is built for, by a part of its version after the plus sign.
_WHEEL_FAMILIES: Final = {
    "gs": Arch.GRAYSKULL,
    "wh_b0": Arch.WORMHOLE_B0,
    "bh": Arch.BLACKHOLE,
}


def driver_nodes() -> tuple[str, ...]:
    """List the numbers of the cards that the driver has; does not import PyBuda."""
    try:
        return tuple(sorted(node.name for node in DRIVER_NODES.iterdir() if node.name.isdigit()))
    except OSError:
        return ()


def installed_version() -> str | None:
    """Give the version of the installed wheel, or None."""
    try:
        return str(importlib_metadata.version("pybuda"))
    except importlib_metadata.PackageNotFoundError:
        return None


def can_save_images() -> bool:
    """Report whether the program is there with which PyBuda copies binaries into an image."""
    return shutil.which("rsync") is not None


def family_of(version: str) -> str | None:
    """Give the family that a wheel is built for, `wh_b0` in `0.1.240909+dev.wh_b0.88bf527`."""
    parts = version.partition("+")[2].split(".")
    return next((part for part in parts if part in _WHEEL_FAMILIES), None)


def detect_cards() -> list[Device]:
    """List the cards that PyBuda can use; imports PyBuda."""
    pybuda = _import_pybuda()
    descriptors = pybuda.detect_available_devices()
    return [_make_device(DevType.SILICON, index, one.name) for index, one in enumerate(descriptors)]


def devices_for(options: RunOptions, engine: PybudaOptions) -> tuple[Device, ...]:
    """Give the devices that a request runs on.

    Cards are those that PyBuda finds. A request for more chips than cards is
    accepted: a card can have a second chip behind the first, which is not listed.

    Raises `DeviceError` if there are no cards, or not those that were asked for
    or that the wheel is built for, `OptionError` for options that contradict
    each other, `UnsupportedOptionError` for an unknown device.
    """
    kind, index = _parse_device(options, engine)
    _refuse_conflicts(options, engine, kind, index)
    chips = GALAXY_CHIPS if engine.galaxy else range(options.chips or 1)
    if kind is not DevType.SILICON:
        arch = engine.arch or _default_emulated_arch()
        return tuple(_make_device(kind, chip, arch) for chip in chips)
    cards = detect_cards()
    if not cards and engine.save_tti and engine.arch:
        return tuple(_make_device(kind, chip, engine.arch) for chip in chips)
    _check_cards(cards, engine)
    if index is not None:
        return (_card_at(cards, index, options),)
    if engine.parallel_tti:
        return tuple(cards)
    if engine.galaxy:
        return tuple(_make_device(kind, chip, cards[0].arch) for chip in chips)
    second_chips = range(len(cards), options.chips)
    return (
        *cards[: options.chips or None],
        *(_make_device(kind, chip, f"{cards[0].arch} behind a card") for chip in second_chips),
    )


def _parse_device(options: RunOptions, engine: PybudaOptions) -> tuple[DevType, int | None]:
    asked = options.device or engine.devtype or DevType.SILICON
    kind, colon, index = asked.partition(":")
    if kind not in DEVICE_KINDS or (colon and not index.isdigit()):
        raise UnsupportedOptionError(
            f"unknown device {options.device!r}: backend 'pybuda' has {', '.join(DEVICE_KINDS)},"
            f" and cards by number like {DevType.SILICON}:1; --backend torch has the others"
        )
    return DevType(kind), int(index) if index else None


def _refuse_conflicts(
    options: RunOptions, engine: PybudaOptions, kind: DevType, index: int | None
) -> None:
    if index is not None and (options.chips != 1 or engine.galaxy or engine.parallel_tti):
        raise OptionError(f"-d {options.device} names one chip: leave out what asks for more")
    if kind is not DevType.SILICON and (index is not None or engine.galaxy or engine.parallel_tti):
        raise OptionError(
            f"{kind} imitates cards, and has none by number, no Galaxy and no several of them:"
            " leave out -d's number, --galaxy and --parallel_tti"
        )
    if engine.galaxy and options.chips != 1:
        raise OptionError("--galaxy names its 33 chips: leave out --chips")


def _check_cards(cards: Sequence[Device], engine: PybudaOptions) -> None:
    if not cards:
        raise DeviceError(
            "PyBuda finds no Tenstorrent card: check the driver and the reset of the card"
            " (tt-smi), run without one (--devtype golden), or compile without one (--save_tti"
            " with --arch and --device-config)"
        )
    arch = cards[0].arch
    if engine.parallel_tti and arch == Arch.BLACKHOLE:
        raise DeviceError("--parallel_tti is for Wormhole and Grayskull: PyBuda has no other")
    if engine.arch is not None and engine.arch != arch:
        raise DeviceError(f"--arch {engine.arch} is not what is there: the cards are {arch}")
    version = installed_version() or ""
    family = family_of(version)
    if family is not None and _WHEEL_FAMILIES[family] != arch:
        raise DeviceError(
            f"the installed PyBuda {version} is built for {_WHEEL_FAMILIES[family]}, and the cards"
            f" are {arch}: install the wheel of the other family"
        )


def _card_at(cards: Sequence[Device], index: int, options: RunOptions) -> Device:
    if index >= len(cards):
        specs = ", ".join(card.spec for card in cards)
        raise DeviceError(f"device {options.device!r} is not there: PyBuda finds {specs}")
    return cards[index]


def _default_emulated_arch() -> str:
    """Give the chips that are emulated by default: those that the wheel is built for."""
    family = family_of(installed_version() or "")
    if family is not None:
        return str(_WHEEL_FAMILIES[family])
    if "GOLDEN_WORMHOLE_B0" in os.environ:
        return str(Arch.WORMHOLE_B0)
    return str(Arch.BLACKHOLE if "PYBUDA_GOLDEN_BLACKHOLE" in os.environ else Arch.GRAYSKULL)


def _make_device(kind: DevType, index: int, name: str) -> Device:
    arch = name.partition(" ")[0].lower()
    return Device(kind=kind.value, index=index, name=f"Tenstorrent {name}", arch=arch)


def _import_pybuda() -> Any:
    try:
        import pybuda
    except Exception as error:
        raise DeviceError(
            f"the installed PyBuda cannot be imported ({one_line(error)}): it wants the versions"
            " of torch and numpy that it was built with (docs/pybuda.md)"
        ) from error
    from ttbench_core.backends.pybuda.torch_device import register_torch_device

    register_torch_device()
    return pybuda
