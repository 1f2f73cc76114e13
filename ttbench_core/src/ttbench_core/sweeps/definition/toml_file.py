"""A sweep from a TOML file: `docs/sweeps.md` has a complete example."""

from __future__ import annotations

import sys
from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import Any, Final

from ttbench_core.errors import suggestion
from ttbench_core.sweeps.definition.draft import Draft
from ttbench_core.sweeps.definition.sweep import SweepError

if sys.version_info >= (3, 11):
    import tomllib
else:
    import tomli as tomllib

__all__ = ["read_draft"]

_TABLES: Final = ("sweep", "settings", "grid", "machines")
_LISTS: Final = ("zip", "scenarios", "exclude")
#: Tables and lists within each other: a definition has five. Deeper ones end Python's stack.
_MAX_DEPTH: Final = 20
_SWEEP_KEYS: Final = ("name", "rounds", "output", "seed", "cell_timeout")


def read_draft(file: Path) -> Draft:
    """Read the definition of a sweep; its values are checked by `sweep_from`.

    Raises `SweepError`, which names the file and the place in it.
    """
    content = _content(file)
    known = (*_TABLES, *_LISTS)
    for name in content:
        if name not in known:
            hint = suggestion(name, known)
            raise SweepError(f"{file}: unknown table {name!r}{hint}; it may have {_listed()}")
    sweep = _table(file, content, "sweep")
    for key in sweep:
        if key not in _SWEEP_KEYS:
            hint = suggestion(key, _SWEEP_KEYS)
            raise SweepError(
                f"{file}: [sweep]: unknown key {key!r}{hint}; it has {', '.join(_SWEEP_KEYS)}"
            )
    return Draft(
        grid=_table(file, content, "grid"),
        settings=_table(file, content, "settings"),
        zips=_list(file, content, "zip"),
        scenarios=[_scenario(file, one) for one in _list(file, content, "scenarios")],
        excludes=_list(file, content, "exclude"),
        machines=_table(file, content, "machines"),
        name=sweep.get("name", file.stem),
        rounds=sweep.get("rounds", 1),
        outputs=_outputs(file, sweep.get("output", [])),
        order_seed=sweep.get("seed", 0),
        cell_timeout_s=sweep.get("cell_timeout"),
        source=str(file),
    )


def _content(file: Path) -> dict[str, Any]:
    try:
        content: dict[str, Any] = tomllib.loads(file.read_text(encoding="utf-8"))
    except (OSError, ValueError) as error:
        # ValueError: no UTF-8, no TOML, and a name that no file can have
        raise SweepError(f"{file} cannot be read: {' '.join(str(error).split())}") from error
    except RecursionError:
        raise _too_deep(file) from None
    if _is_too_deep(content):
        raise _too_deep(file)
    return content


def _too_deep(file: Path) -> SweepError:
    return SweepError(
        f"{file} cannot be read: more than {_MAX_DEPTH} tables and lists are within each other"
    )


def _is_too_deep(content: Mapping[str, Any]) -> bool:
    """Return whether values lie too deep; level by level, as a recursion would itself be."""
    level: list[Any] = [content]
    for _ in range(_MAX_DEPTH):
        level = [each for one in level for each in _inner(one)]
    return bool(level)


def _inner(value: Any) -> Iterable[Any]:
    if isinstance(value, Mapping):
        return value.values()
    return value if isinstance(value, list) else ()


def _listed() -> str:
    return ", ".join([*(f"[{one}]" for one in _TABLES), *(f"[[{one}]]" for one in _LISTS)])


def _table(file: Path, content: Mapping[str, Any], name: str) -> Mapping[str, Any]:
    table = content.get(name, {})
    if not isinstance(table, Mapping):
        raise SweepError(f"{file}: {name} must be a table: [{name}]")
    return table


def _list(file: Path, content: Mapping[str, Any], name: str) -> list[Mapping[str, Any]]:
    tables = content.get(name, [])
    if not isinstance(tables, list) or not all(isinstance(one, Mapping) for one in tables):
        raise SweepError(f"{file}: {name} must be a list of tables: [[{name}]]")
    return tables


def _scenario(file: Path, given: Mapping[str, Any]) -> tuple[str, Mapping[str, Any]]:
    if "name" not in given:
        raise SweepError(f'{file}: [[scenarios]]: one has no name: name = "..."')
    return given["name"], {key: value for key, value in given.items() if key != "name"}


def _outputs(file: Path, given: Any) -> list[str]:
    outputs = [given] if isinstance(given, str) else given
    if not isinstance(outputs, list) or not all(isinstance(one, str) and one for one in outputs):
        raise SweepError(f'{file}: [sweep] output: must be a text or a list of texts: "perf.db"')
    return outputs
