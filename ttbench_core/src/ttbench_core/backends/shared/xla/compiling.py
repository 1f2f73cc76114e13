"""Compiling a model by running it until nothing is left to compile."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Final

from ttbench_core.backends.shared.xla.counters import (
    Work,
    compile_cache,
    host_operators,
    work_so_far,
)
from ttbench_core.backends.shared.xla.runtime import finish

__all__ = ["Compiled", "compile_now"]

#: The second run of a model may compile another graph than its first, a third one hardly.
_MAX_RUNS: Final = 5
#: Names of operators in a note.
_NAMED: Final = 5
#: Reading a value of a tensor in Python, such as `if mask.all():`.
_READS_VALUE: Final = "_local_scalar_dense"


@dataclass(frozen=True)
class Compiled:
    """What compiling a model took, and what an input runs then."""

    effective: Mapping[str, object]
    notes: Sequence[str]


def compile_now(run: Callable[[], object], graphs: int) -> Compiled:
    """Run one input until a run compiles nothing, five times at most.

    Args:
        run: runs it from the host to the host.
        graphs: that it should be, one or one for each token.
    """
    start = before = work_so_far()
    for _ in range(_MAX_RUNS):
        run()
        # a graph counts when it has ended
        finish()
        last = work_so_far().since(before)
        before = work_so_far()
        if not last.compilations:
            break
    done = before.since(start)
    operators = host_operators()
    effective = {
        "compilations": done.compilations,
        "engine_compile_s": done.compile_s,
        "graphs_per_input": last.executions,
        "host_operators": operators,
        "compile_cache": compile_cache(),
    }
    return Compiled(effective, tuple(_notes(last, graphs, operators)))


def _notes(last: Work, graphs: int, operators: Sequence[str]) -> Iterator[str]:
    if last.compilations:
        yield (
            f"each input still compiles after {_MAX_RUNS} runs, so its time is not that of a graph"
            " which is there"
        )
    if last.executions > graphs:
        why = " because it reads values of tensors in Python" if _READS_VALUE in operators else ""
        yield f"an input runs as {last.executions} graphs instead of {graphs}{why}"
    if lacked := [name for name in operators if name != _READS_VALUE]:
        names = ", ".join(lacked[:_NAMED])
        yield f"operators that XLA lacks and PyTorch runs on the host, {len(lacked)}: {names}"
    if compile_cache() == "given":
        yield (
            "compiled graphs are kept in the folder of XLA_PERSISTENT_CACHE_PATH, so the compile"
            " time may be that of reading them"
        )
