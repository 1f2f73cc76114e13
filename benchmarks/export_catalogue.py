"""How many models of the installed packs `torch.export` takes, which engines that compile need.

    python benchmarks/export_catalogue.py [--all] [--json FILE] [WORD]

Tries the device stage of each model in a process of its own, with random weights and one sample
in an input: of each model the configuration with the fewest parameters, with --all every one.
What needs more than --max_gib of memory for its weights has two layers, where it bears that.
Models that generate are exported with one forward pass. With WORD, only models that it is in.
"""

from __future__ import annotations

import argparse
import dataclasses
import json
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from ttbench_core import RunOptions
from ttbench_core.doctor.export_probe import ExportReport, probe_export
from ttbench_core.doctor.listing import list_installed_models
from ttbench_core.plugins.catalogue import ModelEntry

GIB = 1 << 30
#: Weights, and what exporting them copies.
BYTES_PER_PARAMETER = 6
FEW_LAYERS = 2
COLUMNS = ("model", "config", "exports", "operators", "seconds", "reason")
WIDTHS = (26, 22, 7, 9, 7, 0)


def parameters_of(entry: ModelEntry, config: str | None) -> int:
    """Give the declared parameters of a configuration, 0 where nothing is declared."""
    declared = entry.declared.get(config or "")
    return (declared.parameters if declared else None) or 0


def chosen(entry: ModelEntry, *, every: bool) -> list[str | None]:
    """Give configurations of a model: all, or the smallest."""
    configs: list[str | None] = list(entry.configs) or [None]
    return configs if every else [min(configs, key=lambda one: parameters_of(entry, one))]


def families(*, every: bool, word: str) -> Iterator[tuple[str, str | None, int]]:
    """Give names, configurations and parameters; a model under two names counts once."""
    seen = set()
    for entry in list_installed_models():
        if word not in entry.name or entry.error or entry.entry_point in seen:
            continue
        seen.add(entry.entry_point)
        for config in chosen(entry, every=every):
            yield entry.runs_as, config, parameters_of(entry, config)


def attempt(model: str, config: str | None, layers: int | None, limit_s: float) -> ExportReport:
    """Export one model with one sample in an input, or as its builder makes it."""
    options = RunOptions(model, config=config, layers=layers, microbatch=1)
    report = probe_export(options, timeout_s=limit_s)
    if not report.exports and "microbatch" in (report.reason or ""):
        return probe_export(dataclasses.replace(options, microbatch=None), timeout_s=limit_s)
    return report


def tried(
    model: str, config: str | None, parameters: int, *, max_gib: float, limit_s: float
) -> dict[str, Any]:
    """Give the row of one configuration."""
    is_large = parameters * BYTES_PER_PARAMETER > max_gib * GIB
    started_s = time.monotonic()
    report = attempt(model, config, FEW_LAYERS if is_large else None, limit_s)
    return {
        "model": model,
        "config": (config or "") + (f" ({FEW_LAYERS} layers)" if is_large else ""),
        "exports": "yes" if report.exports else "no",
        "operators": report.operators or "",
        "seconds": f"{report.export_s or time.monotonic() - started_s:.1f}",
        "reason": report.reason or "",
    }


def main() -> int:
    """Try all and print the table."""
    parser = argparse.ArgumentParser(description=__doc__.split("\n", maxsplit=1)[0])
    parser.add_argument("word", nargs="?", default="")
    parser.add_argument("--all", action="store_true", help="every configuration")
    parser.add_argument("--max_gib", type=float, default=8.0, help="memory of weights (8)")
    parser.add_argument("--limit_s", type=float, default=300.0, help="time for one (300)")
    parser.add_argument("--json", type=Path, help="also write the rows into this file")
    given = parser.parse_args()
    rows: list[dict[str, Any]] = []
    print_row(dict(zip(COLUMNS, COLUMNS, strict=True)))
    for model, config, parameters in families(every=given.all, word=given.word):
        limits = {"max_gib": given.max_gib, "limit_s": given.limit_s}
        rows.append(tried(model, config, parameters, **limits))
        print_row(rows[-1])
    if given.json is not None:
        given.json.write_text(json.dumps(rows, indent=1), encoding="utf-8")
    print(summary(rows))
    return 0


def print_row(row: dict[str, Any]) -> None:
    """Print a line of the table."""
    cells = (f"{row.get(name, '')!s:<{width}}" for name, width in zip(COLUMNS, WIDTHS, strict=True))
    print(" ".join(cells).rstrip(), flush=True)


def summary(rows: list[dict[str, Any]]) -> str:
    """Give the share of models of which a configuration exports."""
    names = {row["model"] for row in rows}
    exported = {row["model"] for row in rows if row["exports"] == "yes"}
    percent = f" ({100 * len(exported) / len(names):.0f} %)" if names else ""
    return f"{len(exported)} of {len(names)} models export{percent}"


if __name__ == "__main__":
    raise SystemExit(main())
