"""The session of a model that generates on PyTorch."""

from __future__ import annotations

import contextlib
from collections.abc import Sequence
from typing import Final

from ttbench_core.backends.shared.token_generator import TokenGenerator
from ttbench_core.backends.torch.sessions import SessionInfo, SyncSession

__all__ = ["GeneratingSession"]


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
