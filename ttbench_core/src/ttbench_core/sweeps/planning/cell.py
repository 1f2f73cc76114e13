"""One cell of a sweep: a run that is to be made once in each round."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field

from ttbench_core.running.request import RunRequest
from ttbench_core.sweeps.definition.axes import Setting

__all__ = ["Cell"]


@dataclass(frozen=True, slots=True)
class Cell:
    """A run of a sweep, as it is planned."""

    #: Its place in the plan, from 1.
    number: int
    #: What it measures, and with what: see `identity.cell_key`. Equal in every process.
    key: str
    #: The values of the axes that vary, for people; no other cell of the plan has it.
    label: str
    #: The name of the scenario that it belongs to; None where the sweep has none.
    scenario: str | None
    #: The values of the axes of the sweep, as records may show them: see `labels`.
    settings: Mapping[str, Setting] = field(hash=False)
    #: What `run_request` takes; its model, configuration and backend are chosen.
    request: RunRequest = field(hash=False)
    #: Why it cannot run, which is known before anything ran; None where nothing is known
    #: against it.
    refused: str | None = None
    #: Devices that its engine has here, as `-d` names them; empty where that is not known.
    devices: tuple[str, ...] = ()
    #: How many cells of the definition it stands for, because they measure the same.
    same: int = 1
    #: The combinations of these, without its own: see `combinations`.
    merged: tuple[str, ...] = ()
