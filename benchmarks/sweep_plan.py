"""Time and memory of planning a sweep of 10,000 cells; the aim is 5 s and 300 MB.

Half of the cells are refused: each has a format that the second engine lacks. The engines and packs
are asked in processes of their own, whose time counts too.

    python benchmarks/sweep_plan.py [CELLS]
"""

from __future__ import annotations

import resource
import sys
import time

from ttbench_core.sweeps.definition.definition_checks import sweep_of
from ttbench_core.sweeps.planning.planning import plan_sweep

#: Cells of each value of `microbatch` below.
_OTHERS = 2 * 5 * 5


def main() -> None:
    """Plan a sweep and print what it took."""
    cells = int(sys.argv[1]) if len(sys.argv) > 1 else 10_000
    sweep = sweep_of(
        grid={
            "model": "bert",
            "config": "tiny",
            "backend": ["torch", "onnxruntime"],
            "dataformat": ["Fp32", "Fp16_b", "Bfp8_b", "Bfp4", "Int99"],
            "threads": "1..5",
            "microbatch": f"1..{max(cells // _OTHERS, 1)}",
        }
    )
    start_s = time.perf_counter()
    plan = plan_sweep(sweep)
    seconds = time.perf_counter() - start_s
    peak_mb = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1000
    print(f"cells      {len(plan.cells):,}, of which {len(plan.refused):,} are refused")
    print(f"time       {seconds:.2f} s ({seconds / len(plan.cells) * 1e6:.0f} us a cell)")
    print(f"processor  {time.process_time():.2f} s of this process, its start included")
    print(f"memory     {peak_mb:.0f} MB at its peak")
    print(f"torch      {'imported' if 'torch' in sys.modules else 'not imported'}")


if __name__ == "__main__":
    main()
