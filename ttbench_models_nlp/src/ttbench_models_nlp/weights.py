"""Trained weights, from the Hugging Face hub or from a folder.

Only classes of transformers itself are loaded, by name: code that lies beside
the weights never runs, and pickled files are read as weights alone.
"""

from __future__ import annotations

import contextlib
import os
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any, Final

from ttbench_core.errors import OptionError, one_line
from ttbench_models_nlp.tables import Asked

__all__ = ["PRETRAINED", "load_weights", "settings_of_weights"]

#: What `--weights` says for those of the hub.
PRETRAINED: Final = "pretrained"
#: Parts that published weights of an encoder may lack, because training dropped them.
_MAY_BE_MISSING: Final = ("pooler.", "masked_spec_embed")
#: Errors of the hub's library, and of those below it, by name: versions have them elsewhere.
_OUT_OF_REACH: Final = (
    "ConnectError",
    "ConnectionError",
    "LocalEntryNotFoundError",
    "OfflineModeIsEnabled",
)
_NO_CONVERSION: Final = "DISABLE_SAFETENSORS_CONVERSION"


def settings_of_weights(kind: Any, asked: Asked, layers: Mapping[str, int]) -> Any:
    """Give the configuration that lies beside the weights.

    Args:
        kind: the configuration class of the network.
        asked: names model and weights.
        layers: settings that count layers, where another number was asked for.

    Raises `OptionError` where there is none, or one of another kind of network.
    """
    with _explained(asked):
        values, _ = kind.get_config_dict(*_source(asked), **_place(asked))
    found = values.get("model_type")
    if found != kind.model_type:
        raise OptionError(
            f"--weights {asked.weights}: holds {_named(found)}, and {asked.where} is a"
            f" {kind.model_type}: give weights of that"
        )
    if layers:
        # a list with an entry a layer; without it, it is made anew for their number
        values.pop("layer_types", None)
    with _explained(asked):
        return kind.from_dict({**values, **layers})


def load_weights(kind: Any, settings: Any, asked: Asked) -> Any:
    """Load a network, in float32.

    Args:
        kind: the network class.
        settings: from `settings_of_weights`.
        asked: names model and weights.

    Raises `OptionError` for weights that cannot be had, or that lack a part.
    """
    import torch

    with _explained(asked), _without_conversion():
        network, told = kind.from_pretrained(
            *_source(asked), config=settings, output_loading_info=True, **_place(asked)
        )
    lacking = sorted(
        name for name in told["missing_keys"] if not any(part in name for part in _MAY_BE_MISSING)
    )
    if lacking:
        raise OptionError(
            f"--weights {asked.weights}: lacks {lacking[0]} and {len(lacking) - 1} more weights of"
            f" {asked.where}: give weights of the whole network"
        )
    return network.to(torch.float32)


def _source(asked: Asked) -> tuple[str]:
    if asked.weights == PRETRAINED:
        if asked.variant.hub is None:
            raise OptionError(
                f"{asked.where} is a shape that nobody published weights of: leave out --weights,"
                " or give a folder"
            )
        return (asked.variant.hub,)
    folder = Path(str(asked.weights)).expanduser()
    if not (folder / "config.json").is_file():
        raise OptionError(
            f"--weights {asked.weights}: no folder with a config.json and weights; give one, or"
            f" '{PRETRAINED}' for those of the hub"
        )
    return (str(folder),)


def _place(asked: Asked) -> dict[str, bool]:
    return {"local_files_only": asked.weights != PRETRAINED}


def _named(kind: object) -> str:
    return f"a {kind}" if isinstance(kind, str) else "a network of no known kind"


@contextlib.contextmanager
def _explained(asked: Asked) -> Iterator[None]:
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
        raise OptionError(f"weights of {name} cannot be loaded: {one_line(error)}") from error


def _chain(error: BaseException | None) -> Iterator[BaseException]:
    while error is not None:
        yield error
        error = error.__cause__ or error.__context__


def _is_out_of_reach(error: BaseException) -> bool:
    return type(error).__name__ in _OUT_OF_REACH or "couldn't connect" in str(error)


@contextlib.contextmanager
def _without_conversion() -> Iterator[None]:
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
