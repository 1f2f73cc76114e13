"""How the parent of a measuring process follows what it does."""

from __future__ import annotations

from dataclasses import dataclass

from ttbench_core.running.progress import SILENT, Observer

__all__ = ["Supervision"]


@dataclass(frozen=True)
class Supervision:
    """Who is shown the progress of a child, and when it counts as hung."""

    observer: Observer = SILENT
    #: Seconds without a message after which it counts as hung; None waits for ever.
    timeout_s: float | None = None
    #: The engine that the parent has chosen; None leaves the choice to the child.
    engine: str | None = None
