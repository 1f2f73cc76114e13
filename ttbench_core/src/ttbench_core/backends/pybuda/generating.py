"""Generation by an encoder and a decoder whose key-value cache stays on the card.

The model is the one of PyBuda's own benchmark: three modules on one device (the
encoder, the decoder that reads the encoder's state, the decoder that has it
cached), which PyBuda compiles as subgraphs 0, 1 and 2; subgraph 3 rotates the
cache after each tile of tokens. Its inputs are ids (or features), their mask,
the decoder's ids and the decoder's mask, with one row each.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Final

import pybuda
import torch

from ttbench_core.backends.call_deadline import CALL_DEADLINE
from ttbench_core.backends.pybuda.session_base import PipelineSession, PipelineSetup
from ttbench_core.errors import SessionError, UnsupportedOptionError
from ttbench_core.measure.passes import CLOCK
from ttbench_core.model import BenchmarkModel, Inputs
from ttbench_core.models.counting import microbatch_of, new_tokens_of
from ttbench_core.models.inputs import input_kinds

__all__ = ["TILE", "GeneratingSession", "GenerationSettings", "generation_settings"]

#: Rows and columns of a tile, and tokens between rotations of the cache.
TILE: Final = 32
#: Subgraphs.
_ENCODER, _FIRST_TOKEN, _NEXT_TOKEN, _ROTATE_CACHE = range(4)
_MODULE_COUNT: Final = 3
_INPUT_COUNT: Final = 4


@dataclass(frozen=True)
class GenerationSettings:
    """How a model generates, by the names that its builder gives in `generation`."""

    #: New tokens, `max_length`.
    tokens: int
    #: Where the newest tile begins in the decoder's mask; None for a model whose outputs are not
    #: tokens that become inputs, such as a speech model.
    first_current_index: int | None
    pad_token_id: int
    write_index: int


def generation_settings(model: BenchmarkModel) -> GenerationSettings:
    """Read how a model generates.

    Raises `UnsupportedOptionError` for a model that this backend cannot run.
    """
    tokens, modules = new_tokens_of(model), model.stages.device
    if tokens is None:
        raise UnsupportedOptionError("this model has a generation loop without its 'max_length'")
    staged = model.stages.cpu_pre is not None or model.stages.cpu_post is not None
    if not isinstance(modules, (list, tuple)) or len(modules) != _MODULE_COUNT or staged:
        raise UnsupportedOptionError(
            "backend 'pybuda' generates with three modules on the device (encoder, decoder with"
            " the encoder's state, decoder with a cache), and this model is another"
        )
    has_others = input_kinds(model) != {"tensors"} or len(model.inputs) != _INPUT_COUNT
    if microbatch_of(model) != 1 or has_others:
        raise UnsupportedOptionError(
            "backend 'pybuda' generates for a list of ids, mask, decoder ids and decoder mask, of"
            " one row each: use -mb 1"
        )
    settings: Mapping[str, Any] = model.generation
    return GenerationSettings(
        tokens=tokens,
        first_current_index=settings.get("first_current_index"),
        pad_token_id=int(settings.get("pad_token_id") or 0),
        write_index=int(settings.get("write_index") or 0),
    )


class GeneratingSession(PipelineSession):
    """Generates all tokens of an input when it is pushed.

    Args:
        setup: as for every session with a pipeline; its device has the subgraphs.
        generation: how the model generates.
    """

    def __init__(self, setup: PipelineSetup, generation: GenerationSettings) -> None:
        super().__init__(setup, depth=1)
        self._generation: Final = generation
        self._generated: Sequence[Any] | None = None
        #: When each token of the last input was on the host.
        self.token_ns: list[int] = []

    def push(self, inputs: Inputs) -> None:
        """Encode one input and generate its tokens."""
        self._refuse_beyond_depth(0 if self._generated is None else 1)
        ids, mask, decoder_ids, decoder_mask = self._prepared(inputs)
        self.token_ns = []
        is_text = self._generation.first_current_index is not None
        (state, *_) = self._run(_ENCODER, (ids, mask) if is_text else (ids,))
        decoder = _DecoderInputs(decoder_ids.clone(), decoder_mask.clone(), self._generation)
        outputs = self._run(_FIRST_TOKEN, (decoder.ids, decoder.mask, state, mask))
        for count in range(1, self._generation.tokens):
            if decoder.add_token(outputs, count):
                self._rotate_cache()
            outputs = self._run(_NEXT_TOKEN, (decoder.ids, decoder.mask, mask))
        decoder.add_token(outputs, self._generation.tokens)
        self._generated = [torch.stack(decoder.tokens)[None]] if is_text else outputs

    def pop(self) -> Sequence[Any]:
        """Give the tokens as one row; for a speech model, the outputs of the last step."""
        generated, self._generated = self._generated, None
        if generated is None:
            raise SessionError("nothing is in flight: push before popping")
        return generated

    def _run(self, subgraph: int, inputs: tuple[torch.Tensor, ...]) -> Sequence[torch.Tensor]:
        device = self._setup.pipeline.device
        with CALL_DEADLINE.within(self._setup.timeout_s, "generating a token"):
            device.set_active_subgraph(subgraph)
            device.push_to_inputs(inputs)
            if subgraph == _ENCODER:
                pybuda.run_forward(input_count=1)
            else:
                pybuda.run_generate(input_count=1, write_index=self._generation.write_index)
        outputs = self._next_outputs()
        if subgraph != _ENCODER:
            self.token_ns.append(CLOCK())
        return outputs

    def _rotate_cache(self) -> None:
        with CALL_DEADLINE.within(self._setup.timeout_s, "turning the past"):
            self._setup.pipeline.device.set_active_subgraph(_ROTATE_CACHE)
            pybuda.run_generate(input_count=0, write_index=0)


class _DecoderInputs:
    """The decoder's ids and mask while tokens are added to them."""

    def __init__(
        self, ids: torch.Tensor, mask: torch.Tensor, generation: GenerationSettings
    ) -> None:
        self.ids: Final = ids
        self.mask: Final = mask
        self.tokens: list[torch.Tensor] = []
        self._current_index: Final = generation.first_current_index
        self._pad_token_id: Final = generation.pad_token_id

    def add_token(self, outputs: Sequence[torch.Tensor], count: int) -> bool:
        """Add the token of an output, the `count`th; give whether that filled a tile."""
        if self._current_index is None:
            return False
        token = torch.argmax(outputs[0][0, (count - 1) % TILE])
        self.tokens.append(token)
        filled = count % TILE == 0
        if filled:
            # the tiles so far become the past; the newest tile starts empty
            self.mask[0, -(count // TILE + 1) * TILE :] = 1
            self.mask[0, self._current_index :] = 0
            self.ids[0, :] = self._pad_token_id
        self.ids[0, count % TILE] = token
        self.mask[0, self._current_index + count % TILE] = 1
        return filled
