"""From an exported stage to a program of ExecuTorch, and from the program to a function."""

from __future__ import annotations

import operator
import time
from collections import Counter
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Final

from executorch.backends.xnnpack.partition.xnnpack_partitioner import XnnpackPartitioner
from executorch.exir import to_edge_transform_and_lower
from executorch.exir.delegate import executorch_call_delegate
from executorch.runtime import Runtime

from ttbench_core.backends.executorch.thread_pool import (
    quiet_runtime,
    take_threads,
    thread_count,
)
from ttbench_core.backends.protocol import CompileOptions, Session, Tensors
from ttbench_core.backends.shared.call_engine import CallEngine
from ttbench_core.backends.shared.converting import converting
from ttbench_core.backends.shared.exported_session import CompiledStage, compile_exported
from ttbench_core.model import BenchmarkModel
from ttbench_core.models.exported.exporting import ExportedStage

if TYPE_CHECKING:
    import torch

__all__ = ["compile_session"]

_METHOD: Final = "forward"
#: Kinds of operators that a note names.
_NAMED: Final = 5


@dataclass(frozen=True)
class _Lowered:
    """A program, and who has its operators."""

    program: bytes
    subgraphs: int
    delegated: int
    #: Names of operators that ExecuTorch's own kernels run, with how often.
    own: Counter[str]
    seconds: float


def compile_session(model: BenchmarkModel, options: CompileOptions) -> Session:
    """Export a model in Fp32, lower and load it; raises what `compile_exported` raises."""
    return compile_exported(model, options, _compiled)


def _compiled(stage: ExportedStage, threads: int) -> CompiledStage:
    lowered = _lowered(stage)
    with quiet_runtime():
        free = take_threads(threads)
        started_s = time.perf_counter()
        try:
            program = Runtime.get().load_program(lowered.program)
            program.load_method(_METHOD)
        except Exception:
            free()
            raise
        load_s = time.perf_counter() - started_s

    def run(tensors: Sequence[torch.Tensor]) -> Tensors:
        # the program is asked each time: without it a method reads memory that was freed
        method = program.load_method(_METHOD)
        outputs: Sequence[torch.Tensor] = method.execute([one.contiguous() for one in tensors])
        return outputs

    effective = {
        "dtype": "float32",
        "threads": thread_count(),
        "lowering_s": lowered.seconds,
        "load_s": load_s,
        "program_bytes": len(lowered.program),
        "delegate": "XNNPACK",
        "delegated_operators": lowered.delegated,
        "delegated_subgraphs": lowered.subgraphs,
        "own_operators": lowered.own.total(),
    }
    return CompiledStage(CallEngine(run, on_close=free), effective, tuple(_notes(lowered)))


def _lowered(stage: ExportedStage) -> _Lowered:
    started_s = time.perf_counter()
    with converting("ExecuTorch"):
        edge = to_edge_transform_and_lower(stage.program, partitioner=[XnnpackPartitioner()])
        # before memory is planned, which adds its own nodes to the same graph
        subgraphs, delegated, own = _assigned(edge.exported_program().graph_module)
        program = bytes(edge.to_executorch().buffer)
    return _Lowered(program, subgraphs, delegated, own, time.perf_counter() - started_s)


def _assigned(graph_module: Any) -> tuple[int, int, Counter[str]]:
    """Count the subgraphs of XNNPACK, the operators in them, and the others by name."""
    parts, own = [], Counter[str]()
    for node in _calls(graph_module):
        if node.target is executorch_call_delegate:
            lowered: Any = getattr(graph_module, str(node.args[0].target))  # type: ignore[union-attr]
            parts.append(lowered.original_module.graph_module)
        else:
            own[_name(node)] += 1
    return len(parts), sum(1 for part in parts for _ in _calls(part)), own


def _calls(graph_module: Any) -> Iterator[torch.fx.Node]:
    """Give the nodes that compute something."""
    for node in graph_module.graph.nodes:
        if node.op == "call_function" and node.target is not operator.getitem:
            yield node


def _name(node: torch.fx.Node) -> str:
    """Give the name of an operator: `embedding`."""
    name = getattr(node.target, "__name__", str(node.target))
    return name.removeprefix("aten.").partition(".")[0]


def _notes(lowered: _Lowered) -> Iterator[str]:
    if lowered.own:
        total, kinds = lowered.delegated + lowered.own.total(), lowered.own.most_common()
        named = [f"{name} {count}" for name, count in kinds[:_NAMED]]
        shown = ", ".join(named + (["..."] if len(kinds) > _NAMED else []))
        yield (
            f"{lowered.own.total()} of {total} operators run on ExecuTorch's own kernels instead"
            f" of XNNPACK: {shown}"
        )
