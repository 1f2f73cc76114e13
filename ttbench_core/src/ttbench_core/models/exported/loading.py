"""Loading a model that was handed over; only from a folder that `read_facts` has checked."""

from __future__ import annotations

import warnings
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

import torch

from ttbench_core.errors import SessionError, one_line
from ttbench_core.model import Stages
from ttbench_core.models.exported.graph_identity import count_operators, graph_sha256
from ttbench_core.models.exported.handover_files import STAGE_FILE, TENSORS_FILE
from ttbench_core.models.exported.loaded_model import GraphStage, LoadedModel, LoadedStage

__all__ = ["load_model"]


def load_model(folder: Path, facts: Mapping[str, Any]) -> LoadedModel:
    """Load the graph, its inputs and the outputs that are right.

    Raises `SessionError` where this version of torch cannot read what the other one wrote.
    """
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")  # of torch about its own file format
            program = torch.export.load(folder / STAGE_FILE)
        tensors = torch.load(folder / TENSORS_FILE, weights_only=True)
    except Exception as error:
        written = facts["identity"].get("exported_by", {}).get("torch")
        raise SessionError(
            f"torch {torch.__version__} cannot load the graph that torch {written} exported"
            f" ({one_line(error)}): install the same version, or the model's pack, here"
        ) from error
    stage = LoadedStage(
        program=program,
        names=tuple(facts["names"]),
        # not as the facts say: what was loaded is what runs
        sha256=graph_sha256(program),
        operators=count_operators(program),
        export_s=float(facts["export"]["export_s"]),
    )
    return LoadedModel(
        stages=Stages(GraphStage(program)),
        inputs=tensors["inputs"],
        unit=facts["unit"],
        pcc=facts["pcc"],
        notes=(*facts["notes"], *_notes(facts, stage)),
        incomparable=facts["incomparable"],
        microbatch=facts["microbatch"],
        stage=stage,
        reference=tuple(tensors["reference"]),
    )


def _notes(facts: Mapping[str, Any], loaded: LoadedStage) -> Iterator[str]:
    yield (
        f"the model was handed over as an exported graph: the interpreter that measured lacks"
        f" {facts['identity']['pack']}"
    )
    exported = facts["export"].get("graph_sha256")
    if exported != loaded.sha256:
        yield (
            f"the graph that was loaded is another one than was exported: its SHA-256 is"
            f" {loaded.sha256}, and was {exported}"
        )
