"""The keywords of `run` and `run_ab`: the fields of `RunOptions`, typed as a user may give them."""

from __future__ import annotations

import inspect
from collections.abc import Callable, Iterable, Mapping
from dataclasses import MISSING
from pathlib import Path
from typing import Any, Final, TypedDict, TypeVar

from ttbench_core.errors import OptionError, suggestion
from ttbench_core.request.formats import DataFormat, EngineFormat
from ttbench_core.request.options import (
    MathFidelity,
    RunOptions,
    Scenario,
    Trace,
    option_fields,
)

__all__ = [
    "KEYWORDS_OF_RUN",
    "RunKeywords",
    "UnknownKeywordError",
    "options_from",
    "shows_run_keywords",
]

_Function = TypeVar("_Function", bound=Callable[..., Any])


class RunKeywords(TypedDict, total=False):
    """Keywords of a run; `RunOptions` says what each means."""

    config: str | None
    training: bool
    dataformat: DataFormat | EngineFormat | str | None
    math_fidelity: MathFidelity | str | None
    backend_opt_level: int | None
    loop_count: int | None
    chips: int
    layers: int | None
    trace: Trace | str
    microbatch: int | None
    seq_len: int | None
    image_size: int | None
    generative: bool | None
    new_tokens: int | None
    weights: str | Path | None
    device: str | None
    backend: str | None
    seed: int
    scenario: Scenario | str
    passes: int | None
    max_time: float | None
    warmup: int | None
    processes: int
    threads: int | None
    verify: bool | None
    pcc: float | None
    roofline: bool
    env: Mapping[str, str] | str | None
    timeout: float | None
    python: str | Path | None
    engine_options: Mapping[str, object] | None
    model_options: Mapping[str, object] | None


#: The names of `RunKeywords`, in the order of the fields of `RunOptions`.
KEYWORDS_OF_RUN: Final = tuple(RunKeywords.__annotations__)


#: Keywords that may be a `Path`.
_PLACES: Final = ("weights", "python")


class UnknownKeywordError(OptionError, TypeError):
    """A keyword that no run has; a `TypeError` too, as Python raises for it."""


def options_from(
    model: str, keywords: Mapping[str, Any], *, caller: str = "run", near: Iterable[str] = ()
) -> RunOptions:
    """Make the options of a run.

    Args:
        model: the name of the model.
        keywords: any of `RunKeywords`.
        caller: the function that was called with them, for messages.
        near: further names that a misspelled keyword may have meant.

    Raises `UnknownKeywordError` with near misses, and `OptionError` for a value that cannot be.
    """
    for name in keywords:
        if name not in KEYWORDS_OF_RUN:
            hint = suggestion(name, [*KEYWORDS_OF_RUN, "model", "output", "progress", *near])
            raise UnknownKeywordError(
                f"{caller}() got an unexpected keyword argument {name!r}{hint}"
            )
    places = {name: str(keywords[name]) for name in _PLACES if keywords.get(name) is not None}
    return RunOptions(model, **{**keywords, **places})


def shows_run_keywords(function: _Function) -> _Function:
    """Let `help` and completion show the keywords that a function takes as `**options`."""
    signature = inspect.signature(function)
    own = [one for one in signature.parameters.values() if one.kind is not one.VAR_KEYWORD]
    defaults = {
        field.name: None if field.default is MISSING else field.default for field in option_fields()
    }
    added = [
        inspect.Parameter(
            name,
            inspect.Parameter.KEYWORD_ONLY,
            default=defaults[name],
            annotation=annotation.__forward_arg__,
        )
        for name, annotation in RunKeywords.__annotations__.items()
        if name not in signature.parameters
    ]
    vars(function)["__signature__"] = signature.replace(parameters=[*own, *added])
    return function
