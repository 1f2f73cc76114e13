"""Performance traces, taken after the timed passes."""

from __future__ import annotations

import re
from datetime import datetime, timezone
from pathlib import Path
from typing import Final

from ttbench_core.backends.protocol import CompileOptions, Session, TracingSession
from ttbench_core.errors import TargetError, one_line
from ttbench_core.model import BenchmarkModel
from ttbench_core.running.job import Job
from ttbench_core.running.recording import Recording

__all__ = ["check_trace_folder", "take_trace"]

#: Folder for traces, in the working directory.
_TRACE_FOLDER: Final = "ttbench-traces"


def check_trace_folder(plan: CompileOptions) -> None:
    """Raise `TargetError` where a trace was asked for and cannot be written."""
    if not plan.wants_trace:
        return
    try:
        Path(_TRACE_FOLDER).mkdir(exist_ok=True)
    except OSError as error:
        raise TargetError(
            f"cannot write traces into {_TRACE_FOLDER}/ here: {one_line(error)}"
        ) from error


def take_trace(job: Job, session: Session, model: BenchmarkModel, recording: Recording) -> None:
    """Take the trace that was asked for into a folder of its own, and record its files."""
    if not job.plan.wants_trace:
        return
    options = job.options
    with recording.during("trace"):
        if not isinstance(session, TracingSession):
            raise TypeError(f"backend {job.backend.name!r} declares traces and cannot take one")
        moment = datetime.now(timezone.utc).strftime("%Y%m%dT%H%M%S%f")
        name = re.sub(r"[^\w.-]+", "_", f"{options.model}-{options.config or 'default'}-{moment}")
        folder = Path(_TRACE_FOLDER) / name
        folder.mkdir(parents=True)
        recording.add_trace(folder, session.trace(model.inputs, options.trace, folder))
