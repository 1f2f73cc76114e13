"""`ttbench --list`: the catalogue of installed models."""

from __future__ import annotations

import json
from dataclasses import asdict

from ttbench_core.catalogue import ModelEntry, installed_models
from ttbench_core.cli.terminal import print_table

__all__ = ["list_models"]

_NOTHING = """\
No model pack is installed. To get one:

  pip install ttbench-models-nlp       language models
  pip install ttbench-models-vision    vision models

or write your own: a function, and three lines in its pyproject.toml.
"""


def list_models(*, as_json: bool) -> int:
    """Print every registered model; a broken one with its reason."""
    entries = installed_models()
    if as_json:
        print(json.dumps([asdict(entry) for entry in entries], indent=2))
    elif not entries:
        print(_NOTHING, end="")
    else:
        print_table(["model", "configurations", "pack", "version"], map(_row, entries))
    return 0


def _row(entry: ModelEntry) -> list[str]:
    shown = entry.name if not entry.error else f"{entry.name} (unusable)"
    return [shown, entry.error or _configurations(entry), entry.pack, entry.version]


def _configurations(entry: ModelEntry) -> str:
    if not entry.configs:
        return "-"
    return ", ".join(
        f"{config} (default)" if config == entry.default_config else config
        for config in entry.configs
    )
