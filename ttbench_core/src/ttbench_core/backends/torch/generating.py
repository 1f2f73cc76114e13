"""Generating tokens on PyTorch: greedily, one after the other, each brought to the host."""

from __future__ import annotations

import contextlib
from collections.abc import Sequence
from typing import Any, Final

import torch

from ttbench_core.backends.torch.sessions import Facts, TorchSession
from ttbench_core.backends.torch.stages import Tensors
from ttbench_core.errors import SessionError
from ttbench_core.measure.passes import CLOCK
from ttbench_core.model import GeneratingModule

__all__ = ["GeneratingSession", "Generator"]


class Generator:
    """Generates a fixed number of tokens for an input, and keeps when each was there.

    Args:
        module: the device stage, on its device.
        device: where it is.
        dtype: what float inputs become there.
        tokens: how many to generate.
    """

    def __init__(
        self, module: GeneratingModule, device: torch.device, dtype: torch.dtype, tokens: int
    ) -> None:
        self._module: Final = module
        self._device: Final = device
        self._dtype: Final = dtype
        self._tokens: Final = tokens
        self.token_ns: list[int] = []

    def __call__(self, inputs: Tensors) -> Tensors:
        """Generate; gives the first step's logits, and the tokens as (microbatch, tokens)."""
        moved = [
            tensor.to(self._device, self._dtype if tensor.is_floating_point() else tensor.dtype)
            for tensor in inputs
        ]
        self.token_ns = []
        logits, past = self._module.prefill(*moved)
        first = logits
        tokens = [self._chosen(logits)]
        for _ in range(self._tokens - 1):
            logits, past = self._module.decode(tokens[-1].to(self._device), past)
            tokens.append(self._chosen(logits))
        return [first.to("cpu"), torch.cat(tokens, dim=1)]

    def _chosen(self, logits: torch.Tensor) -> torch.Tensor:
        # on the host, where a reader of the text would have it
        token = logits.argmax(dim=-1, keepdim=True).to("cpu")
        self.token_ns.append(CLOCK())
        return token


class GeneratingSession(TorchSession):
    """Generates all tokens of an input when it is pushed.

    Args:
        generator: generates.
        facts: see `Facts`.
        settings: as for every session.
    """

    depth: Final = 1

    def __init__(self, generator: Generator, facts: Facts, settings: contextlib.ExitStack) -> None:
        super().__init__(generator, facts, settings)
        self._generator: Final = generator
        self._outputs: Tensors | None = None

    @property
    def token_ns(self) -> Sequence[int]:
        """When each token of the last input was on the host."""
        return self._generator.token_ns

    def push(self, inputs: Tensors) -> None:
        """Generate the tokens of one input."""
        if self._outputs is not None:
            raise SessionError("1 input is in flight already: pop before pushing")
        self._outputs = self._generator(inputs)

    def pop(self) -> Any:
        """Give the first step's logits and the tokens of the input that was pushed last."""
        outputs, self._outputs = self._outputs, None
        if outputs is None:
            raise SessionError("nothing is in flight: push before popping")
        return outputs
