"""The times of generated tokens, as vLLM's benchmark of a server defines them.

Source of the definitions: vllm/benchmarks of vllm-project/vllm. All rows of a
microbatch are generated together, so an input counts as one prompt here.
"""

from __future__ import annotations

import itertools
from collections.abc import Sequence
from dataclasses import dataclass

from ttbench_core.measure.passes import Pass

__all__ = ["TokenTimes", "token_times_of"]


@dataclass(frozen=True)
class TokenTimes:
    """Times over all prompts, in ns."""

    #: Tokens of a prompt.
    new_tokens: int
    #: Time to first token: from the push of a prompt until its first token is on the host.
    ttft_ns: tuple[int, ...]
    #: Time per output token, of each prompt: (end to end - TTFT) / (tokens - 1).
    tpot_ns: tuple[int, ...]
    #: Inter-token latency: every gap between two tokens of a prompt, pooled.
    itl_ns: tuple[int, ...]


def token_times_of(passes: Sequence[Pass]) -> TokenTimes | None:
    """Compute the times of the tokens of passes; None where none were generated."""
    prompts = [
        (push, tokens)
        for one in passes
        for push, tokens in zip(one.push_ns, one.token_ns, strict=False)
        if tokens
    ]
    if not prompts:
        return None
    return TokenTimes(
        new_tokens=max(len(tokens) for _, tokens in prompts),
        ttft_ns=tuple(tokens[0] - push for push, tokens in prompts),
        tpot_ns=tuple(
            round((tokens[-1] - tokens[0]) / (len(tokens) - 1))
            for _, tokens in prompts
            if len(tokens) > 1
        ),
        itl_ns=tuple(
            after - before for _, tokens in prompts for before, after in itertools.pairwise(tokens)
        ),
    )
