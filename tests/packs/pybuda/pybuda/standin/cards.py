"""The cards of the machine, the wheel's family, and what does not fit together."""

from __future__ import annotations

import importlib.metadata
import sys
from email.message import Message
from typing import Any

from pybuda import standin
from pybuda.standin.environment import has
from pybuda.standin.values import BackendDevice, BackendType, DeviceMode

ROWS = {"Grayskull": 10, "Wormhole_B0": 10, "Blackhole": 10}
COLUMNS = {"Grayskull": 12, "Wormhole_B0": 8, "Blackhole": 14}


class OtherWheel(importlib.metadata.DistributionFinder):
    """Metadata of the wheel that the settings name, before those that are installed."""

    class Wheel(importlib.metadata.Distribution):
        @property
        def metadata(self) -> Message:
            made = Message()
            made["Name"] = "pybuda"
            made["Version"] = f"0.1.240909+dev.{standin.settings().wheel_family}.88bf527"
            return made

        def read_text(self, filename: str) -> str | None:
            return self.metadata.as_string() if filename == "METADATA" else None

        def locate_file(self, path: Any) -> Any:
            return path

    def find_distributions(self, context: Any = None) -> Any:
        asked = getattr(context, "name", None)
        mine = sys.modules.get("pybuda.standin") is standin  # not one that a test has left behind
        known = standin.settings().wheel_family is not None
        return [self.Wheel()] if mine and known and asked == "pybuda" else []

    def find_spec(self, *_: Any, **__: Any) -> None:
        return None


def install_metadata() -> None:
    """Let importlib.metadata see the setting wheel_family from now on."""
    left = [it for it in sys.meta_path if type(it).__module__ != __name__]  # of earlier imports
    sys.meta_path[:] = [OtherWheel(), *left]


def detected() -> list[Any]:
    """List the cards as detect_available_devices() does."""
    if has("PYBUDA_EMULATE_SILICON_DEVICE"):
        emulated = "Wormhole_B0" if has("GOLDEN_WORMHOLE_B0") else "Grayskull"
        return [BackendDevice[emulated]]
    return present()


def present() -> list[Any]:
    """List the cards that are really there."""
    return [BackendDevice[name] for name in standin.settings().cards]


def settle(device: Any, config: Any) -> None:
    """Settle arch and chips of a TTDevice; raise where cards and device do not fit."""
    if device.devtype not in (BackendType.Silicon, BackendType.Golden, BackendType.Model):
        raise RuntimeError("Backend compile failed!")
    cards = present()
    offline = device.device_mode == DeviceMode.CompileOnly and not cards
    if device.devtype != BackendType.Silicon or offline:
        assert device.arch is not None, "Unknown arch for non-silicon compile"
        wormhole = device.arch == BackendDevice.Wormhole_B0
        if offline and wormhole and not config.backend_runtime_params_path:
            raise RuntimeError("Backend compile failed!")
        return
    if not cards:
        raise RuntimeError("No Tenstorrent devices present.")
    if device.arch is not None:
        assert cards[0] == device.arch, f"TTDevice is made for {device.arch}, found {cards[0]}"
    device.arch = cards[0]
    if not device.chip_ids:
        device.chip_ids = list(range(len(cards)))
        device.num_chips = len(cards)


def check_wheel(device: Any) -> None:
    """Refuse to compile for a family that this wheel is not built for."""
    if device.devtype != BackendType.Silicon:
        return
    family = importlib.metadata.version("pybuda").partition("+dev.")[2].partition(".")[0]
    if standin.FAMILIES.get(family) != device.arch.name:
        raise RuntimeError("Backend compile failed!")


def grid(device: Any, config: Any) -> list[int]:
    """Give rows and columns of the cores that are used."""
    mask = config.harvesting_mask
    if has("PYBUDA_FORCE_EMULATE_HARVESTED") and not mask:
        mask = 2048 if device.arch == BackendDevice.Wormhole_B0 else 2050
    name = device.arch.name
    return [ROWS[name] - mask.bit_count(), COLUMNS[name]]
