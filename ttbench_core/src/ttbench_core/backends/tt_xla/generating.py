"""Generating tokens on the cards with the static cache that a model declares.

The next token and its position are computed on the device, as in the loop of tt-xla's own
benchmarks, so that no step waits for a token to come back. Each token is also copied to the host,
where a user would read it.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any, Final

import torch

from ttbench_core.backends.protocol import CLOCK, CompileOptions, Tensors
from ttbench_core.backends.shared.stages import Place, tensor_mover
from ttbench_core.backends.shared.token_generator import cache_dtype
from ttbench_core.backends.tt_xla.options import tt_xla_options
from ttbench_core.errors import UnsupportedOptionError
from ttbench_core.model import BenchmarkModel, Inputs, StaticCacheModule
from ttbench_core.models.inputs import map_tensors
from ttbench_core.models.reference.stages import HOST

__all__ = ["OnDeviceGenerator", "refuse_cache"]

_Cache = Mapping[str, torch.Tensor]


def refuse_cache(model: BenchmarkModel, options: CompileOptions) -> None:
    """Raise `UnsupportedOptionError` for a cache that the model or the run does not have."""
    if not model.generation:
        if tt_xla_options(options).experimental_kv_cache_dtype != "model":
            raise UnsupportedOptionError(
                "-B experimental_kv_cache_dtype is of a model that generates, and this run"
                " generates nothing: leave it out"
            )
        return
    if not isinstance(model.stages.device, StaticCacheModule):
        raise UnsupportedOptionError(
            "backend 'tt_xla' generates with a static cache, and this model declares none"
            " (docs/generation.md): add --no-generative"
        )


class _Prefill(torch.nn.Module):
    """Reads the prompt; gives the first token too."""

    def __init__(self, model: Any) -> None:
        super().__init__()
        self.model = model

    def forward(self, inputs: Any, cache: _Cache) -> tuple[torch.Tensor, torch.Tensor, _Cache]:
        logits, filled = self.model.prefill_static(inputs, cache)
        return logits.argmax(dim=-1, keepdim=True), logits, filled


class _Decode(torch.nn.Module):
    """Reads one more token; gives the next one, and its position."""

    def __init__(self, model: Any) -> None:
        super().__init__()
        self.model = model

    def forward(
        self, token: torch.Tensor, position: torch.Tensor, cache: _Cache
    ) -> tuple[torch.Tensor, torch.Tensor, _Cache]:
        logits, filled = self.model.decode_static(token, position, cache)
        return logits.argmax(dim=-1, keepdim=True), position + 1, filled


class OnDeviceGenerator:
    """Generates a fixed number of tokens for an input, and records when each was on the host.

    Args:
        module: the device stage, on its device.
        place: where it is, and the dtype that it computes in.
        token_count: how many tokens are generated.
        compiler: gives what is called for a module.
    """

    def __init__(
        self,
        module: torch.nn.Module,
        place: Place,
        token_count: int,
        *,
        compiler: Callable[[torch.nn.Module], Callable[..., Any]],
    ) -> None:
        self._module: Final[Any] = module
        self._place: Final = place
        self._move: Final = tensor_mover(place.device, place.dtype)
        self._token_count: Final = token_count
        self._prefill: Final = compiler(_Prefill(module))
        self._decode: Final = compiler(_Decode(module))
        self._zeros: _Cache | None = None
        self._first_position: torch.Tensor | None = None
        self.token_ns: list[int] = []

    def __call__(self, inputs: Inputs) -> Tensors:
        """Generate; gives the first step's logits, and the tokens as (microbatch, tokens)."""
        if self._zeros is None:
            self._allocate(inputs)
        self.token_ns = []
        moved = map_tensors(self._move, inputs)
        token, logits, cache = self._prefill(moved, self._zeros)
        tokens = [self._fetched(token)]
        position = self._first_position
        for _ in range(self._token_count - 1):
            token, position, cache = self._decode(token, position, cache)
            tokens.append(self._fetched(token))
        return [logits.to(HOST), torch.cat(tokens, dim=1)]

    def _allocate(self, inputs: Inputs) -> None:
        """Make the zeros that every prompt begins with; no step changes them."""
        declared = self._module.static_cache(inputs, self._token_count)
        device = self._place.device
        self._zeros = {
            name: torch.zeros(one.shape, dtype=cache_dtype(one, self._place.dtype)).to(device)
            for name, one in declared.tensors.items()
        }
        self._first_position = torch.tensor([declared.prompt_length]).to(device)

    def _fetched(self, token: torch.Tensor) -> torch.Tensor:
        on_host = token.to(HOST)
        self.token_ns.append(CLOCK())
        return on_host
