"""What an engine computes in that keeps the types of the graph which it is given."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

import torch

from ttbench_core.models.exported.exporting import ExportedStage

__all__ = ["computed_type"]


def computed_type(stage: ExportedStage, outputs: Sequence[torch.dtype] = ()) -> str:
    """Give the name of the type that a compiled stage computes in, such as `bfloat16`.

    That is the type of the graph's first floats: of its parameters, else its inputs, else the
    values between. Where an output of the engine is a float of a type that no output of the graph
    has, it is that one.

    Args:
        stage: that was compiled.
        outputs: types of the engine's outputs, as the engine reports them.
    """
    planned = set(_output_types(stage))
    for one in outputs:
        if one.is_floating_point and one not in planned:
            return _name(one)
    types = list(_types(stage))
    return _name(next((one for one in types if one.is_floating_point), types[0]))


def _output_types(stage: ExportedStage) -> Iterator[torch.dtype]:
    names = stage.program.graph_signature.user_outputs
    for node in stage.program.graph.nodes:
        if node.name in names and (found := _value_type(node)) is not None:
            yield found


def _types(stage: ExportedStage) -> Iterator[torch.dtype]:
    """Give the types of parameters, then of inputs, then of all values of the graph."""
    yield from (one.dtype for one in stage.program.state_dict.values())
    yield from (one.dtype for one in stage.example)
    found = (_value_type(node) for node in stage.program.graph.nodes)
    yield from (one for one in found if one is not None)


def _value_type(node: torch.fx.Node) -> torch.dtype | None:
    value = node.meta.get("val")
    return value.dtype if isinstance(value, torch.Tensor) else None


def _name(dtype: torch.dtype) -> str:
    return str(dtype).removeprefix("torch.")
