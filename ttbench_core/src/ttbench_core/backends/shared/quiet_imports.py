"""What torch and torchao log when torchao is imported, which no user can act on."""

from __future__ import annotations

import logging
from typing import Final

__all__ = ["hide_import_warnings"]

#: torchao warns of each of its libraries for GPUs that does not load, and torch of a call of
#: torchao's: by logger, how these messages begin or what they contain.
_AT_IMPORT: Final = {
    "torchao": "Failed to load ",
    "torch.utils._pytree": "Calling register_constant() on Enum subclasses is deprecated",
}


class _Without(logging.Filter):
    """Drops messages with a text."""

    def filter(self, record: logging.LogRecord) -> bool:
        """Say whether a message stays."""
        return self.name not in record.getMessage()


def hide_import_warnings() -> None:
    """Hide what is logged when torchao is imported, by an engine or by transformers.

    These messages alone stay hidden in this process: transformers imports torchao at any time.
    """
    for name, text in _AT_IMPORT.items():
        logger = logging.getLogger(name)
        if not any(isinstance(one, _Without) for one in logger.filters):
            logger.addFilter(_Without(text))
