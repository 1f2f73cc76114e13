"""What a million samples cost: in EUR by a price an hour, in kWh by measured energy."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Final

from ttbench_core.errors import OptionError
from ttbench_core.results.answer.cells import AnswerCell
from ttbench_core.results.answer.naming import MACHINE, truncated

__all__ = ["check_prices", "eur_per_million", "kwh_per_million"]

_MILLION: Final = 1e6
_S_PER_HOUR: Final = 3600.0
_J_PER_KWH: Final = 3.6e6
_MAX_LISTED: Final = 4


def eur_per_million(cell: AnswerCell, prices: Mapping[str, float]) -> float | None:
    """Give EUR for a million samples; None without a number or a price of its device or host.

    Of several prices, the one with the longest name counts. It is the price of all that a run
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
    """Raise `OptionError` for a price that no device or host of the cells has."""
    names = list(dict.fromkeys(name for cell in cells for name in _names_of(cell)))
    for wanted in prices:
        if not any(wanted.lower() in name.lower() for name in names):
            shown = ", ".join(map(truncated, names[:_MAX_LISTED])) or "none"
            raise OptionError(
                f"--price {wanted}: no device or host has that in its name; the records have"
                f" {shown}"
            )


def _price_of(cell: AnswerCell, prices: Mapping[str, float]) -> float | None:
    names = [name.lower() for name in _names_of(cell)]
    matching = [one for one in prices if any(one.lower() in name for name in names)]
    return prices[max(matching, key=len)] if matching else None


def _names_of(cell: AnswerCell) -> list[str]:
    found = (cell.variant.get("device_name"), cell.variant.get(MACHINE))
    return [str(one) for one in found if one]
