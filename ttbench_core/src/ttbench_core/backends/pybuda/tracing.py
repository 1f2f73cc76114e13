"""Performance traces and analysis by PyBuda, apart from the timed passes.

What a card records costs time, and is decided when a model is compiled. So it
is compiled again after the passes, and a few inputs are run.
"""

from __future__ import annotations

import contextlib
import os
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path
from typing import Any, Final, TypeAlias

from ttbench_core.backends.protocol import Session
from ttbench_core.measure.passes import drive
from ttbench_core.options import Trace

__all__ = ["ANALYSIS", "write_trace"]

#: Makes PyBuda's compiler and backend tell what each operation costs.
ANALYSIS: Final = {"PYBUDA_OP_PERF": "1", "TT_BACKEND_PERF_ANALYZER": "1"}
#: A light trace is of the first three inputs and the last two.
_TRACED_INPUTS: Final = 5
_SUMMARY: Final = "files.txt"

#: Opens a session that is traced at a level, with a folder for what PyBuda leaves.
Opener: TypeAlias = Callable[[Trace, str], Session]


def write_trace(
    opened: Opener, inputs: Sequence[Any], level: Trace, folder: Path
) -> Sequence[Path]:
    """Compile again with a trace, run a few inputs, and list what PyBuda left in the folder.

    Returns:
        `files.txt`, which names every file, and these files.
    """
    whole = folder.absolute()
    with _inside(whole), opened(level, str(whole)) as session:
        drive(session, inputs, _TRACED_INPUTS)
    left = sorted(path for path in folder.rglob("*") if path.is_file())
    summary = folder / _SUMMARY
    lines = [f"{path.stat().st_size:>12,} bytes  {path.relative_to(folder)}" for path in left]
    summary.write_text("\n".join([f"PyBuda left in {folder}:", *lines, ""]), encoding="utf-8")
    return [summary, *left]


@contextlib.contextmanager
def _inside(folder: Path) -> Iterator[None]:
    """Work in a folder: PyBuda leaves what its compiler estimates in the working folder."""
    before = Path.cwd()
    os.chdir(folder)
    try:
        yield
    finally:
        os.chdir(before)
