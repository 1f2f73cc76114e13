"""Names of cells for people, and settings as they may be shown: without secrets."""

from __future__ import annotations

import functools
import shlex
from collections import Counter
from collections.abc import Collection, Iterable, Mapping, Sequence
from typing import Final

from ttbench_core.record.environment import is_recorded
from ttbench_core.request.credentials import hide_in_word
from ttbench_core.request.variables import parse_variables
from ttbench_core.sweeps.definition.axes import Setting, setting_text

__all__ = ["shown_settings", "texts_of", "unique_labels"]

#: As records have it.
_NOT_RECORDED: Final = "<not recorded>"


def shown_settings(
    settings: Mapping[str, Setting], variables: Iterable[str] = ()
) -> dict[str, Setting]:
    """Give settings as a record may have them.

    Of environment variables only those values are shown that a record has too; in other texts
    what looks like a credential is hidden.

    Args:
        settings: by axis.
        variables: patterns of names whose values backends record.
    """
    patterns = tuple(variables)
    return {
        axis: _shown_env(str(value), patterns) if axis == "env" else _shown(value)
        for axis, value in settings.items()
    }


def texts_of(settings: Mapping[str, Setting], scenario: str | None = None) -> str:
    """Give settings as one text, the scenario first."""
    texts = [setting_text(axis, value) for axis, value in settings.items()]
    return " ".join([*([scenario] if scenario else []), *texts])


def unique_labels(
    settings: Sequence[Mapping[str, Setting]],
    scenarios: Sequence[str | None],
    always: Collection[str] = (),
) -> list[str]:
    """Give each cell a name made of the settings that vary.

    Args:
        settings: of each cell, as shown.
        scenarios: of each cell.
        always: axes that a label has, whether they vary among these cells or not.

    Of cells that are shown alike, as where only a hidden value differs, the later ones get a
    number.
    """
    varying = _varying(settings).union(always)
    several = len(set(scenarios)) > 1
    labels = [
        texts_of({axis: one[axis] for axis in one if axis in varying}, name if several else None)
        or texts_of({axis: one[axis] for axis in one if axis in ("model", "config")})
        for one, name in zip(settings, scenarios, strict=True)
    ]
    seen: Counter[str] = Counter()
    unique = []
    for label in labels:
        seen[label] += 1
        unique.append(label if seen[label] == 1 else f"{label} #{seen[label]}")
    return unique


def _varying(settings: Sequence[Mapping[str, Setting]]) -> set[str]:
    """Give the axes of which cells have different values, or not all cells have one."""
    values: dict[str, set[tuple[type, Setting]]] = {}
    counts: Counter[str] = Counter()
    for one in settings:
        counts.update(one.keys())
        for axis, value in one.items():
            values.setdefault(axis, set()).add((type(value), value))
    return {axis for axis in values if len(values[axis]) > 1 or counts[axis] < len(settings)}


def _shown(value: Setting) -> Setting:
    return _shown_text(value) if isinstance(value, str) else value


@functools.lru_cache(maxsize=4096)
def _shown_text(text: str) -> str:
    """Hide credentials; thousands of cells share few texts."""
    return hide_in_word(text)


def _shown_env(text: str, patterns: tuple[str, ...]) -> str:
    return shlex.join(
        f"{name}={value if is_recorded(name, patterns) else _NOT_RECORDED}"
        for name, value in parse_variables(text).items()
    )
