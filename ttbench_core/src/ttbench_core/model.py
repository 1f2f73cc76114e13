"""The contract of a model: what a builder returns, and what a model may declare.

This module imports no torch: a stage is any module that the chosen backend can
run, in practice a `torch.nn.Module`.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, Protocol, TypeAlias, runtime_checkable

from ttbench_core.builder import Builder, Declared, benchmark_model

__all__ = [
    "Annotated",
    "BenchmarkModel",
    "Builder",
    "CacheTensor",
    "Declared",
    "DeclaresAccuracy",
    "GeneratingModule",
    "Incomparable",
    "StagedModel",
    "Stages",
    "StaticCache",
    "StaticCacheModule",
    "benchmark_model",
]

#: A tensor of the backend's framework; its first dimension is the microbatch.
Tensor: TypeAlias = Any
#: A module that a backend can run: called with tensors, returns tensors.
Module: TypeAlias = Any


@dataclass(frozen=True)
class Stages:
    """The modules of a model and where each one runs.

    The output of a stage is the input of the next; `loss` is called with the
    last output and the targets, in training only.
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
    def inputs(self) -> Sequence[Tensor]:
        """One input on the host, pushed again and again; its first dimension is the microbatch."""

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
class GeneratingModule(Protocol):
    """**Protocol:** a device stage that generates tokens from a prompt and a cache of the past.

    Its model has `max_length`, the number of new tokens, in `generation`, and may have
    `prompt_length`.
    """

    def prefill(self, *inputs: Tensor) -> tuple[Tensor, Any]:
        """Read the prompt.

        Args:
            inputs: those of the model.

        Returns:
            Logits of the next token, (microbatch, vocabulary), and the cache for `decode`.
        """

    def decode(self, token: Tensor, past: Any) -> tuple[Tensor, Any]:
        """Process one more token.

        Args:
            token: the last one of each row, (microbatch, 1), whole numbers.
            past: the cache that the last call returned; may be changed in place.

        Returns:
            Logits of the next token, and the cache for the next call.
        """


@dataclass(frozen=True)
class CacheTensor:
    """The declaration of one tensor of a static cache."""

    shape: tuple[int, ...]
    #: The dimension with one place for each token; None for a tensor that does not have one.
    length_dimension: int | None = None
    #: Name of its dtype, such as `int64`; None is the float type that the module computes in.
    dtype: str | None = None


@dataclass(frozen=True)
class StaticCache:
    """The declaration of a cache whose tensors keep their shapes over all steps."""

    #: By name, in the order in which they are handed over.
    tensors: Mapping[str, CacheTensor]
    #: Places for tokens: enough for all that are read.
    length: int
    #: Places that the prompt fills, from 0 on; `decode_static` gets this position first.
    prompt_length: int


@runtime_checkable
class StaticCacheModule(Protocol):
    """**Protocol:** a `GeneratingModule` that also declares its cache as tensors; optional.

    All tensors of a step have fixed shapes, so an engine can compile one graph of `prefill_static`
    and one of `decode_static` ahead of time. Neither changes the tensors that it gets.
    """

    def static_cache(self, inputs: Sequence[Tensor], new_tokens: int) -> StaticCache:
        """Declare the cache for these inputs and this many tokens after them; runs nothing."""

    def prefill_static(
        self, inputs: Sequence[Tensor], cache: Mapping[str, Tensor]
    ) -> tuple[Tensor, Mapping[str, Tensor]]:
        """Read the prompt.

        Args:
            inputs: those of the model.
            cache: the declared tensors, all zero.

        Returns:
            Logits of the next token, (microbatch, vocabulary), and the tensors with the prompt.
        """

    def decode_static(
        self, token: Tensor, position: Tensor, cache: Mapping[str, Tensor]
    ) -> tuple[Tensor, Mapping[str, Tensor]]:
        """Process one more token.

        Args:
            token: the last one of each row, (microbatch, 1), whole numbers.
            position: its place in the cache, shape (1,), int64; later places are not read.
            cache: the tensors that the last call returned.

        Returns:
            Logits of the next token, and the tensors with this token.
        """


@dataclass(frozen=True)
class StagedModel:
    """The standard `BenchmarkModel`: a plain value."""

    stages: Stages
    inputs: Sequence[Tensor]
    targets: Sequence[Tensor] = ()
    unit: str = "sample"
    generation: Mapping[str, object] = field(default_factory=dict)
    tuning: Mapping[str, Mapping[str, object]] = field(default_factory=dict)
    pcc: Mapping[str, float] = field(default_factory=dict)
    #: See `Annotated`.
    notes: Sequence[str] = ()
    #: See `Incomparable`.
    incomparable: str | None = None
