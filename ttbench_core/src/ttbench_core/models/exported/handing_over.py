"""Writing a model for another interpreter: its device stage as a graph, inputs and outputs."""

from __future__ import annotations

import platform
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import torch

from ttbench_core.errors import UnsupportedOptionError
from ttbench_core.model import Annotated, BenchmarkModel, DeclaresAccuracy, Incomparable
from ttbench_core.models.counting import microbatch_of
from ttbench_core.models.exported.exporting import export_stage
from ttbench_core.models.exported.handover_files import STAGE_FILE, TENSORS_FILE, write_facts
from ttbench_core.models.reference.forward import reference_outputs

__all__ = ["write_handover"]


def write_handover(
    model: BenchmarkModel, identity: Mapping[str, Any], keywords: Sequence[str], folder: Path
) -> None:
    """Export a model into a folder.

    Args:
        model: as built, for inference.
        identity: what a record says of it.
        keywords: those of ttbench that its builder takes.
        folder: a private one.

    Raises `UnsupportedOptionError` for a model that is more than one stage that can be exported.
    """
    _refuse(model)
    stage = export_stage(model)
    torch.export.save(stage.program, folder / STAGE_FILE)
    tensors = {"inputs": list(stage.example), "reference": list(reference_outputs(model))}
    torch.save(tensors, folder / TENSORS_FILE)
    exported_by = {"python": platform.python_version(), "torch": str(torch.__version__)}
    write_facts(
        folder,
        {
            "identity": {
                **identity,
                "graph_sha256": stage.sha256,
                "exported_by": exported_by,
            },
            "keywords": list(keywords),
            "names": list(stage.names),
            "export": stage.record(),
            "microbatch": microbatch_of(model),
            "unit": model.unit,
            "pcc": dict(model.pcc) if isinstance(model, DeclaresAccuracy) else {},
            "notes": list(map(str, model.notes)) if isinstance(model, Annotated) else [],
            "incomparable": model.incomparable if isinstance(model, Incomparable) else None,
        },
    )


def _refuse(model: BenchmarkModel) -> None:
    """Raise `UnsupportedOptionError` for what a graph of one stage does not say."""
    if model.generation:
        what = "it generates tokens (--no-generative runs it once for each input)"
    elif list(model.stages.present(training=False)) != ["device"]:
        what = "it has stages on the host"
    else:
        return
    raise UnsupportedOptionError(
        f"the other interpreter lacks the pack of this model, and it cannot be handed over: {what};"
        " install its pack there"
    )
