"""What a million samples cost: in EUR by a price an hour, in kWh by measured energy."""

from __future__ import annotations

import fnmatch
from collections.abc import Iterable, Mapping
from typing import Final

from ttbench_core.errors import OptionError
from ttbench_core.results.answer.cells import AnswerCell
from ttbench_core.results.answer.naming import MACHINE, machine_labels, truncated

__all__ = ["check_prices", "eur_per_million", "kwh_per_million"]

_MILLION: Final = 1e6
_S_PER_HOUR: Final = 3600.0
_J_PER_KWH: Final = 3.6e6
_MAX_LISTED: Final = 4
_WILDCARDS: Final = frozenset("*?[")


def eur_per_million(cell: AnswerCell, prices: Mapping[str, float]) -> float | None:
    """Give EUR for a million samples; None without a number or a price of its machine.

    A price is by a part of the name of its device, host or machine of a sweep; by a pattern, also
    of the text that describes the machine; or by that text. Of several, the one with the longest
    name counts. It is the price of all that a run
    used: it is not multiplied by the number of devices.
    """
    price = _price_of(cell, prices)
    if price is None or cell.rate is None:
        return None
    return price / _S_PER_HOUR / cell.rate * _MILLION


def kwh_per_million(cell: AnswerCell) -> float | None:
    """Give kWh for a million samples; None where no counter measured them."""
    joules = cell.joules_per_sample
    return None if joules is None else joules * _MILLION / _J_PER_KWH


def check_prices(prices: Mapping[str, float], cells: Iterable[AnswerCell]) -> None:
    """Raise `OptionError` for a price that no device, host or machine of the cells has."""
    every = list(cells) if prices else []
    names = list(dict.fromkeys(name for cell in every for name in _names_of(cell, cell.hosts)))
    machines = {_machine_of(one) for one in every}
    for wanted in prices:
        if not _fits(wanted, names, machines):
            shown = ", ".join(map(truncated, names[:_MAX_LISTED])) or "none"
            raise OptionError(
                f"--price {wanted}: no device or host has that in its name; the records have"
                f" {shown}"
            )


def _price_of(cell: AnswerCell, prices: Mapping[str, float]) -> float | None:
    names = _names_of(cell, cell.pooled_hosts)
    matching = [one for one in prices if _fits(one, names, [_machine_of(cell)])]
    return prices[max(matching, key=len)] if matching else None


def _fits(wanted: str, names: Iterable[str], machines: Iterable[str]) -> bool:
    """Return whether a price is of one of some names: by a part, or whole where it is a pattern.

    Of the text that describes a machine no part counts: the host of an accelerator is in it.
    """
    low = wanted.lower()
    is_pattern = not _WILDCARDS.isdisjoint(wanted)
    return any(low in one.lower() for one in names) or any(
        low == one.lower() or (is_pattern and fnmatch.fnmatchcase(one.lower(), low))
        for one in (*names, *machines)
    )


def _machine_of(cell: AnswerCell) -> str:
    (label,) = machine_labels([cell.variant]).values()
    return label


def _names_of(cell: AnswerCell, hosts: Iterable[str]) -> list[str]:
    found = (cell.variant.get("device_name"), cell.variant.get(MACHINE), *hosts)
    return [str(one) for one in found if one]
