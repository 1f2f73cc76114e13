"""What the definition of a sweep says of a cell, as one text that is equal on every machine.

A key names versions, devices and the machine; a combination names none of them. So shards are
dealt out, and the state of a sweep is found, by combination.
"""

from __future__ import annotations

import json
import re
from collections import defaultdict
from collections.abc import Iterable, Iterator, Mapping
from typing import Any, Final

from ttbench_core.sweeps.definition.axes import Setting
from ttbench_core.sweeps.planning.cell import Cell

__all__ = [
    "combination_of",
    "combination_of_record",
    "combinations_of_record",
    "numbered_combinations",
]

#: `#2` of a label that another cell would have, too.
_ALIKE: Final = re.compile(r" #(\d{1,9})$")


def combination_of(settings: Mapping[str, Setting], scenario: str | None, label: str) -> str:
    """Give the combination of a cell, as canonical JSON.

    Args:
        settings: of the axes of its sweep, as records show them.
        scenario: that it belongs to.
        label: whose number tells cells apart that are shown alike.
    """
    found = _ALIKE.search(label)
    return _text(settings, scenario, int(found[1]) if found else 1)


def combination_of_record(sweep: Mapping[str, Any]) -> str | None:
    """Give the combination of a record; None where it does not say enough.

    Args:
        sweep: the field `sweep` of a record; untrusted.
    """
    settings, scenario, label = (sweep.get(name) for name in ("settings", "scenario", "label"))
    if not isinstance(settings, Mapping) or not isinstance(label, str):
        return None
    return combination_of(settings, scenario if isinstance(scenario, str) else None, label)


def combinations_of_record(sweep: Mapping[str, Any]) -> Iterator[str]:
    """Yield the combination of a record, and those of the cells that it stands for.

    Args:
        sweep: the field `sweep` of a record; untrusted.
    """
    own = combination_of_record(sweep)
    if own is not None:
        yield own
    merged = sweep.get("merged")
    yield from (one for one in (merged if isinstance(merged, list) else ()) if isinstance(one, str))


def numbered_combinations(cells: Iterable[Cell]) -> Iterator[str]:
    """Yield the combinations of cells that have no label yet, in the order of the definition.

    Cells that are shown alike and measure the same have one; others are numbered.
    """
    alike: defaultdict[str, dict[str, int]] = defaultdict(dict)
    for cell in cells:
        keys = alike[_text(cell.settings, cell.scenario, 1)]
        yield _text(cell.settings, cell.scenario, keys.setdefault(cell.key, len(keys) + 1))


def _text(settings: Mapping[str, Setting], scenario: str | None, number: int) -> str:
    return json.dumps([scenario, dict(settings), number], sort_keys=True, separators=(",", ":"))
