"""What another interpreter has, asked before a request is sent to it."""

from __future__ import annotations

import json
import subprocess
from typing import Final

from ttbench_core.errors import RequestError
from ttbench_core.running.processes.line_reader import HungProcessError
from ttbench_core.running.processes.starting import end_process, start_process
from ttbench_core.running.request import RunRequest

__all__ = ["knows_model"]

#: Importing a pack may take a while.
_ANSWER_S: Final = 120.0
_NO_ANSWER: Final = (
    *(HungProcessError, subprocess.TimeoutExpired, OSError),
    *(KeyError, TypeError, ValueError),
)


def knows_model(request: RunRequest) -> bool:
    """Ask the interpreter of a request whether the model is installed there.

    Raises `RequestError` for one that does not fit, or gives no answer.
    """
    process, messages = start_process(request)
    try:
        question = json.dumps({"knows": request.options.model})
        process.communicate(question + "\n", timeout=_ANSWER_S)
        answer = json.loads(messages.next(0.0) or "null")
        return bool(answer["knows"])
    except _NO_ANSWER as error:
        raise RequestError(
            f"--python {request.interpreter} does not say which models it has"
        ) from error
    finally:
        end_process(process, messages)
