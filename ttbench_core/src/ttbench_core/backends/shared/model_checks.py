"""Models that no engine of `torch.nn.Module`s can run, refused before they are copied."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import torch

from ttbench_core.errors import UnsupportedOptionError
from ttbench_core.model import BenchmarkModel, GeneratingModule
from ttbench_core.models.counting import new_tokens_of

__all__ = ["refuse_foreign_modules", "refuse_other_loops"]


def refuse_foreign_modules(stages: Mapping[str, Any], name: str) -> None:
    """Raise `UnsupportedOptionError` for a stage that is a module of another engine.

    Args:
        stages: modules by the name of their stage.
        name: of the backend.
    """
    for stage, module in stages.items():
        if not isinstance(module, torch.nn.Module):
            raise UnsupportedOptionError(
                f"stage {stage} is a {type(module).__name__} of {type(module).__module__}, which"
                f" only its own backend can run; backend {name!r} runs a torch.nn.Module"
            )


def refuse_other_loops(model: BenchmarkModel, name: str) -> None:
    """Raise `UnsupportedOptionError` for a model that generates by a loop of another engine.

    Args:
        model: one that generates.
        name: of the backend.
    """
    is_staged = len(model.stages.present(training=False)) > 1
    generates = (
        isinstance(model.stages.device, GeneratingModule) and new_tokens_of(model) is not None
    )
    if is_staged or not generates:
        raise UnsupportedOptionError(
            f"backend {name!r} generates with one device stage that has prefill() and decode(),"
            " and 'max_length' in generation; this model's loop is another"
            f" ({', '.join(model.generation)})"
        )
