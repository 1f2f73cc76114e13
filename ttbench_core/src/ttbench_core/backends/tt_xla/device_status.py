"""Temperature and power of the cards, as Tenstorrent's command `tt` reports them.

`tt device status --json` (package `tenstorrent`) prints `devices`, each with `index`,
`board_type`, `bus_id`, `temperature_c`, `power_w`, `aiclk_mhz` and others; what a card does not
report is null. The command starts further programs and takes a second or so, so it is never
called during a pass.
"""

from __future__ import annotations

import json
import math
import os
import shutil
import signal
import subprocess
from collections.abc import Iterable, Mapping
from typing import Any, Final

__all__ = ["SOURCE", "boards_of", "card_readings"]

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
        printed = _output_of([command, "device", "status", "--json"])
        return None if printed is None else _cards_of(json.loads(printed))
    except (OSError, subprocess.TimeoutExpired, ValueError):
        return None


def boards_of(cards: Iterable[Mapping[str, Any]], visible: str | None) -> list[str] | None:
    """Name the boards of the cards that a process sees; None where they are not told.

    Args:
        cards: as `card_readings` gives them.
        visible: numbers or PCI addresses with commas between them; None or empty for all cards.
    """
    wanted = {_normalized(one) for one in (visible or "").split(",") if one.strip()}
    seen = [
        card
        for card in cards
        if not wanted or wanted & {str(card["index"]), _normalized(card["bus_id"] or "")}
    ]
    return [str(card["board_type"]) for card in seen if card["board_type"]] or None


def _normalized(name: str) -> str:
    """Give a PCI address without the domain 0000, which may be left out."""
    return name.strip().lower().removeprefix("0000:")


def _output_of(command: list[str]) -> bytes | None:
    """Run a command; None where it fails. What it has started ends with it where it hangs."""
    with subprocess.Popen(
        command,
        stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE,
        stderr=subprocess.DEVNULL,
        # the command may ask for, or send, statistics of its use
        env={**os.environ, "DO_NOT_TRACK": "1"},
        start_new_session=True,
    ) as process:
        try:
            printed, _ = process.communicate(timeout=_TIMEOUT_S)
        except BaseException:
            # not reaped yet, so its group is still its own
            os.killpg(process.pid, signal.SIGKILL)
            raise
    return printed if process.returncode == 0 else None


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
    try:
        number = float(value)
    except OverflowError:
        return None
    return number if math.isfinite(number) else None
