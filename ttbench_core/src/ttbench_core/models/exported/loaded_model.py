"""The model that was loaded from a graph: its stage as a module, and what belongs to it."""

from __future__ import annotations

import copy
import warnings
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

import torch

from ttbench_core.errors import UnsupportedOptionError
from ttbench_core.model import StagedModel

if TYPE_CHECKING:
    from typing_extensions import Self

__all__ = ["GraphStage", "LoadedModel", "LoadedStage"]


@dataclass(frozen=True)
class LoadedStage:
    """The graph of a model that was handed over, and what is known of it."""

    program: torch.export.ExportedProgram
    names: tuple[str, ...]
    sha256: str
    operators: int
    export_s: float


@dataclass(frozen=True)
class LoadedModel(StagedModel):
    """A `BenchmarkModel` whose device stage is a graph, with the outputs that are right."""

    stage: LoadedStage | None = None
    #: Outputs in Fp32 of the model's own modules, which are not here.
    reference: tuple[torch.Tensor, ...] = field(default=())


class GraphStage(torch.nn.Module):
    """A graph as a module; whatever takes a `torch.nn.Module` runs it.

    Types and devices are written in a graph: a conversion of its weights alone would break it,
    and is refused.
    """

    def __init__(self, program: torch.export.ExportedProgram) -> None:
        super().__init__()
        graph: torch.nn.Module = _module_of(program)
        for name in ("train", "eval"):
            # a graph of inference has no modes; here they would raise
            vars(graph).pop(name, None)
        self.graph = graph

    def forward(self, *tensors: torch.Tensor) -> Any:
        """Run the graph; gives its outputs, a flat tuple."""
        return self.graph(*tensors)

    def __deepcopy__(self, memo: dict[int, Any]) -> Self:
        copied = type(self).__new__(type(self))
        torch.nn.Module.__init__(copied)
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")  # of torch about its own structures
            copied.graph = copy.deepcopy(self.graph, memo)
        return copied.train(self.training)

    def _apply(
        self, fn: Callable[[torch.Tensor], torch.Tensor], recurse: bool = True
    ) -> Self:  # `to`, `half` and others go through this
        probe = torch.zeros(1)
        found = fn(probe)
        if (found.dtype, found.device) != (probe.dtype, probe.device):
            raise UnsupportedOptionError(
                "the model was handed over as a graph in Fp32 on the CPU, which cannot be converted"
                f" to {str(found.dtype).removeprefix('torch.')} on {found.device.type}: install its"
                " pack in the interpreter that measures"
            )
        return super()._apply(fn, recurse)  # type: ignore[no-untyped-call,no-any-return]


def _module_of(program: torch.export.ExportedProgram) -> Any:
    try:
        # the inputs are always those that it was exported with
        return program.module(check_guards=False)
    except TypeError:  # of a version of torch without these checks
        return program.module()
