"""Generating tokens on PyTorch: greedily, one after the other, each copied to the host."""

from __future__ import annotations

import contextlib
from collections.abc import Sequence
from typing import Final

import torch

from ttbench_core.backends.torch.sessions import SessionInfo, SyncSession
from ttbench_core.backends.torch.stages import Tensors, tensor_mover
from ttbench_core.measure.passes import CLOCK
from ttbench_core.model import GeneratingModule, Inputs
from ttbench_core.models.inputs import call_with, map_tensors

__all__ = ["GeneratingSession", "TokenGenerator"]


class TokenGenerator:
    """Generates a fixed number of tokens for an input, and records when each was on the host.

    Args:
        module: the device stage, on its device.
        device: of the module.
        dtype: that float inputs are converted to.
        token_count: how many to generate.
    """

    def __init__(
        self, module: GeneratingModule, device: torch.device, dtype: torch.dtype, token_count: int
    ) -> None:
        self._module: Final = module
        self._device: Final = device
        self._move: Final = tensor_mover(device, dtype)
        self._token_count: Final = token_count
        self.token_ns: list[int] = []

    def __call__(self, inputs: Inputs) -> Tensors:
        """Generate; gives the first step's logits, and the tokens as (microbatch, tokens)."""
        moved = map_tensors(self._move, inputs)
        self.token_ns = []
        logits, past = call_with(self._module.prefill, moved)
        first_logits = logits
        tokens = [self._next_token(logits)]
        for _ in range(self._token_count - 1):
            logits, past = self._module.decode(tokens[-1].to(self._device), past)
            tokens.append(self._next_token(logits))
        return [first_logits.to("cpu"), torch.cat(tokens, dim=1)]

    def _next_token(self, logits: torch.Tensor) -> torch.Tensor:
        # on the host, where a user would read the text
        token = logits.argmax(dim=-1, keepdim=True).to("cpu")
        self.token_ns.append(CLOCK())
        return token


class GeneratingSession(SyncSession):
    """Generates all tokens of an input when it is pushed.

    Its outputs are the first step's logits and the tokens.

    Args:
        generator: generates the tokens of one input.
        info: what the session reports about itself.
        settings: as for every session.
    """

    def __init__(
        self, generator: TokenGenerator, info: SessionInfo, settings: contextlib.ExitStack
    ) -> None:
        super().__init__(generator, info, settings)
        self._generator: Final = generator

    @property
    def token_ns(self) -> Sequence[int]:
        """When each token of the last input was on the host."""
        return self._generator.token_ns
