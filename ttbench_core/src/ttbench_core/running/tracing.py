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


def check_trace_folder(plan: CompileOptions) -> Path | None:
    """Make the folder for traces where one was asked for, and give it; else None.

    It is absolute: a pack may change the working directory. Raises `TargetError` where it
    cannot be written.
    """
    if not plan.wants_trace:
        return None
    folder = Path.cwd() / _TRACE_FOLDER
    try:
        folder.mkdir(exist_ok=True)
    except OSError as error:
        raise TargetError(
            f"cannot write traces into {_TRACE_FOLDER}/ here: {one_line(error)}"
        ) from error
    return folder


def take_trace(
    job: Job, session: Session, model: BenchmarkModel, recording: Recording, traces: Path | None
) -> None:
    """Take the trace that was asked for into a folder of its own, and record its files.

    Args:
        job: what was run.
        session: has run it.
        model: of which it is.
        recording: gets the names of the files, as seen from where the run was started.
        traces: from `check_trace_folder`; None for no trace.
    """
    if traces is None:
        return
    options = job.options
    with recording.during("trace"):
        if not isinstance(session, TracingSession):
            raise TypeError(f"backend {job.backend.name!r} declares traces and cannot take one")
        moment = datetime.now(timezone.utc).strftime("%Y%m%dT%H%M%S%f")
        name = re.sub(r"[^\w.-]+", "_", f"{options.model}-{options.config or 'default'}-{moment}")
        folder = traces / name
        folder.mkdir(parents=True)
        files = session.trace(model.inputs, options.trace, folder)
        start = traces.parent
        recording.add_trace(
            folder.relative_to(start), [_seen_from(start, Path(file)) for file in files]
        )


def _seen_from(start: Path, file: Path) -> Path:
    return file.relative_to(start) if file.is_relative_to(start) else file
