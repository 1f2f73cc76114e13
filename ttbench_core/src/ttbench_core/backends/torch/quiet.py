"""What the compiler of torch prints that no user can act on, kept out of the output of a run."""

from __future__ import annotations

import contextlib
import logging
import warnings
from collections.abc import Iterator
from typing import Final

__all__ = ["quiet_compiler"]

#: It logs a traceback for an error that it raises, too.
_GUARDS: Final = "torch._guards"


@contextlib.contextmanager
def quiet_compiler() -> Iterator[None]:
    """Hide tables of autotuning, and warnings that the compiler has of its own code."""
    from torch._inductor import config, select_algorithm

    guards = logging.getLogger(_GUARDS)
    with contextlib.ExitStack() as stack:
        stack.callback(guards.setLevel, guards.level)
        guards.setLevel(logging.CRITICAL)
        stack.enter_context(warnings.catch_warnings())
        warnings.filterwarnings("ignore", module=r"torch\._(inductor|functorch|dynamo)\.")
        for place, name in (
            (select_algorithm, "PRINT_AUTOTUNE"),
            (config, "max_autotune_report_choices_stats"),
        ):
            if hasattr(place, name):
                stack.callback(setattr, place, name, getattr(place, name))
                setattr(place, name, False)
        yield
