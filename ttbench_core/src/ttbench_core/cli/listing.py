"""`ttbench --list [WORD]`: the catalogue of installed models, by pack."""

from __future__ import annotations

import itertools
import json
from collections.abc import Mapping, Sequence
from dataclasses import asdict
from typing import Final

from ttbench_core.cli.terminal import print_exact, print_line, print_table, print_text
from ttbench_core.doctor.listing import list_installed_models
from ttbench_core.errors import UnknownNameError, suggestion
from ttbench_core.plugins.catalogue import ModelEntry
from ttbench_core.record.formatting import format_quantity

__all__ = ["list_models"]

#: Models of a pack's zoos that are listed without a word.
_MAX_OF_ZOO: Final = 20
#: Names that a note lists.
_MAX_NOTED_NAMES: Final = 5
_NOTHING: Final = """\
No model pack is installed. To get one:

  pip install ttbench-models-nlp       language models
  pip install ttbench-models-vision    vision models

or write your own: a function, and three lines in its pyproject.toml.
"""


def list_models(word: str = "", *, as_json: bool) -> int:
    """Print every installed model, or those that a word is in; a broken one with its reason.

    Of a large zoo only the first models are printed, unless a word asks for some of them.

    Raises `UnknownNameError` for a word that is in none.
    """
    entries = list_installed_models()
    found = [entry for entry in entries if entry.mentions(word)]
    if word and entries and not found:
        hint = suggestion(word, [entry.name for entry in entries])
        raise UnknownNameError(f"no installed model mentions {word!r}{hint}")
    if as_json:
        print_exact(json.dumps([asdict(entry) for entry in found], indent=2))
    elif not found:
        print_text(_NOTHING)
    else:
        owners = {entry.name: entry.pack for entry in entries if entry.runs_as == entry.name}
        _print_by_pack(found, owners, max_of_zoo=None if word else _MAX_OF_ZOO)
    return 0


def _print_by_pack(
    entries: Sequence[ModelEntry], owners: Mapping[str, str], *, max_of_zoo: int | None
) -> None:
    """Print a table for each pack.

    Args:
        entries: what to print.
        owners: the pack that each name belongs to.
        max_of_zoo: models of a pack's zoos that are printed at most; None prints all.
    """

    def pack_of(entry: ModelEntry) -> tuple[str, str]:
        return entry.pack, entry.version

    for number, ((pack, version), models) in enumerate(
        itertools.groupby(sorted(entries, key=pack_of), pack_of)
    ):
        if number:
            print_line()
        print_line(f"{pack} {version}")
        _print_pack(pack, list(models), owners, max_of_zoo)


def _print_pack(
    pack: str, entries: Sequence[ModelEntry], owners: Mapping[str, str], max_of_zoo: int | None
) -> None:
    shown = [entry for entry in entries if entry.zoo is None or entry.error]
    of_zoo = [entry for entry in entries if entry.zoo is not None and not entry.error]
    header = ["model", "task", "configurations: parameters, microbatch (* runs without -c)"]
    print_table(header, map(_row, [*shown, *of_zoo[:max_of_zoo]]))
    if left_out := len(of_zoo) - len(of_zoo[:max_of_zoo]):
        print_line(f"... and {left_out} more: ttbench --list WORD shows those that WORD is in")
    if note := _note(pack, [entry for entry in entries if entry.runs_as != entry.name], owners):
        print_line(note)


def _note(pack: str, entries: Sequence[ModelEntry], owners: Mapping[str, str]) -> str:
    """Return which names belong to other packs; empty if none does."""
    texts = [f"{one.name} is that of {owners.get(one.name, 'no pack alone')}" for one in entries]
    if not texts:
        return ""
    more = len(texts) - _MAX_NOTED_NAMES
    several = f" (and {more} more)" if more > 0 else ""
    return f"{', '.join(texts[:_MAX_NOTED_NAMES])}{several}: write {pack}:NAME for the one here"


def _row(entry: ModelEntry) -> list[str]:
    if entry.error:
        what = "zoo " if entry.zoo is not None else ""
        return [f"{what}{entry.name} (unusable)", "", entry.error]
    return [entry.runs_as, entry.task or "", _configurations(entry)]


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
