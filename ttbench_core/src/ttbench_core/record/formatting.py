"""Formatting of numbers and texts for people."""

from __future__ import annotations

import math
from typing import Final

__all__ = ["format_duration", "format_number", "format_quantity", "format_spread", "printable"]

_DEFAULT_DIGITS: Final = 4
_DECIMAL_PREFIXES: Final = ("", "k", "M", "G", "T", "P")


def printable(text: str) -> str:
    """Replace control characters by escapes and keep everything else."""
    return "".join(
        letter if letter.isprintable() else letter.encode("unicode_escape").decode("ascii")
        for letter in text
    )


def format_number(value: float, digits: int = _DEFAULT_DIGITS) -> str:
    """Round to significant digits, without an exponent."""
    if value == 0 or not math.isfinite(value):
        return f"{value:g}"
    decimals = max(digits - 1 - math.floor(math.log10(abs(value))), 0)
    return f"{value:,.{decimals}f}"


def format_duration(ns: float) -> str:
    """Give a time with the unit that fits its size."""
    for unit, size in (("s", 1e9), ("ms", 1e6), ("us", 1e3)):
        if ns >= size:
            return f"{ns / size:.4g} {unit}"
    return f"{ns:.3g} ns"


def format_spread(low: float, estimate: float, high: float) -> str:
    """Give the ends of an interval as shares of its estimate: `±1.9%`, or `-44.8% to +81.2%`."""
    below, above = f"{1 - low / estimate:.1%}", f"{high / estimate - 1:.1%}"
    return f"±{above}" if below == above else f"-{below} to +{above}"


def format_quantity(value: float, unit: str, *, binary: bool = False) -> str:
    """Give an amount with the prefix that fits its size: `1.2 GFLOP`, `310 MiB`."""
    base, prefixes = (1024.0, ("", "Ki", "Mi", "Gi", "Ti")) if binary else (1e3, _DECIMAL_PREFIXES)
    for prefix in prefixes:
        if abs(value) < base or prefix == prefixes[-1]:
            return f"{value:.3g} {prefix}{unit}"
        value /= base
    raise AssertionError("the last prefix takes everything")
