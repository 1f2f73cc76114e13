"""What one run is asked to measure: its options, and the builder that they are for."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from ttbench_core.backends.engine_options import spelled_options, with_spelled_options
from ttbench_core.errors import OptionError
from ttbench_core.models.source import Source, find_source, name_of
from ttbench_core.request.keywords import options_from
from ttbench_core.request.options import RunOptions
from ttbench_core.request.settings_file import Interpreter, find_interpreter

__all__ = ["RunRequest", "request_of"]


@dataclass(frozen=True, slots=True)
class RunRequest:
    """The options of a run and the source of its model."""

    options: RunOptions
    #: Where the model comes from; None leaves finding it to the process that measures.
    source: Source | None = None
    #: Whether outputs are verified, work is counted and traces are taken after the passes: of
    #: several processes only the first does that.
    is_analyzed: bool = True
    #: The fresh processes that measure the same, of which this is one.
    processes_in_all: int = 1
    #: The interpreter that measures; None for the one that runs this.
    interpreter: Interpreter | None = None
    #: The folder with the exported model, for an interpreter that lacks its pack.
    handed_over: Path | None = None
    #: Which sweep, cell and round it is of, for its record; None for a run of its own.
    sweep: Mapping[str, Any] | None = None


def request_of(
    model: str | Callable[..., Any],
    keywords: Mapping[str, Any],
    *,
    caller: str = "run",
    find: bool = True,
    elsewhere: bool = True,
) -> RunRequest:
    """Check what is asked of a run, and find the model.

    Args:
        model: name of an installed model, or a builder of the caller's own.
        keywords: any of `RunKeywords`, and options of engines that have flags of their own.
        caller: the function that was called with them, for messages.
        find: whether the model is looked for here, which imports its pack.
        elsewhere: whether another interpreter may measure it.

    Raises `RequestError`.
    """
    general = with_spelled_options(keywords)
    options = options_from(name_of(model), general, caller=caller, near=spelled_options())
    interpreter = find_interpreter(options.python, options.backend) if elsewhere else None
    if interpreter is not None and not isinstance(model, str):
        raise OptionError(
            f"--python {interpreter} runs installed models, and not a builder of your own: register"
            " it (ttbench new pack), or leave the interpreter out"
        )
    return RunRequest(options, find_source(model) if find else None, interpreter=interpreter)
