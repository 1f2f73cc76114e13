"""What the stand-ins for tt-xla's packages share: their settings, and what was asked of them.

Names, options and attributes come from tests/helpers/xla_contract.json. A card is the CPU: the
stand-ins check what is asked, and PyTorch computes. `TT_XLA_STANDIN` has settings as JSON:

    arch        the architecture of each chip (`Wormhole_b0`)
    cards       cards of the machine (1)
    chips       chips of a card (1)
    plain       whether PyTorch/XLA is the public build, without compile options (false)
    log         a file that calls are appended to, one JSON object a line
    fail        what fails: `import`, `open`, `compile`
"""

from __future__ import annotations

import json
import os
from pathlib import Path
from typing import Any

CONTRACT = json.loads(
    (Path(__file__).parents[2] / "helpers" / "xla_contract.json").read_text(encoding="utf-8")
)
GIGABYTE = 2**30


class StandInError(RuntimeError):
    """What the real packages raise, or end the process for."""


def settings() -> dict[str, Any]:
    return json.loads(os.environ.get("TT_XLA_STANDIN", "{}"))


calls: list[tuple[str, Any]] = []


def note(name: str, argument: Any = None) -> None:
    """Remember a call, and write it into the log."""
    calls.append((name, argument))
    if log := settings().get("log"):
        with Path(log).open("a", encoding="utf-8") as file:
            file.write(json.dumps({"name": name, "argument": argument}, default=str) + "\n")


def fail_if_asked(step: str) -> None:
    if settings().get("fail") == step:
        raise StandInError(f"the stand-in fails: {step}")


def visible_cards() -> int:
    """Count the cards that TT_VISIBLE_DEVICES leaves; a number that is not there is an error."""
    there = settings().get("cards", 1)
    named = [one for one in os.environ.get("TT_VISIBLE_DEVICES", "").split(",") if one]
    for one in named:
        if one.isdigit() and int(one) >= there:
            raise StandInError(f"TT_VISIBLE_DEVICES={one}: {there} cards are there")
    return len(named) or there


def chip_count() -> int:
    return visible_cards() * settings().get("chips", 1)


def check_value(name: str, value: Any, known: dict[str, Any]) -> None:
    """Refuse a compile option as strictly as possible.

    The real parser leaves out names that it does not know, and ends the process for a value that
    it cannot read.
    """
    if name not in known:
        raise StandInError(f"unknown compile option {name!r}")
    kinds = {"bool": bool, "int": int, "str": str}
    if type(value) is not kinds[known[name]["type"]]:
        raise StandInError(f"compile option {name} cannot be {value!r}")
    choices = known[name].get("choices")
    if choices is not None and value not in choices:
        raise StandInError(f"compile option {name} cannot be {value!r}")
