"""What identifies an exported graph, so that two engines provably ran the same one."""

from __future__ import annotations

import hashlib
from collections.abc import Iterator
from typing import Any

import torch
from torch.fx.node import map_arg

__all__ = ["count_operators", "graph_sha256"]


def graph_sha256(program: torch.export.ExportedProgram) -> str:
    """Give the SHA-256 of a graph's operators, in their order, with arguments, shapes and types.

    Values of weights are not in it, their names, shapes and types are. Names that the exporter
    gives to intermediate values are not in it either. Another version of torch may decompose a
    module differently, which gives another sum.
    """
    return hashlib.sha256("\n".join(_lines(program)).encode()).hexdigest()


def count_operators(program: torch.export.ExportedProgram) -> int:
    """Count the calls of operators in a graph."""
    return sum(node.op == "call_function" for node in program.graph.nodes)


def _lines(program: torch.export.ExportedProgram) -> Iterator[str]:
    """Yield a line for each node; nodes are numbered in their order."""
    numbers: dict[torch.fx.Node, str] = {}
    sources = {
        spec.arg.name: f"{spec.kind.name} {spec.target or ''}"
        for spec in program.graph_signature.input_specs
        if hasattr(spec.arg, "name")
    }
    for number, node in enumerate(program.graph.nodes):
        numbers[node] = f"%{number}"
        what = sources.get(node.name, "") if node.op == "placeholder" else str(node.target)
        arguments: Any = map_arg((node.args, node.kwargs), lambda one: _Reference(numbers[one]))
        # of the output only a graph that was loaded has them, and they are those of its arguments
        values = "" if node.op == "output" else _values(node.meta.get("val"))
        yield f"%{number} {node.op} {what} {arguments} {values}"


class _Reference(str):
    """A node as an argument of another one; it is shown without quotes."""

    __slots__ = ()

    def __repr__(self) -> str:
        return str(self)


def _values(value: Any) -> str:
    """Describe what a node gives: shapes and types of tensors."""
    if isinstance(value, torch.Tensor):
        return f"{value.dtype} {tuple(value.shape)}"
    if isinstance(value, (tuple, list)):
        return " ".join(_values(one) for one in value)
    return "" if value is None else str(value)
