"""Where a request is measured: here, or in another interpreter, which may need the model too."""

from __future__ import annotations

import contextlib
import tempfile
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from typing import Final

from ttbench_core.errors import RequestError, SessionError, UnsupportedOptionError
from ttbench_core.record.run_errors import BenchmarkError
from ttbench_core.request.settings_file import Interpreter
from ttbench_core.running.failed_runs import failed_before_start
from ttbench_core.running.processes.child import Child
from ttbench_core.running.processes.peers import knows_model
from ttbench_core.running.processes.supervision import Supervision
from ttbench_core.running.progress import Observer
from ttbench_core.running.request import RunRequest

__all__ = ["placed"]

_REMEDY: Final = "install its pack there"


@contextlib.contextmanager
def placed(request: RunRequest, observer: Observer) -> Iterator[RunRequest]:
    """Give a request that its interpreter can measure.

    One that lacks the model's pack gets the model as an exported graph, in a folder that only
    this user can enter, and that is removed at the end.

    Args:
        request: what is asked.
        observer: is shown what is done for it.

    Raises `RequestError` for an interpreter that does not fit, and for a model that cannot be
    handed over; `BenchmarkError` for one whose builder fails.
    """
    other = request.interpreter
    if other is None or knows_model(request):
        yield request
        return
    _refuse(request, other)
    # its mode is 700
    with tempfile.TemporaryDirectory(prefix="ttbench-handover-") as name:
        folder = Path(name)
        _export(request, folder, observer)
        yield replace(request, handed_over=folder)


def _refuse(request: RunRequest, other: Interpreter) -> None:
    options = request.options
    asked = {
        "-t": options.training,
        "--generative": options.generative,
        "--new_tokens": options.new_tokens,
        "-M": options.model_options,
    }
    for flag, is_asked in asked.items():
        if is_asked:
            raise UnsupportedOptionError(
                f"--python {other} lacks the pack of {options.model!r}, and a model that is handed"
                f" over has no {flag}: {_REMEDY}, or leave it out"
            )


def _export(request: RunRequest, folder: Path, observer: Observer) -> None:
    """Let a process of this interpreter build and export the model."""
    here = replace(request, interpreter=None)
    try:
        with Child(here, supervision=Supervision(observer), export_to=folder) as child:
            try:
                message = child.receive()
            except KeyboardInterrupt:
                child.interrupt()
                raise
    except SessionError as error:
        failed = failed_before_start(request, "export", error)
        raise BenchmarkError("export", str(error), failed) from error
    if message.get("interrupted"):
        raise KeyboardInterrupt
    if not message.get("exported"):
        raise RequestError("the process that exported the model sent no answer")
