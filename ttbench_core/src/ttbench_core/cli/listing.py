"""`ttbench --list [WORD]`: the catalogue of installed models, by pack."""

from __future__ import annotations

import itertools
import json
from collections.abc import Iterable, Sequence
from dataclasses import asdict

from ttbench_core.cli.terminal import print_table, printable
from ttbench_core.errors import UnknownNameError, suggestion
from ttbench_core.plugins.catalogue import ModelEntry, installed_models
from ttbench_core.record.formatting import format_quantity

__all__ = ["list_models"]

_NOTHING = """\
No model pack is installed. To get one:

  pip install ttbench-models-nlp       language models
  pip install ttbench-models-vision    vision models

or write your own: a function, and three lines in its pyproject.toml.
"""


def list_models(word: str = "", *, as_json: bool) -> int:
    """Print every registered model, or those that a word is in; a broken one with its reason.

    Raises `UnknownNameError` for a word that is in none.
    """
    entries = installed_models()
    found = [entry for entry in entries if entry.mentions(word)]
    if word and entries and not found:
        hint = suggestion(word, [entry.name for entry in entries])
        raise UnknownNameError(f"no installed model mentions {word!r}{hint}")
    if as_json:
        print(json.dumps([asdict(entry) for entry in found], indent=2))
    elif not found:
        print(_NOTHING, end="")
    else:
        _print_by_pack(found)
    return 0


def _print_by_pack(entries: Sequence[ModelEntry]) -> None:
    def pack_of(entry: ModelEntry) -> tuple[str, str]:
        return entry.pack, entry.version

    for number, ((pack, version), models) in enumerate(
        itertools.groupby(sorted(entries, key=pack_of), pack_of)
    ):
        if number:
            print()
        print(f"{printable(pack)} {printable(version)}")
        _print_models(models)


def _print_models(entries: Iterable[ModelEntry]) -> None:
    header = ["model", "task", "configurations: parameters, microbatch (* runs without -c)"]
    print_table(header, map(_row, entries))


def _row(entry: ModelEntry) -> list[str]:
    if entry.error:
        return [f"{entry.name} (unusable)", "", entry.error]
    return [entry.name, entry.task or "", _configurations(entry)]


def _configurations(entry: ModelEntry) -> str:
    names: Sequence[str] = entry.configs or ("",)
    return ", ".join(_configuration(entry, name) for name in names).strip() or "-"


def _configuration(entry: ModelEntry, name: str) -> str:
    shown = f"{name}*" if name and name == entry.default_config else name
    declared = entry.declared.get(name)
    if declared is None:
        return shown
    facts = []
    if declared.parameters is not None:
        facts.append(format_quantity(declared.parameters, "").strip())
    if declared.microbatch is not None:
        facts.append(f"mb {declared.microbatch}")
    return f"{shown} ({', '.join(facts)})".strip() if facts else shown
