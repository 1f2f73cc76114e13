"""The contract of a model: what a builder returns, and what a model may declare.

This module imports no torch: a stage is any module that the chosen backend can
run, in practice a `torch.nn.Module`.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, Protocol, TypeAlias, runtime_checkable

from ttbench_core.builder import Builder, Declared, benchmark_model
from ttbench_core.generation import (
    CacheTensor,
    GeneratingModule,
    Inputs,
    StaticCache,
    StaticCacheModule,
    Tensor,
)
from ttbench_core.zoo import Zoo, ZooModel

__all__ = [
    "Annotated",
    "BenchmarkModel",
    "Builder",
    "CacheTensor",
    "Declared",
    "DeclaresAccuracy",
    "DeclaresMicrobatch",
    "DeclaresOrigin",
    "GeneratingModule",
    "Incomparable",
    "Inputs",
    "StagedModel",
    "Stages",
    "StaticCache",
    "StaticCacheModule",
    "Zoo",
    "ZooModel",
    "benchmark_model",
]

#: A module that a backend can run: called with tensors, returns a tensor, or a list, tuple or
#: mapping of tensors, such as the `ModelOutput` of transformers.
Module: TypeAlias = Any


@dataclass(frozen=True)
class Stages:
    """The modules of a model and where each one runs.

    The first stage is called with the inputs of the model. Every other stage is called with
    the tensors that the stage before it returned, as positional arguments in their order; the
    names of a mapping are not passed on, and numbers and None are left out. `loss` is called
    with the last output and the targets, in training only.
    """

    device: Module
    cpu_pre: Module | None = None
    cpu_post: Module | None = None
    loss: Module | None = None

    def present(self, *, training: bool = True) -> dict[str, Module]:
        """Give the stages that the model has, in the order in which the data passes them.

        Args:
            training: whether the loss, which comes last, is one of them.
        """
        order = ("cpu_pre", "device", "cpu_post", *(("loss",) if training else ()))
        return {name: getattr(self, name) for name in order if getattr(self, name) is not None}


@runtime_checkable
class BenchmarkModel(Protocol):
    """**Protocol:** everything that the runner needs of a model.

    A builder may return any object with these attributes; `StagedModel` is the
    standard implementation.
    """

    @property
    def stages(self) -> Stages:
        """The modules, by where they run."""

    @property
    def inputs(self) -> Inputs:
        """One input on the host, pushed again and again.

        The first dimension of every tensor is the microbatch, unless the model
        `DeclaresMicrobatch`. Tensors without dimensions and numbers have none.
        """

    @property
    def targets(self) -> Sequence[Tensor]:
        """What `loss` compares the last output with; empty when the model has no training."""

    @property
    def unit(self) -> str:
        """What one row of a microbatch is, such as `sample`."""

    @property
    def generation(self) -> Mapping[str, object]:
        """Settings of an autoregressive loop; empty for a model that is run once for each input."""

    @property
    def tuning(self) -> Mapping[str, Mapping[str, object]]:
        """Settings for one backend each, by the backend's name."""


@runtime_checkable
class DeclaresAccuracy(Protocol):
    """**Protocol:** a model that declares how close to Fp32 its outputs come; optional."""

    @property
    def pcc(self) -> Mapping[str, float]:
        """Minimum correlation with Fp32 for outputs to be right, by data format as in `-df`.

        Formats that are not in it use the default.
        """


@runtime_checkable
class DeclaresMicrobatch(Protocol):
    """**Protocol:** a model that declares its microbatch; optional.

    It is for inputs whose first dimension is not the microbatch, such as sequence-first
    tensors or a packed batch.
    """

    @property
    def microbatch(self) -> int | None:
        """Samples in one input; None for the first dimension, which all tensors then share."""


@runtime_checkable
class Annotated(Protocol):
    """**Protocol:** a model with notes for the readers of its numbers; optional."""

    @property
    def notes(self) -> Sequence[str]:
        """Sentences for the record, such as which parts of trained weights are random."""


@runtime_checkable
class Incomparable(Protocol):
    """**Protocol:** a model whose outputs cannot be compared between formats; optional."""

    @property
    def incomparable(self) -> str | None:
        """Why not, such as outputs that are ordered by scores; None for a model that is compared.

        Its outputs are checked all the same: those that are not finite, or of another shape,
        are wrong.
        """


@runtime_checkable
class DeclaresOrigin(Protocol):
    """**Protocol:** a model that says where it is from, beyond its pack and builder; optional."""

    @property
    def origin(self) -> Mapping[str, str]:
        """Texts by name, for the record, such as the group and the source of a loader.

        Where no configuration was chosen, `variant` is what the record has as that.
        """


@dataclass(frozen=True)
class StagedModel:
    """The standard `BenchmarkModel`: a plain value."""

    stages: Stages
    inputs: Inputs
    targets: Sequence[Tensor] = ()
    unit: str = "sample"
    generation: Mapping[str, object] = field(default_factory=dict)
    tuning: Mapping[str, Mapping[str, object]] = field(default_factory=dict)
    pcc: Mapping[str, float] = field(default_factory=dict)
    #: See `Annotated`.
    notes: Sequence[str] = ()
    #: See `Incomparable`.
    incomparable: str | None = None
    #: See `DeclaresMicrobatch`.
    microbatch: int | None = None
    #: See `DeclaresOrigin`.
    origin: Mapping[str, str] = field(default_factory=dict)
