"""Device stages that generate tokens, with a cache of their own or one that they declare.

Packs import these names from `ttbench_core.model`, which has all of them too.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Protocol, TypeAlias, runtime_checkable

__all__ = [
    "CacheTensor",
    "GeneratingModule",
    "Inputs",
    "StaticCache",
    "StaticCacheModule",
    "Tensor",
]

#: A tensor of the backend's framework.
Tensor: TypeAlias = Any
#: What the first stage is called with: a sequence is passed as positional arguments, a mapping as
#: keyword arguments. Each value is a tensor, a number, a bool, None, or a list, tuple or mapping of
#: these.
Inputs: TypeAlias = Sequence[Any] | Mapping[str, Any]


@runtime_checkable
class GeneratingModule(Protocol):
    """**Protocol:** a device stage that generates tokens from a prompt and a cache of the past.

    Its model has `max_length`, the number of new tokens, in `generation`, and may have
    `prompt_length`.
    """

    def prefill(self, *inputs: Any, **named_inputs: Any) -> tuple[Tensor, Any]:
        """Read the prompt.

        Args:
            inputs: those of the model, where they are a sequence.
            named_inputs: those of the model, where they are a mapping.

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

    def static_cache(self, inputs: Inputs, new_tokens: int) -> StaticCache:
        """Declare the cache for these inputs and this many tokens after them; runs nothing."""

    def prefill_static(
        self, inputs: Inputs, cache: Mapping[str, Tensor]
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
