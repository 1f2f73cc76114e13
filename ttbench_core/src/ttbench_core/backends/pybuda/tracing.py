"""Performance traces and analysis by PyBuda, apart from the timed passes.

What a card records costs time, and is decided when a model is compiled. So it
is compiled again after the passes, and a few inputs are run.
"""

from __future__ import annotations

import shutil
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any, Final, TypeAlias

from ttbench_core.backends.protocol import Session
from ttbench_core.measure.passes import drive
from ttbench_core.request.options import Trace

__all__ = ["ANALYSIS", "write_trace"]

#: Makes PyBuda's compiler and backend tell what each operation costs.
ANALYSIS: Final = {"PYBUDA_OP_PERF": "1", "TT_BACKEND_PERF_ANALYZER": "1"}
#: A light trace is of the first three inputs and the last two.
_TRACED_INPUTS: Final = 5
#: What PyBuda leaves in the folder that it builds in, and in the working folder.
_RESULTS: Final = "perf_results"
_ESTIMATES: Final = ("op_perf.csv", "balancer_score.csv")
_SUMMARY: Final = "files.txt"

#: Opens a session that is traced at a level, with a folder that PyBuda builds in.
Opener: TypeAlias = Callable[[Trace, str], Session]


def write_trace(
    opened: Opener, inputs: Sequence[Any], level: Trace, folder: Path
) -> Sequence[Path]:
    """Compile again with a trace, run a few inputs, and gather what PyBuda left.

    Returns:
        `files.txt`, which names every file, and these files.
    """
    # a folder of its own: PyBuda empties the one it builds in
    build = folder.absolute() / "build"
    before = {name: _stamp(Path(name)) for name in _ESTIMATES}
    with opened(level, str(build)) as session:
        drive(session, inputs, _TRACED_INPUTS)
    if (build / _RESULTS).is_dir():
        shutil.move(build / _RESULTS, folder / _RESULTS)
    shutil.rmtree(build, ignore_errors=True)
    for name, stamp in before.items():
        if _stamp(Path(name)) != stamp:
            shutil.move(name, folder / name)
    left = sorted(path for path in folder.rglob("*") if path.is_file())
    summary = folder / _SUMMARY
    lines = [f"{path.stat().st_size:>12,} bytes  {path.relative_to(folder)}" for path in left]
    summary.write_text("\n".join([f"PyBuda left in {folder}:", *lines, ""]), encoding="utf-8")
    return [summary, *left]


def _stamp(path: Path) -> int | None:
    return path.stat().st_mtime_ns if path.is_file() else None
