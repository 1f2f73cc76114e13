"""What a model pack gives: the BenchmarkModel contract and the builder decorator.

This module imports no torch: a stage is whatever module the chosen backend can
run, in practice a `torch.nn.Module`.
"""

from __future__ import annotations

import functools
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, Protocol, TypeAlias, overload, runtime_checkable

__all__ = [
    "Annotated",
    "BenchmarkModel",
    "Builder",
    "Declared",
    "DeclaresAccuracy",
    "GeneratingModule",
    "Incomparable",
    "StagedModel",
    "Stages",
    "benchmark_model",
]

#: A tensor of the backend's framework; its first dimension is the microbatch.
Tensor: TypeAlias = Any
#: A module that a backend can run: called with tensors, gives tensors.
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
        """Give the stages that are there, in the order the data takes.

        Args:
            training: whether the loss, which comes last, counts.
        """
        order = ("cpu_pre", "device", "cpu_post", *(("loss",) if training else ()))
        return {name: getattr(self, name) for name in order if getattr(self, name) is not None}


@runtime_checkable
class BenchmarkModel(Protocol):
    """**Protocol:** everything the runner needs to know of a model.

    A builder may return any object with these attributes; `StagedModel` is the
    stock implementation.
    """

    @property
    def stages(self) -> Stages:
        """Modules by place."""

    @property
    def inputs(self) -> Sequence[Tensor]:
        """One microbatch on the host, pushed again and again; first dimension = microbatch."""

    @property
    def targets(self) -> Sequence[Tensor]:
        """What `loss` compares the last output with; empty when the model has no training."""

    @property
    def unit(self) -> str:
        """What one row of a microbatch is, such as `sample`."""

    @property
    def generation(self) -> Mapping[str, object]:
        """Settings of an autoregressive loop; empty for a model that is run once an input."""

    @property
    def tuning(self) -> Mapping[str, Mapping[str, object]]:
        """Settings for one backend each, by the backend's name."""


@runtime_checkable
class DeclaresAccuracy(Protocol):
    """**Protocol:** a model that says how near to Fp32 its outputs come; optional."""

    @property
    def pcc(self) -> Mapping[str, float]:
        """Lowest correlation with Fp32 that counts as right, by data format spelled as in `-df`.

        Formats that are left out use the default.
        """


@runtime_checkable
class Annotated(Protocol):
    """**Protocol:** a model that says what a reader of its numbers must know; optional."""

    @property
    def notes(self) -> Sequence[str]:
        """Sentences for the record, such as which parts of trained weights are random."""


@runtime_checkable
class Incomparable(Protocol):
    """**Protocol:** a model whose outputs no other format gives number by number; optional."""

    @property
    def incomparable(self) -> str | None:
        """Why: such as queries that are ordered by scores. None for a model that is compared.

        Its outputs are looked at all the same: those that are not finite, or of another shape,
        are wrong.
        """


@runtime_checkable
class GeneratingModule(Protocol):
    """**Protocol:** a device stage that generates tokens, by a prompt and what it remembers of it.

    Its model has `max_length`, the number of new tokens, in `generation`, and may have
    `prompt_length`.
    """

    def prefill(self, *inputs: Tensor) -> tuple[Tensor, Any]:
        """Read the prompt.

        Args:
            inputs: those of the model.

        Returns:
            Logits of the next token, (microbatch, vocabulary), and what `decode` goes on from.
        """

    def decode(self, token: Tensor, past: Any) -> tuple[Tensor, Any]:
        """Take one token more.

        Args:
            token: the last one of each row, (microbatch, 1), whole numbers.
            past: what came back the last time; may be changed.

        Returns:
            Logits of the next token, and what to go on from.
        """


@dataclass(frozen=True)
class Declared:
    """What a pack says of a configuration, so that it is listed without being built."""

    #: Parameters, shared ones counted once.
    parameters: int | None = None
    #: Samples an input by default.
    microbatch: int | None = None


@dataclass(frozen=True)
class StagedModel:
    """The stock `BenchmarkModel`: a plain value."""

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


class Builder:
    """A builder function with what `ttbench --list` shows of it.

    Calling it calls the function. Made by `benchmark_model`.

    Raises `ValueError` where the declared configurations contradict each other,
    `TypeError` where they are not a list.
    """

    def __init__(
        self,
        function: Callable[..., Any],
        configs: Iterable[str] | Mapping[str, Declared] = (),
        default_config: str | None = None,
        *,
        task: str | None = None,
        declared: Declared | None = None,
    ) -> None:
        functools.update_wrapper(self, function)
        #: What the model does, in a few words.
        self.task = task
        #: What is declared of the model, where it has no configurations.
        self.declared = declared
        #: What is declared of each configuration.
        self.declared_of: Mapping[str, Declared] = (
            dict(configs) if isinstance(configs, Mapping) else {}
        )
        if isinstance(configs, str):
            raise TypeError(f"{function.__qualname__}: configs is a list of names, not a name")
        self.function = function
        #: Legal configurations, in the author's order; empty if the model has none.
        self.configs: tuple[str, ...] = tuple(configs)
        if not all(isinstance(config, str) and config for config in self.configs):
            raise TypeError(f"{function.__qualname__}: configs {list(self.configs)} are not names")
        if len(set(self.configs)) != len(self.configs):
            raise ValueError(f"{function.__qualname__}: a configuration is named twice")
        if default_config is not None and default_config not in self.configs:
            raise ValueError(
                f"{function.__qualname__}: the default {default_config!r} is not in configs"
            )
        self._default_config = default_config

    @property
    def default_config(self) -> str | None:
        """What runs without `-c`: the declared default, else the first configuration."""
        return self._default_config or (self.configs[0] if self.configs else None)

    def __call__(self, *args: Any, **kwargs: Any) -> Any:
        """Call the function."""
        return self.function(*args, **kwargs)

    def __repr__(self) -> str:
        return f"<builder {self.function.__qualname__} configs={list(self.configs)}>"


@overload
def benchmark_model(function: Callable[..., Any], /) -> Builder: ...


@overload
def benchmark_model(
    *,
    configs: Iterable[str] | Mapping[str, Declared] = (),
    default_config: str | None = None,
    task: str | None = None,
    declared: Declared | None = None,
) -> Callable[[Callable[..., Any]], Builder]: ...


def benchmark_model(
    function: Callable[..., Any] | None = None,
    /,
    *,
    configs: Iterable[str] | Mapping[str, Declared] = (),
    default_config: str | None = None,
    task: str | None = None,
    declared: Declared | None = None,
) -> Builder | Callable[[Callable[..., Any]], Builder]:
    """Mark a function as the builder of a model.

    The function is called with those of these keywords that its signature
    takes: `training`, `config`, `microbatch`, `force_num_layers`, `data_type`,
    `math_fidelity`, `arch`, `devtype`, `seq_len`, `image_size`, `generative`,
    `new_tokens`, `weights`. It returns modules and inputs:
    `[cpu_pre, device, cpu_post], [tensor, ...]`, or a `BenchmarkModel`.

    Args:
        configs: the legal configurations; or a mapping of them to what is `Declared` of each.
        default_config: the one that runs without `-c`; the first if not given.
        task: what the model does, in a few words, for `ttbench --list`.
        declared: what is declared of a model without configurations.

    Use it bare for a model without configurations.
    """
    if function is not None:
        return Builder(function)

    def decorate(decorated: Callable[..., Any]) -> Builder:
        return Builder(decorated, configs, default_config, task=task, declared=declared)

    return decorate
