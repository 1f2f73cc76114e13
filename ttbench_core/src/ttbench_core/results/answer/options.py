"""What is asked of an answer: the baseline of its ratios, and prices."""

from __future__ import annotations

import math
import os
import re
import shlex
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Final

from ttbench_core.errors import OptionError
from ttbench_core.record.tables.conditions import Condition, parse_condition

__all__ = ["AnswerOptions", "parse_baseline", "parse_price"]

_CONDITION: Final = re.compile(r"\w+(=|!=|<|>).*", re.DOTALL)
_PRICE_FORM: Final = "--price is NAME=EUR_PER_HOUR, such as h100=2.50"


@dataclass(frozen=True)
class AnswerOptions:
    """What is asked of an answer."""

    #: What holds of the records that ratios are relative to; empty for the default.
    baseline: tuple[Condition, ...] = ()
    #: EUR an hour by a part of the name of a device or host, without regard to case.
    prices: Mapping[str, float] = field(default_factory=dict)


def parse_baseline(text: str) -> tuple[Condition, ...] | None:
    """Parse `backend=torch dataformat=Fp32`; None where the text is a target of results.

    Raises `OptionError`, with near misses, for a column that does not exist.
    """
    if os.path.lexists(text):
        return None
    try:
        words = shlex.split(text)
    except ValueError:
        return None
    if not words or not all(map(_CONDITION.fullmatch, words)):
        return None
    return tuple(map(parse_condition, words))


def parse_price(text: str) -> tuple[str, float]:
    """Parse `h100=2.50`: a name, and EUR an hour; raises `OptionError`."""
    name, _, amount = text.rpartition("=")
    try:
        price = float(amount)
    except ValueError:
        raise OptionError(f"{_PRICE_FORM}: not {text!r}") from None
    if not name.strip() or not math.isfinite(price) or price <= 0:
        raise OptionError(f"{_PRICE_FORM}, with an amount above 0: not {text!r}")
    return name.strip(), price
