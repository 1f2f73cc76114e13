"""Graphs that mean the same to PyTorch, without what other engines do not know."""

from __future__ import annotations

from typing import Any

import torch

__all__ = ["drop_empty_parts"]


def drop_empty_parts(program: torch.export.ExportedProgram) -> None:
    """Take tensors of shape (0,) out of the lists that are concatenated, in place.

    `torch.cat` skips them, whatever the shape of the others. Caches of transformers begin with
    one. The operators of ONNX and OpenVINO want the same rank of all.
    """
    graph = program.graph_module.graph
    changed = False
    for node in list(graph.nodes):
        if node.target is not torch.ops.aten.cat.default:
            continue
        parts = list(node.args[0])
        kept = [part for part in parts if not _is_skipped(part)]
        if kept and len(kept) < len(parts):
            node.args = (kept, *node.args[1:])
            changed = True
    if changed:
        graph.eliminate_dead_code()
        program.graph_module.recompile()


def _is_skipped(part: Any) -> bool:
    value = part.meta.get("val")
    return isinstance(value, torch.Tensor) and tuple(value.shape) == (0,)
