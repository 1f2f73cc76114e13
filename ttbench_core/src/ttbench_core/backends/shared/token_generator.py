"""Generating tokens by modules of PyTorch: greedily, one by one, each copied to the host.

The cache is the model's own past, which grows with each token, or the static one that it
declares, whose tensors keep their shapes, so that its steps can be compiled.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any, Final, Protocol, TypeAlias

import torch

from ttbench_core.backends.shared.stages import Tensors, tensor_mover
from ttbench_core.measure.passes import CLOCK
from ttbench_core.model import CacheTensor, GeneratingModule, Inputs, StaticCacheModule
from ttbench_core.models.inputs import call_with, is_tensor, map_tensors, named_leaves

__all__ = ["StepCompiler", "TokenGenerator", "cache_dtype"]

#: Gives what is called for a step.
StepCompiler: TypeAlias = Callable[[Callable[..., Any]], Callable[..., Any]]


class _Steps(Protocol):
    """**Protocol:** the steps of a generation; it keeps the cache between them."""

    def prefill(self, inputs: Inputs) -> torch.Tensor:
        """Read a prompt, with a new cache; gives the logits of the next token."""

    def decode(self, token: torch.Tensor) -> torch.Tensor:
        """Process one more token; gives the logits of the next one."""

    def drop_cache(self) -> None:
        """Free the cache of the last prompt."""


class _DynamicSteps:
    """Generates with the model's own past.

    Args:
        module: the device stage, on its device.
    """

    def __init__(self, module: GeneratingModule) -> None:
        self._module: Final = module
        self._past: Any = None

    def prefill(self, inputs: Inputs) -> torch.Tensor:
        """Read a prompt."""
        logits: torch.Tensor
        logits, self._past = call_with(self._module.prefill, inputs)
        return logits

    def decode(self, token: torch.Tensor) -> torch.Tensor:
        """Process one more token."""
        logits: torch.Tensor
        logits, self._past = self._module.decode(token, self._past)
        return logits

    def drop_cache(self) -> None:
        """Free the past."""
        self._past = None


class _StaticSteps:
    """Generates with the cache that the model declares.

    Args:
        module: the device stage, on its device.
        dtype: that the module computes in.
        token_count: how many are generated.
        compiler: gives what is called for each of both steps.
        launch: see `TokenGenerator`.
    """

    def __init__(
        self,
        module: StaticCacheModule,
        dtype: torch.dtype,
        token_count: int,
        compiler: StepCompiler,
        launch: Callable[[], object],
    ) -> None:
        self._module: Final = module
        self._dtype: Final = dtype
        self._token_count: Final = token_count
        self._prefill: Final = compiler(module.prefill_static)
        self._decode: Final = compiler(module.decode_static)
        self._launch: Final = launch
        self._shapes: tuple[torch.Size, ...] = ()
        self._zeros: Mapping[str, torch.Tensor] = {}
        self._positions: tuple[torch.Tensor, ...] = ()
        self._cache: Mapping[str, torch.Tensor] = {}
        self._read = 0

    def prefill(self, inputs: Inputs) -> torch.Tensor:
        """Read a prompt."""
        if tuple(tensor.shape for tensor in _tensors(inputs)) != self._shapes:
            self._allocate(inputs)
        logits: torch.Tensor
        logits, self._cache = self._prefill(inputs, self._zeros)
        self._read = 0
        return logits

    def decode(self, token: torch.Tensor) -> torch.Tensor:
        """Process one more token."""
        position = self._positions[self._read]
        logits: torch.Tensor
        logits, self._cache = self._decode(token, position, self._cache)
        self._read += 1
        return logits

    def drop_cache(self) -> None:
        """Free the tensors of the cache; the zeros of the next prompt stay."""
        self._cache = {}

    def _allocate(self, inputs: Inputs) -> None:
        """Make the zeros that every prompt begins with, and all positions; no step changes them."""
        declared = self._module.static_cache(inputs, self._token_count)
        tensors = _tensors(inputs)
        device = tensors[0].device
        self._zeros = {
            name: torch.zeros(one.shape, dtype=cache_dtype(one, self._dtype), device=device)
            for name, one in declared.tensors.items()
        }
        places = range(declared.prompt_length, declared.length)
        self._positions = tuple(torch.tensor([place], device=device) for place in places)
        self._shapes = tuple(tensor.shape for tensor in tensors)
        self._launch()


class TokenGenerator:
    """Generates a fixed number of tokens for an input, and records when each was on the host.

    Args:
        module: the device stage, on its device; with a static cache a `StaticCacheModule`.
        device: of the module.
        dtype: that float inputs are converted to.
        token_count: how many to generate.
        static_cache: whether it generates with the cache that it declares.
        compiler: compiles the steps of a static cache; None leaves them as they are.
        launch: called where an engine that collects operations must run them: after the zeros of
            a static cache were made, and after each step before its token is copied to the host.
    """

    def __init__(
        self,
        module: Any,
        device: torch.device,
        dtype: torch.dtype,
        token_count: int,
        *,
        static_cache: bool = False,
        compiler: StepCompiler | None = None,
        launch: Callable[[], object] | None = None,
    ) -> None:
        self._launch: Final = launch or _nothing
        self._steps: Final[_Steps] = (
            _StaticSteps(module, dtype, token_count, compiler or _unchanged, self._launch)
            if static_cache
            else _DynamicSteps(module)
        )
        self._device: Final = device
        self._move: Final = tensor_mover(device, dtype)
        self._token_count: Final = token_count
        self.token_ns: list[int] = []

    def __call__(self, inputs: Inputs) -> Tensors:
        """Generate; gives the first step's logits, and the tokens as (microbatch, tokens)."""
        moved = map_tensors(self._move, inputs)
        self.token_ns = []
        try:
            return self._generate(moved)
        finally:
            # kept until the next prefill has made a new one, it would double the peak of memory
            self._steps.drop_cache()

    def _generate(self, moved: Inputs) -> Tensors:
        first_logits = self._steps.prefill(moved)
        tokens = [self._next_token(first_logits)]
        for _ in range(self._token_count - 1):
            logits = self._steps.decode(tokens[-1].to(self._device))
            tokens.append(self._next_token(logits))
        return [first_logits.to("cpu"), torch.cat(tokens, dim=1)]

    def _next_token(self, logits: torch.Tensor) -> torch.Tensor:
        chosen = logits.argmax(dim=-1, keepdim=True)
        self._launch()
        # on the host, where a user would read the text
        token = chosen.to("cpu")
        self.token_ns.append(CLOCK())
        return token


def cache_dtype(declared: CacheTensor, computed: torch.dtype) -> torch.dtype:
    """Give the dtype of a tensor of a cache: the declared one, else that of the computation."""
    dtype: torch.dtype = computed if declared.dtype is None else getattr(torch, declared.dtype)
    return dtype


def _tensors(inputs: Inputs) -> list[torch.Tensor]:
    return [value for _, value in named_leaves(inputs) if is_tensor(value)]


def _unchanged(step: Callable[..., Any]) -> Callable[..., Any]:
    return step


def _nothing() -> None:
    """Launch nothing: operations run when they are called."""
