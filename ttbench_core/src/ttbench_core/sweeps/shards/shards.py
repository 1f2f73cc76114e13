"""Shards: which of several machines runs which cells of a sweep.

The assignment depends on the definition, the number of shards and given times alone. So every
machine computes the same one, at any time, whatever the outputs hold by then.
"""

from __future__ import annotations

import hashlib
import heapq
import re
import statistics
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Final

from ttbench_core.errors import OptionError
from ttbench_core.sweeps.planning.estimating import Kind, RunTimes

__all__ = ["MAX_SHARDS", "Shard", "Share", "deal", "seconds_of_cells"]

MAX_SHARDS: Final = 10_000
_TEXT: Final = re.compile(r"([0-9]{1,5})/([0-9]{1,5})")
#: Of cells without any known time: then their number is what is balanced.
_UNKNOWN_S: Final = 1.0


@dataclass(frozen=True)
class Shard:
    """One of several parts of a sweep, counted from 1."""

    number: int
    count: int

    def __str__(self) -> str:
        """Return it as `--shard` takes it: `2/4`."""
        return f"{self.number}/{self.count}"

    @property
    def in_file_names(self) -> str:
        """What stands for `{shard}` in the name of an output: `2of4`."""
        return f"{self.number}of{self.count}"

    @classmethod
    def read(cls, text: str) -> Shard:
        """Read `2/4`; raises `OptionError`."""
        found = _TEXT.fullmatch(text)
        shard = cls(int(found[1]), int(found[2])) if found else None
        if shard is None or not 0 < shard.number <= shard.count <= MAX_SHARDS:
            raise OptionError(
                f"--shard {text!r} must be NUMBER/COUNT, such as 2/4: a number from 1 to the"
                f" count of shards, of which there are at most {MAX_SHARDS:,}"
            )
        return shard


@dataclass(frozen=True)
class Share:
    """Which shard is asked for, and by which times cells are dealt out."""

    shard: Shard
    #: The same for all shards; None deals the cells of each kind out evenly.
    times: RunTimes | None = None


def deal(cells: Mapping[str, Kind], count: int, times: RunTimes | None = None) -> dict[str, int]:
    """Give the number of the shard of each cell, from 1.

    Without times each kind of cell is dealt out in turn, and the next kind goes on where the last
    one stopped: shards differ by at most one cell of a kind, and in total. With times the longest
    cell goes to the shard that has the least, and so on (longest processing time first; Graham,
    Bounds on multiprocessing timing anomalies, 1969).

    Args:
        cells: the kind of each cell, by combination.
        count: of shards.
        times: of earlier runs.
    """
    if times is None:
        in_turn = sorted(cells, key=lambda one: (_kind_text(cells[one]), _hash(one)))
        return {one: place % count + 1 for place, one in enumerate(in_turn)}
    seconds = seconds_of_cells(cells, times)
    # of equally loaded shards the one with the fewest cells, then the first
    loads = [(0.0, 0, number) for number in range(1, count + 1)]
    dealt = {}
    for one in sorted(cells, key=lambda one: (-seconds[one], _hash(one))):
        load_s, taken, number = loads[0]
        heapq.heapreplace(loads, (load_s + seconds[one], taken + 1, number))
        dealt[one] = number
    return dealt


def seconds_of_cells(cells: Mapping[str, Kind], times: RunTimes) -> dict[str, float]:
    """Give how long a run of each cell takes; of an unknown one, the median of the others."""
    known = {one: times.seconds(one, kind) for one, kind in cells.items()}
    found = [one for one in known.values() if one is not None]
    median = statistics.median(found) if found else _UNKNOWN_S
    return {one: median if seconds is None else seconds for one, seconds in known.items()}


def _kind_text(kind: Kind) -> str:
    return "\0".join(one or "" for one in kind)


def _hash(combination: str) -> bytes:
    return hashlib.sha256(combination.encode()).digest()
