"""ttbench's throughput beside that of torch.utils.benchmark, which drives the same module.

    python benchmarks/independent_rate.py [rounds]

Both measure in this process, in turn, within the same minute, and the ratio of each round is
printed with their median: the bar is 3 % for bert tiny and resnet18. torch's timer is an
independent clock, loop and statistic. Both drive the very same module and inputs, and glibc is
told to keep freed memory: where it gives memory back and takes it again at every input, as it does
or does not by the luck of the heap, the same module was up to 18 % slower by page faults alone.
"""

from __future__ import annotations

import os
import statistics
import subprocess
import sys

import torch
from torch.utils.benchmark import Timer

import ttbench_core
from ttbench_core import RunOptions
from ttbench_core.backends.planning import plan
from ttbench_core.backends.selection import choose_backend
from ttbench_core.models.building import build_model
from ttbench_core.plugins.catalogue import find_model

MODELS = [("bert", "tiny"), ("resnet", "resnet18")]
#: glibc's thresholds (mallopt(3)) beyond any tensor of these models.
KEEP_MEMORY = {"MALLOC_TRIM_THRESHOLD_": "2000000000", "MALLOC_MMAP_THRESHOLD_": "2000000000"}
#: Level 0 is plain eager: what anyone would write.
LEVEL = 0
#: Short turns and many rounds: a machine drifts by more than the two differ.
TIMER_S = 1.0


def built(name: str, config: str) -> tuple[torch.nn.Module, list[torch.Tensor]]:
    """Build a pack's model and give its device stage, ready to be called."""
    options = RunOptions(name, config=config, backend_opt_level=LEVEL)
    backend = choose_backend("torch")
    compiled = plan(options, backend)
    found = find_model(name)
    builder, plugin = found.builder, found.plugin
    with backend.seeded(0, compiled.devices):
        model = build_model(builder, options, compiled.for_builder(), plugin.where)
    return model.stages.device.eval(), list(model.inputs)


def torchs_rate(module: torch.nn.Module, inputs: list[torch.Tensor]) -> float:
    """Samples per second by torch's own timer, with as many threads as torch would take."""
    timer = Timer(
        "module(*inputs)",
        globals={"module": module, "inputs": inputs},
        num_threads=torch.get_num_threads(),
    )
    with torch.inference_mode():
        seconds = timer.blocked_autorange(min_run_time=TIMER_S).median
    return inputs[0].shape[0] / seconds


def ttbenchs_rate(module: torch.nn.Module, inputs: list[torch.Tensor]) -> float:
    """Samples per second by a run of ttbench in this process."""

    def same() -> tuple[list[torch.nn.Module], list[torch.Tensor]]:
        return [module], inputs

    result = ttbench_core.run(same, backend_opt_level=LEVEL, progress=False, roofline=False)
    return float(result.samples_per_sec or 0.0)


def compare(name: str, config: str, rounds: int) -> None:
    """Print both rates and their ratio, round by round."""
    module, inputs = built(name, config)
    measures = {"ttbench": ttbenchs_rate, "torch": torchs_rate}
    ratios = []
    for number in range(rounds):
        order = sorted(measures, reverse=bool(number % 2))
        rates = {who: measures[who](module, inputs) for who in order}
        ratios.append(rates["ttbench"] / rates["torch"])
        shown = "  ".join(f"{who} {rates[who]:8.1f}" for who in measures)
        print(f"{config:9} {shown}  ratio {ratios[-1]:.4f}")
    print(f"{config:9} median ratio {statistics.median(ratios):.4f}   (bar: 0.97 to 1.03)")


def main(rounds: int) -> None:
    """Compare each model in a process of its own, with an allocator that keeps its memory."""
    for name, config in MODELS:
        words = [sys.executable, __file__, str(rounds), name, config]
        subprocess.run(words, env={**os.environ, **KEEP_MEMORY}, check=True)


if __name__ == "__main__":
    count = int(sys.argv[1]) if len(sys.argv) > 1 else 15
    if len(sys.argv) == 4:
        compare(sys.argv[2], sys.argv[3], count)
    else:
        main(count)
