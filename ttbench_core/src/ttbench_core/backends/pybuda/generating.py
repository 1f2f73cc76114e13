"""Generation by an encoder and a decoder whose past stays on the card.

The model is the original's: three modules on one device (the encoder, the
decoder that reads its state, the decoder that has it cached), which PyBuda
compiles as subgraphs 0, 1 and 2; subgraph 3 turns the cache after each tile of
tokens. Its inputs are ids (or features), their mask, the decoder's ids and the
decoder's mask, of one row.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Final

import pybuda
import torch

from ttbench_core.backends.call_deadline import CALL_DEADLINE
from ttbench_core.backends.pybuda.sessions import PipelineSession, Setup
from ttbench_core.errors import SessionError, UnsupportedOptionError
from ttbench_core.measure.passes import CLOCK
from ttbench_core.model import BenchmarkModel
from ttbench_core.models.counting import microbatch_of, tokens_of

__all__ = ["TILE", "GeneratingSession", "Generation", "generation_of"]

#: Rows and columns of what the card computes with at once, and tokens between turns of the cache.
TILE: Final = 32
_ENCODER, _FIRST, _CACHED, _TURN = range(4)
_MODULES: Final = 3
_INPUTS: Final = 4


@dataclass(frozen=True)
class Generation:
    """How a model generates, by the names of the original."""

    #: New tokens, `max_length`.
    tokens: int
    #: Where the newest tile begins in the decoder's mask; None for a model whose outputs are no
    #: tokens that go back in, as of speech.
    first_current_index: int | None
    pad_token_id: int
    write_index: int


def generation_of(model: BenchmarkModel) -> Generation:
    """Read how a model generates.

    Raises `UnsupportedOptionError` for one that this backend cannot drive.
    """
    tokens, modules = tokens_of(model), model.stages.device
    if tokens is None:
        raise UnsupportedOptionError("this model has a generation loop without its 'max_length'")
    staged = model.stages.cpu_pre is not None or model.stages.cpu_post is not None
    if not isinstance(modules, (list, tuple)) or len(modules) != _MODULES or staged:
        raise UnsupportedOptionError(
            "backend 'pybuda' generates with three modules on the device (encoder, decoder with"
            " the encoder's state, decoder with a cache), and this model is another"
        )
    if microbatch_of(model) != 1 or len(model.inputs) != _INPUTS:
        raise UnsupportedOptionError(
            "backend 'pybuda' generates for one row of ids, mask, decoder ids and decoder mask:"
            " use -mb 1"
        )
    settings: Mapping[str, Any] = model.generation
    return Generation(
        tokens=tokens,
        first_current_index=settings.get("first_current_index"),
        pad_token_id=int(settings.get("pad_token_id") or 0),
        write_index=int(settings.get("write_index") or 0),
    )


class GeneratingSession(PipelineSession):
    """Generates all tokens of an input when it is pushed.

    Args:
        setup: as for every session; its device has the subgraphs.
        generation: how the model generates.
    """

    def __init__(self, setup: Setup, generation: Generation) -> None:
        super().__init__(setup, depth=1)
        self._generation: Final = generation
        self._generated: Sequence[Any] | None = None
        #: When each token of the last input was on the host.
        self.token_ns: list[int] = []

    def push(self, inputs: Sequence[Any]) -> None:
        """Encode one input and generate its tokens."""
        self._refuse_beyond_depth(0 if self._generated is None else 1)
        ids, mask, decoder_ids, decoder_mask = self._prepared(inputs)
        self.token_ns = []
        text = self._generation.first_current_index is not None
        (state, *_) = self._run(_ENCODER, (ids, mask) if text else (ids,))
        past = _Past(decoder_ids.clone(), decoder_mask.clone(), self._generation)
        given = (past.ids, past.mask, state, mask)
        outputs = self._run(_FIRST, given)
        for count in range(1, self._generation.tokens):
            if past.take(outputs, count):
                self._turn()
            outputs = self._run(_CACHED, (past.ids, past.mask, mask))
        past.take(outputs, self._generation.tokens)
        self._generated = [torch.stack(past.tokens)[None]] if text else outputs

    def pop(self) -> Sequence[Any]:
        """Give the tokens, as one row; of speech, what the last step gave."""
        generated, self._generated = self._generated, None
        if generated is None:
            raise SessionError("nothing is in flight: push before popping")
        return generated

    def _run(self, subgraph: int, inputs: tuple[torch.Tensor, ...]) -> Sequence[torch.Tensor]:
        device = self._setup.line.device
        with CALL_DEADLINE.within(self._setup.patience_s, "generating a token"):
            device.set_active_subgraph(subgraph)
            device.push_to_inputs(inputs)
            if subgraph == _ENCODER:
                pybuda.run_forward(input_count=1)
            else:
                pybuda.run_generate(input_count=1, write_index=self._generation.write_index)
        outputs = self._outputs()
        if subgraph != _ENCODER:
            self.token_ns.append(CLOCK())
        return outputs

    def _turn(self) -> None:
        with CALL_DEADLINE.within(self._setup.patience_s, "turning the past"):
            self._setup.line.device.set_active_subgraph(_TURN)
            pybuda.run_generate(input_count=0, write_index=0)


class _Past:
    """The decoder's ids and mask while tokens are added to them."""

    def __init__(self, ids: torch.Tensor, mask: torch.Tensor, generation: Generation) -> None:
        self.ids: Final = ids
        self.mask: Final = mask
        self.tokens: list[torch.Tensor] = []
        self._current: Final = generation.first_current_index
        self._pad: Final = generation.pad_token_id

    def take(self, outputs: Sequence[torch.Tensor], count: int) -> bool:
        """Add the token of an output, the `count`th; say whether that filled a tile."""
        if self._current is None:
            return False
        token = torch.argmax(outputs[0][0, (count - 1) % TILE])
        self.tokens.append(token)
        filled = count % TILE == 0
        if filled:
            # the tiles until now are past; the newest begins again
            self.mask[0, -(count // TILE + 1) * TILE :] = 1
            self.mask[0, self._current :] = 0
            self.ids[0, :] = self._pad
        self.ids[0, count % TILE] = token
        self.mask[0, self._current + count % TILE] = 1
        return filled
