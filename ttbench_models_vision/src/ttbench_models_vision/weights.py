"""Trained weights, from the hub or a folder; nothing that is loaded runs code."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from ttbench_core.errors import OptionError, one_line
from ttbench_models_vision.recipes import Recipe

__all__ = ["PRETRAINED", "load"]

#: What asks for the weights that the hub has of a configuration.
PRETRAINED = "pretrained"
#: What errors say, of transformers and of what it downloads with, where there is no network.
_UNREACHABLE = ("couldn't connect", "offline", "connection", "resolve", "timed out", "timeout")
#: Share of the parameters that other classes, and positions of other images, can make up.
_OTHER_HEAD = 0.1


def load(model: Any, recipe: Recipe, weights: str, where: str) -> Any:
    """Load a network with its weights.

    Safetensors files alone are read: others are pickles, which can run code.

    Args:
        model: a model class of transformers.
        recipe: the configuration, for its repository and its size.
        weights: `pretrained`, or the folder that `save_pretrained` or a download made.
        where: model and configuration, for messages.

    Raises `OptionError` where they cannot be had, or are those of another network.
    """
    source, revision = recipe.origin, recipe.revision or "main"
    if weights != PRETRAINED:
        source, revision = _folder(weights), "main"
    try:
        kind = model.config_class.get_config_dict(source, revision=revision)[0].get("model_type")
        if kind != model.config_class.model_type:
            raise OptionError(f"the weights in {source} are those of a {kind}, not of {where}")
        network, report = model.from_pretrained(
            source,
            revision=revision,
            trust_remote_code=False,
            use_safetensors=True,
            output_loading_info=True,
        )
    except OptionError:
        raise
    except Exception as error:
        raise OptionError(_refusal(error, weights, source, where)) from error
    _check(network, sorted(report["missing_keys"]), recipe, f"the weights in {source}", where)
    return network


def _check(network: Any, missing: list[str], recipe: Recipe, what: str, where: str) -> None:
    if missing:
        raise OptionError(f"{what} are not those of {where}: there is no {missing[0]} in them")
    count = sum(parameter.numel() for parameter in network.parameters())
    if abs(count - recipe.parameters) > _OTHER_HEAD * recipe.parameters:
        raise OptionError(
            f"{what} are not those of {where}: they are {count:,} parameters,"
            f" and it has {recipe.parameters:,}; choose the configuration with -c"
        )


def _folder(weights: str) -> str:
    path = Path(weights).expanduser()
    if not path.is_dir():
        raise OptionError(
            f"--weights {weights}: there is no such folder;"
            f" give the folder of the weights, or {PRETRAINED}"
        )
    # older releases of transformers would take the pickle beside it, whatever they are told
    if not any(path.glob("*.safetensors")):
        raise OptionError(
            f"--weights {weights}: there is no safetensors file in it, and no other kind is read"
        )
    return str(path)


def _refusal(error: Exception, weights: str, source: str, where: str) -> str:
    if weights != PRETRAINED:
        return f"weights of {where} cannot be read from {source}: {one_line(error)}"
    if any(word in _said(error) for word in _UNREACHABLE):
        return (
            f"weights of {where} cannot be had: the hub cannot be reached;"
            " download them elsewhere and give the folder: --weights FOLDER"
        )
    return f"weights of {where} cannot be had from {source}: {one_line(error)}"


def _said(error: BaseException | None) -> str:
    """Give what an error and all that led to it say, in lower case."""
    said = []
    while error is not None:
        said.append(one_line(error))
        error = error.__cause__ or error.__context__
    return " ".join(said).lower()
