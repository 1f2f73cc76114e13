"""Performance traces and analysis by PyBuda, outside the timed passes.

A trace slows the card down, and is switched on when a model is compiled. So the
model is compiled again after the passes, and a few inputs are run.
"""

from __future__ import annotations

import shutil
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Final, TypeAlias

from ttbench_core.backends.protocol import Session
from ttbench_core.backends.pybuda.configuration import output_folder
from ttbench_core.measure.passes import drive
from ttbench_core.model import Inputs
from ttbench_core.request.options import Trace

__all__ = ["ANALYSIS_ENVIRONMENT", "write_trace"]

#: Variables that make PyBuda's compiler and backend report the cost of each operation.
ANALYSIS_ENVIRONMENT: Final = {"PYBUDA_OP_PERF": "1", "TT_BACKEND_PERF_ANALYZER": "1"}
#: A light trace has the first three inputs and the last two.
_TRACED_INPUTS: Final = 5
#: A folder that PyBuda writes into its output folder.
_RESULTS: Final = "perf_results"
#: Files that PyBuda writes into the working folder.
_ESTIMATES: Final = ("op_perf.csv", "balancer_score.csv")
_SUMMARY: Final = "files.txt"

#: Opens a session that is traced at a level; the text is PyBuda's build folder.
SessionOpener: TypeAlias = Callable[[Trace, str], Session]


def write_trace(
    open_session: SessionOpener, inputs: Inputs, level: Trace, folder: Path
) -> Sequence[Path]:
    """Compile again with a trace, run a few inputs, and collect PyBuda's files.

    Returns:
        `files.txt`, which lists all files, and those files.
    """
    # a separate folder: PyBuda empties the one it builds in
    build = folder.absolute() / "build"
    mtimes_before = {name: _mtime_ns(Path(name)) for name in _ESTIMATES}
    with open_session(level, str(build)) as session:
        results = output_folder() / _RESULTS
        drive(session, inputs, _TRACED_INPUTS)
    if results.is_dir():
        shutil.move(results, folder / _RESULTS)
    shutil.rmtree(build, ignore_errors=True)
    for name, mtime_ns in mtimes_before.items():
        if _mtime_ns(Path(name)) != mtime_ns:
            shutil.move(name, folder / name)
    files = sorted(path for path in folder.rglob("*") if path.is_file())
    summary = folder / _SUMMARY
    lines = [f"{path.stat().st_size:>12,} bytes  {path.relative_to(folder)}" for path in files]
    summary.write_text("\n".join([f"PyBuda left in {folder}:", *lines, ""]), encoding="utf-8")
    return [summary, *files]


def _mtime_ns(path: Path) -> int | None:
    return path.stat().st_mtime_ns if path.is_file() else None
