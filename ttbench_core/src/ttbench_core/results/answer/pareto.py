"""The cells that no other beats in both of two measures."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TypeVar

__all__ = ["pareto_set"]

Item = TypeVar("Item")


def pareto_set(points: Sequence[tuple[float, float, Item]]) -> list[Item]:
    """Return the items that no other beats, from the least cost.

    Args:
        points: cost (less is better), gain (more is better), and the item; equal ones all stay.
    """
    kept: list[Item] = []
    best_gain, cost_of_best = float("-inf"), float("-inf")
    for cost, gain, item in sorted(points, key=lambda point: (point[0], -point[1])):
        if gain > best_gain or (gain == best_gain and cost == cost_of_best):
            kept.append(item)
            best_gain, cost_of_best = gain, cost
    return kept
