"""What torch and torchao print that no user can act on, kept out of the output of a run."""

from __future__ import annotations

import contextlib
import logging
import warnings
from collections.abc import Iterator
from typing import Final

__all__ = ["hide_import_warnings", "quiet_compiler"]

#: torchao warns of each of its libraries for GPUs that does not load, and torch of a call of
#: torchao's: by logger, how these messages begin or what they contain.
_AT_IMPORT: Final = {
    "torchao": "Failed to load ",
    "torch.utils._pytree": "Calling register_constant() on Enum subclasses is deprecated",
}
#: It logs a traceback for an error that it raises, too.
_GUARDS: Final = "torch._guards"


class _Without(logging.Filter):
    """Drops messages with a text."""

    def filter(self, record: logging.LogRecord) -> bool:
        """Say whether a message stays."""
        return self.name not in record.getMessage()


def hide_import_warnings() -> None:
    """Hide what is logged when torchao is imported, by this backend or by transformers.

    These messages alone stay hidden in this process: transformers imports torchao at any time.
    """
    for name, text in _AT_IMPORT.items():
        logger = logging.getLogger(name)
        if not any(isinstance(one, _Without) for one in logger.filters):
            logger.addFilter(_Without(text))


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
