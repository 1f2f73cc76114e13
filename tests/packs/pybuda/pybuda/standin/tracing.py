"""Files of a performance trace, where and as the real backend leaves them."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

from pybuda.standin.environment import is_one
from pybuda.standin.values import PerfTraceLevel

PROGRAM = Path("run_fwd_0") / "fwd_0_0_temporal_epoch_0"


def write(config: Any) -> None:
    """Leave trace files if the configuration asked for them."""
    results = Path(config.backend_output_dir) / "perf_results"
    if config.performance_trace != PerfTraceLevel.NONE:
        for side in ("device", "host"):
            _write(results / side / PROGRAM / "perf_postprocess.json", {"level": side})
        for table in ("runtime_table.json", "op_perf_table.json"):
            _write(results / "device" / PROGRAM / table, {"matmul_0": {"cycles": 1000}})
    if is_one("TT_BACKEND_PERF_ANALYZER"):
        _write(results / "analyzer_results" / PROGRAM / "summary.json", {"matmul_0": {}})


def _write(path: Path, content: Any) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(json.dumps(content))
