"""Whether the device stage of a model can be exported, tried in a process of its own."""

from __future__ import annotations

import json
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from ttbench_core.doctor.export_child import EXPORT
from ttbench_core.doctor.probe import Probe
from ttbench_core.errors import OptionError
from ttbench_core.request.options import RunOptions

__all__ = ["ExportReport", "check_export_file", "probe_export"]

#: How long building and exporting may take.
_TIMEOUT_S: Final = 1800.0
#: Characters of a reason that are shown; exporters write whole pages.
_MAX_REASON: Final = 300


@dataclass(frozen=True)
class ExportReport:
    """What became of exporting a model."""

    exports: bool
    #: Calls of operators in the graph, the SHA-256 of the graph, and how long exporting took.
    operators: int | None = None
    sha256: str | None = None
    export_s: float | None = None
    #: Why it could not be exported.
    reason: str | None = None


def check_export_file(file: Path, *, may_replace: bool) -> None:
    """Refuse a file that a program cannot be kept in; raises `OptionError`."""
    if file.suffix != ".pt2":
        raise OptionError(f"--save_exported {file}: the name of the file must end in .pt2")
    if not file.parent.is_dir():
        raise OptionError(f"--save_exported {file}: there is no folder {file.parent}")
    if file.is_dir() or (file.exists() and not may_replace):
        raise OptionError(f"--save_exported {file} exists: name another file, or add --force")


def probe_export(
    options: RunOptions, file: Path | None = None, *, timeout_s: float = _TIMEOUT_S
) -> ExportReport:
    """Build a model with random weights and export its device stage, in a process of its own.

    A model that generates is exported with one forward pass, unless `generative` says otherwise.

    Args:
        options: the model, and what its builder takes.
        file: where the program is kept; it is replaced. None keeps it nowhere.
        timeout_s: how long it may take; then the report says so.

    Does not raise for what the model does.
    """
    found = Probe(timeout_s).run(
        EXPORT,
        options=json.dumps(options.as_requested()),
        file="" if file is None else str(file.absolute()),
    )
    if found.fault is not None:
        return ExportReport(False, reason=_shortened(found.fault))
    facts = dict(found.facts)
    if facts.get("reason") is not None:
        facts["reason"] = _shortened(facts["reason"])
    return ExportReport(**facts)


def _shortened(reason: str) -> str:
    return reason if len(reason) <= _MAX_REASON else f"{reason[:_MAX_REASON]}..."
