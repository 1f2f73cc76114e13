"""The past of a decoder, which stays on the device between its subgraphs."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    import torch

TILE = 32


class PastCache:
    """Fills in the inputs that are not pushed, and keeps the outputs that feed them.

    Past tensors are the last inputs and the last outputs of a decoder. How the real compiler finds
    them is not imitated: shapes decide.
    """

    def __init__(self, groups: list[Any]) -> None:
        self._groups = groups  # the sample inputs of each subgraph
        self._held: dict[int, torch.Tensor] = {}  # by position, counted from the end
        self._filled: dict[int, torch.Tensor] = {}
        self.linked = False  # enable_link_past_cache_ios

    def complete(self, graph: int, pushed: tuple[Any, ...]) -> tuple[tuple[Any, ...], int]:
        """Give all inputs of a subgraph, and how many of the last are past tensors."""
        group = self._groups[graph]
        if len(pushed) == len(group):
            return pushed, 0
        if not self.linked:
            raise RuntimeError(f"subgraph {graph} has {len(group)} inputs, got {len(pushed)}")
        left = list(pushed)
        inputs, trailing, self._filled = [], 0, {}
        for index, sample in enumerate(group):
            if left and left[0].shape == sample.shape:
                inputs.append(left.pop(0))
                trailing = 0
                continue
            position = index - len(group)
            held = self._held.get(position, sample)
            fits = held.shape == sample.shape
            self._filled[position] = held if fits else sample
            inputs.append(self._filled[position])
            trailing += 1
        if left:
            raise RuntimeError(f"subgraph {graph} has no input of shape {tuple(left[0].shape)}")
        return tuple(inputs), trailing

    def keep(self, outputs: tuple[Any, ...], past: int, write_index: int) -> tuple[Any, ...]:
        """Keep the outputs that are past tensors; give those that the host reads."""
        if past == 0 or past >= len(outputs):
            return outputs
        for position in range(-past, 0):
            self._held[position] = _written(
                self._filled[position], outputs[position].detach(), write_index
            )
        return outputs[:-past]


def _written(old: torch.Tensor, new: torch.Tensor, write_index: int) -> torch.Tensor:
    """Write the newest tile of rows at its place, where a cache is one tile shorter than that."""
    longer = old.dim() == new.dim() == 4 and new.shape[2] == old.shape[2] + TILE
    if not longer or old.shape[:2] != new.shape[:2]:
        return new
    kept = old.clone()
    start = min(write_index * TILE, max(old.shape[2] - TILE, 0))
    room = kept[:, :, start : start + TILE]
    room.copy_(new[:, :, -TILE:][:, :, : room.shape[2]])
    return kept
