"""The order of the cells in each round: seeded, and balanced over the rounds.

A machine that becomes slower during a round must not make the same cells look slow each time. So
each order is followed by its reverse: over both, every cell has the same mean position. Of an odd
number of rounds the last three are such a set of three orders. An order depends on the seed and
on what identifies the cells, and not on the order in which they are given.
"""

from __future__ import annotations

import hashlib
from collections.abc import Sequence
from typing import Final

__all__ = ["order_of_round", "orders"]

_AT_ONCE: Final = 2
_LAST_OF_ODD: Final = 3


def orders(keys: Sequence[str], rounds: int, seed: int) -> tuple[tuple[str, ...], ...]:
    """Give the keys in the order of each round.

    With two rounds or more, the mean positions of any two cells over all rounds differ by less
    than one place.

    Args:
        keys: of the cells, each once.
        rounds: how many.
        seed: another one gives other orders.
    """
    found: list[tuple[str, ...]] = []
    while len(found) < rounds:
        first = _shuffled(keys, seed, len(found))
        left = rounds - len(found)
        if left == _LAST_OF_ODD:
            found += _three(first)
        elif left >= _AT_ONCE:
            found += [first, first[::-1]]
        else:
            found.append(first)
    return tuple(found)


def order_of_round(keys: Sequence[str], number: int, rounds: int, seed: int) -> tuple[str, ...]:
    """Give the order of one round, counted from 1; see `orders`."""
    return orders(keys, rounds, seed)[number - 1]


def _shuffled(keys: Sequence[str], seed: int, block: int) -> tuple[str, ...]:
    """Sort keys by a hash: the same with every version of Python, also where others are added."""

    def place(key: str) -> bytes:
        return hashlib.sha256(f"{seed}/{block}/{key}".encode()).digest()

    return tuple(sorted(keys, key=place))


def _three(first: tuple[str, ...]) -> list[tuple[str, ...]]:
    """Give three orders in which the positions of every cell have the same sum, or one more.

    The second takes those at even and at odd places backwards, so that the sums of the first two
    are all different; the third is in the order of these sums, from the largest.
    """
    second_place = {}
    evens = len(first) - len(first) // 2
    for place, key in enumerate(first):
        half, is_odd = divmod(place, 2)
        second_place[key] = (len(first) if is_odd else evens) - 1 - half
    second = tuple(sorted(first, key=second_place.__getitem__))
    sums = {key: place + second_place[key] for place, key in enumerate(first)}
    third = tuple(sorted(first, key=lambda key: -sums[key]))
    return [first, second, third]
