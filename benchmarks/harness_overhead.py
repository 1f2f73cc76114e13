"""What the harness costs: bert tiny through a session and `drive`, against a bare loop.

Both run the same network on the same inputs in one process, in turn (A B B A), so that a
machine that drifts slows both. Prints the ratio of the medians.

    python benchmarks/harness_overhead.py [rounds]
"""

from __future__ import annotations

import gc
import statistics
import sys
import time

import torch

from ttbench_core import RunOptions
from ttbench_core.backends.planning import plan
from ttbench_core.backends.selection import choose_backend
from ttbench_core.measure.passes import drive
from ttbench_core.models.building import build_model
from ttbench_core.plugins.catalogue import find_model

#: Few inputs a turn and many turns: a machine drifts by more than the harness costs.
INPUTS = 10
OPTIONS = RunOptions("bert", config="tiny", microbatch=1, backend_opt_level=1)


def bare_loop(module: torch.nn.Module, inputs: list[torch.Tensor]) -> float:
    """Time the loop that anyone would write; seconds an input."""
    gc.collect()
    gc.disable()
    with torch.inference_mode():
        start = time.perf_counter_ns()
        for _ in range(INPUTS):
            module(*inputs)
        elapsed_ns = time.perf_counter_ns() - start
    gc.enable()
    return elapsed_ns / INPUTS / 1e9


def main(rounds: int) -> None:
    """Interleave the two and print their medians."""
    backend = choose_backend("torch")
    compiled = plan(OPTIONS, backend)
    found = find_model("bert")
    builder, plugin = found.builder, found.plugin
    with backend.seeded(0, compiled.devices):
        model = build_model(builder, OPTIONS, compiled.for_builder(), plugin.where)
    module, inputs = model.stages.device.eval(), list(model.inputs)
    harness_s: list[float] = []
    bare_s: list[float] = []
    with backend.compile(model, compiled) as session:

        def through_harness() -> None:
            harness_s.append(drive(session, inputs, INPUTS).e2e_ns / INPUTS / 1e9)

        def through_loop() -> None:
            bare_s.append(bare_loop(module, inputs))

        gc.freeze()
        for _ in range(5):
            drive(session, inputs, INPUTS)
            bare_loop(module, inputs)
        for number in range(rounds):
            pair = (through_harness, through_loop)
            for step in pair if number % 2 else reversed(pair):
                step()
    harness, bare = statistics.median(harness_s), statistics.median(bare_s)
    pairs = statistics.median(a / b for a, b in zip(harness_s, bare_s, strict=True))
    print(f"bare loop        {bare * 1e6:9.1f} us an input")
    print(f"through ttbench  {harness * 1e6:9.1f} us an input")
    print(f"ratio of medians {harness / bare:9.4f}   (median of pairs {pairs:.4f})")


if __name__ == "__main__":
    main(int(sys.argv[1]) if len(sys.argv) > 1 else 400)
