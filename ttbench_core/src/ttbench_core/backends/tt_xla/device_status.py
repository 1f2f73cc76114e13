"""Temperature and power of the cards, as Tenstorrent's command `tt` reports them.

`tt device status --json` (package `tenstorrent`) prints `devices`, each with `index`,
`board_type`, `bus_id`, `temperature_c`, `power_w`, `aiclk_mhz` and others; what a card does not
report is null. The command starts further programs and takes a second or so, so it is never
called during a pass.
"""

from __future__ import annotations

import json
import os
import shutil
import subprocess
from collections.abc import Mapping
from typing import Any, Final

__all__ = ["SOURCE", "card_readings"]

SOURCE: Final = "tt device status"
_TIMEOUT_S: Final = 15.0
_TEXTS: Final = ("board_type", "bus_id")
_NUMBERS: Final = ("temperature_c", "power_w", "aiclk_mhz", "voltage_v", "current_a")


def card_readings() -> list[dict[str, Any]] | None:
    """Read every card of the machine; None where the command is missing, fails or hangs."""
    command = shutil.which("tt")
    if command is None:
        return None
    try:
        done = subprocess.run(
            [command, "device", "status", "--json"],
            stdin=subprocess.DEVNULL,
            capture_output=True,
            timeout=_TIMEOUT_S,
            check=False,
            # the command may ask for, or send, statistics of its use
            env={**os.environ, "DO_NOT_TRACK": "1"},
        )
        return _cards_of(json.loads(done.stdout)) if done.returncode == 0 else None
    except (OSError, subprocess.TimeoutExpired, ValueError):
        return None


def _cards_of(printed: Any) -> list[dict[str, Any]] | None:
    """Read what the command printed; None for something else."""
    cards = printed.get("devices") if isinstance(printed, Mapping) else None
    if not isinstance(cards, list):
        return None
    known = [card for card in cards if isinstance(card, Mapping)]
    return [_card(position, card) for position, card in enumerate(known)]


def _card(position: int, card: Mapping[str, Any]) -> dict[str, Any]:
    index = card.get("index")
    texts = {name: card.get(name) for name in _TEXTS}
    numbers = {name: card.get(name) for name in _NUMBERS}
    return {
        "index": index if isinstance(index, int) else position,
        **{name: value if isinstance(value, str) else None for name, value in texts.items()},
        **{name: _number(value) for name, value in numbers.items()},
    }


def _number(value: Any) -> float | None:
    if isinstance(value, bool) or not isinstance(value, (int, float)):
        return None
    return float(value)
