"""An exported stage as a file, which `torch.export.load` reads."""

from __future__ import annotations

import contextlib
import os
from pathlib import Path

import torch

from ttbench_core.models.exported.exporting import ExportedStage

__all__ = ["save_program"]


def save_program(stage: ExportedStage, file: Path) -> None:
    """Write the graph of a stage with its weights; the file is complete or stays as it was.

    Args:
        stage: what to write.
        file: its name ends in `.pt2`.

    Raises `OSError`, and what torch raises.
    """
    temporary = file.with_name(f".{file.stem}-{os.getpid()}.pt2")
    try:
        torch.export.save(stage.program, temporary)
        temporary.replace(file)
    except BaseException:
        with contextlib.suppress(OSError):
            temporary.unlink()
        raise
