"""What one card does in a run over several: an image of its own, computed in a thread.

The real library gives each card a process; a thread is enough to answer later and to fail alone.
"""

from __future__ import annotations

import threading
import time
from typing import Any

import torch

from pybuda import standin
from pybuda.standin import cards, images
from pybuda.standin.stages import TTStage
from pybuda.standin.values import BackendType

TILE = 32


class Card:
    """A loaded image on one card."""

    def __init__(self, path: str, chip_ids: list[int]) -> None:
        image = images.load(path, chip_ids)
        present = cards.present()
        if image.devtype == BackendType.Silicon and chip_ids[0] >= len(present):
            raise RuntimeError(f"there is no card {chip_ids[0]}")
        self._image = image
        device = _Detached(image)
        images.check(image, device)
        if standin.settings().fail in ("compile", "initialize"):
            raise RuntimeError("Backend compile failed!")
        self._stage = TTStage(device, training=False, groups=image.compiled_graph_state.groups)
        self._stage.link(image.compiler_cfg.enable_link_past_cache_ios)
        self._device = device
        self.delivered = 0
        self.started = self.ended = 0.0
        self.outputs: list[Any] = []
        self.error: Exception | None = None
        self.hung = threading.Event()

    def work(self, job: Any, inputs: Any, released: threading.Event) -> None:
        """Do a job and keep its outputs, times or error."""
        self._released = released
        self.started = time.time()
        try:
            with torch.no_grad():
                self.outputs = job(self, inputs)
        except Exception as error:
            self.error = error
        self.ended = time.time()

    def compute(self, inputs: Any, *, graph: int = 0, write_index: int = 0) -> Any:
        """Compute one microbatch, or meet a fault."""
        settings = standin.settings()
        time.sleep(settings.delay_s)
        beyond = self.delivered >= settings.after
        if beyond and (settings.hangs or settings.starve):
            self.hung.set()
            self._released.wait()
            raise RuntimeError("called off")
        if beyond and settings.fail in ("run", "push"):
            raise RuntimeError("the device does not answer (a fault that a test asked for)")
        self._device._subgraph = graph
        self.delivered += 1
        return self._stage.run(tuple(inputs), write_index=write_index)


class _Detached:
    """As much of a TTDevice as a stage needs, outside of the pipeline."""

    def __init__(self, image: Any) -> None:
        self.name = image.device_image_name
        self.modules = image.modules
        self.arch = image.arch
        self.devtype = image.devtype
        self.chip_ids = image.chip_ids
        self.num_chips = len(image.chip_ids)
        self.device_mode = None
        self.loss_module = None
        self._subgraph = 0


def forward(card: Card, inputs: Any) -> list[Any]:
    """Compute each microbatch; gives a list of output tensors for each."""
    return [[each.clone() for each in card.compute(group)] for group in inputs]


def generate(card: Card, given: Any) -> list[torch.Tensor]:
    """Generate tokens: encoder, first token, later tokens; gives them (none without text)."""
    encoder_input, encoder_mask, ids, mask = (each.clone() for each in given.run_inputs[:4])
    text = given.first_current_index is not None
    (state, *_) = card.compute((encoder_input, encoder_mask) if text else (encoder_input,))
    tokens: list[torch.Tensor] = []
    for turn in range(given.num_tokens_to_generate):
        inputs = (ids, mask, state, encoder_mask) if turn == 0 else (ids, mask, encoder_mask)
        graph = min(turn, 1) + 1
        outputs = card.compute(inputs, graph=graph, write_index=given.write_index)
        if text:
            tokens.append(torch.argmax(outputs[0][0, turn % TILE]))
            _advance(given, ids, mask, turn + 1, tokens[-1])
    return tokens


def _advance(given: Any, ids: Any, mask: Any, count: int, token: torch.Tensor) -> None:
    """Put the newest token where the next turn reads it; a full tile becomes past."""
    if count % TILE == 0:
        pages = count // TILE + 1
        mask[0, -pages * TILE :] = 1
        mask[0, given.first_current_index :] = 0
        ids[0, :] = given.pad_token_id
    ids[0, count % TILE] = token
    mask[0, given.first_current_index + count % TILE] = 1
