"""What loading weights needs around it: errors in one line, no noise, no code of the hub."""

from __future__ import annotations

import contextlib
import logging
import os
from collections.abc import Iterator
from typing import Any, Final

from ttbench_core.errors import OptionError, one_line
from ttbench_models_nlp.tables import Asked

__all__ = ["PRETRAINED", "explained", "quietly", "without_conversion"]

#: What `--weights` says for those of the hub.
PRETRAINED: Final = "pretrained"
#: Errors of the hub's library, and of those below it, by name: versions have them elsewhere.
_OUT_OF_REACH: Final = (
    "ConnectError",
    "ConnectTimeout",
    "ConnectionError",
    "LocalEntryNotFoundError",
    "OfflineModeIsEnabled",
    "ProxyError",
    "ReadTimeout",
)
_NO_CONVERSION: Final = "DISABLE_SAFETENSORS_CONVERSION"


@contextlib.contextmanager
def explained(asked: Asked) -> Iterator[None]:
    """Say in one line why weights cannot be had."""
    try:
        yield
    except OptionError:
        raise
    except Exception as error:
        name = asked.variant.hub if asked.weights == PRETRAINED else asked.weights
        if asked.weights == PRETRAINED and any(map(_is_out_of_reach, _chain(error))):
            raise OptionError(
                f"weights of {name} cannot be had: the hub cannot be reached; download them"
                " elsewhere and give the folder: --weights FOLDER"
            ) from error
        if any(type(one).__name__ == "UnpicklingError" for one in _chain(error)):
            raise OptionError(
                f"weights of {name} are a pickle that holds more than weights, which could run"
                " code: give them as safetensors"
            ) from error
        raise OptionError(
            f"weights of {name} cannot be loaded ({one_line(error)}): give a folder that"
            " save_pretrained of transformers made, or a download of one"
        ) from error


def _chain(error: BaseException | None) -> Iterator[BaseException]:
    while error is not None:
        yield error
        error = error.__cause__ or error.__context__


def _is_out_of_reach(error: BaseException) -> bool:
    return type(error).__name__ in _OUT_OF_REACH or "couldn't connect" in str(error)


@contextlib.contextmanager
def quietly() -> Iterator[None]:
    """Keep what transformers tells of loading off the terminal: we say what matters."""
    import transformers

    told: Any = transformers.utils.logging
    level, had_bars = told.get_verbosity(), told.is_progress_bar_enabled()
    told.set_verbosity(logging.CRITICAL)
    told.disable_progress_bar()
    try:
        yield
    finally:
        told.set_verbosity(level)
        if had_bars:
            told.enable_progress_bar()


@contextlib.contextmanager
def without_conversion() -> Iterator[None]:
    """Keep transformers from asking the hub, in a thread of its own, to convert old files."""
    before = os.environ.get(_NO_CONVERSION)
    os.environ[_NO_CONVERSION] = "1"
    try:
        yield
    finally:
        if before is None:
            del os.environ[_NO_CONVERSION]
        else:
            os.environ[_NO_CONVERSION] = before
