"""Trained weights, from the hub or a folder; nothing that is loaded runs code."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from ttbench_core.errors import OptionError, one_line
from ttbench_models_vision.configuration import check_file, first_difference, harmless
from ttbench_models_vision.quiet import quiet
from ttbench_models_vision.recipes import Recipe

__all__ = ["PRETRAINED", "check", "load"]

#: What asks for the weights that the hub has of a configuration.
PRETRAINED = "pretrained"
#: What errors say, of transformers and of what it downloads with, where there is no network.
_UNREACHABLE = ("couldn't connect", "offline", "connection", "resolve", "timed out", "timeout")
#: Share of the parameters that other classes, and positions of other images, can make up.
_OTHER_HEAD = 0.1
_ADAPTER = "adapter_config.json"


def check(weights: str) -> None:
    """Look at a folder of weights without importing what reads them.

    Raises `OptionError` where it is none.
    """
    if weights == PRETRAINED:
        return
    path = _folder(weights)
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
    # transformers would follow it to another repository
    if (path / _ADAPTER).exists():
        raise OptionError(
            f"--weights {weights}: there is an {_ADAPTER} in it, and adapters are not read;"
            " merge it into its network first"
        )
    check_file(path)


def load(model: Any, wanted: Any, recipe: Recipe, weights: str, where: str) -> Any:
    """Load a network with its weights.

    Safetensors files alone are read: others are pickles, which can run code.

    Args:
        model: a model class of transformers.
        wanted: the configuration object of the network that is named.
        recipe: its configuration here, for its repository and its size.
        weights: `pretrained`, or a folder that `check` let pass.
        where: model and configuration, for messages.

    Raises `OptionError` where they cannot be had, or are those of another network.
    """
    source, revision = recipe.origin, recipe.revision or "main"
    if weights != PRETRAINED:
        source, revision = str(_folder(weights)), "main"
    what = f"the weights in {source}"
    try:
        with quiet():
            network, report = model.from_pretrained(
                source,
                config=_configuration(wanted, source, revision, what, where),
                revision=revision,
                trust_remote_code=False,
                use_safetensors=True,
                # so that they can be told in one line
                ignore_mismatched_sizes=True,
                output_loading_info=True,
            )
    except OptionError:
        raise
    except Exception as error:
        raise OptionError(_refusal(error, weights, source, where)) from error
    _check(network, report, recipe, what, where)
    return network


def _configuration(wanted: Any, source: str, revision: str, what: str, where: str) -> Any:
    kind = type(wanted)
    read = kind.get_config_dict(source, revision=revision)[0]
    if read.get("model_type") != kind.model_type:
        raise OptionError(f"{what} are those of a {read.get('model_type')}, not of {where}")
    found = kind.from_dict(harmless(read, what))
    different = first_difference(found.to_dict(), wanted.to_dict())
    if different:
        name, is_, should_be = different
        raise OptionError(
            f"{what} are not those of {where}: their {name} is {is_}, and it has {should_be};"
            " choose the configuration with -c"
        )
    return found


def _check(network: Any, report: Any, recipe: Recipe, what: str, where: str) -> None:
    for name in sorted(report["missing_keys"]):
        raise OptionError(f"{what} are not those of {where}: there is no {name} in them")
    for name, is_, should_be in sorted(report["mismatched_keys"]):
        raise OptionError(
            f"{what} do not fit their config.json: {name} is {list(is_)} in them,"
            f" and {list(should_be)} by it"
        )
    count = sum(parameter.numel() for parameter in network.parameters())
    if abs(count - recipe.parameters) > _OTHER_HEAD * recipe.parameters:
        raise OptionError(
            f"{what} are not those of {where}: they are {count:,} parameters,"
            f" and it has {recipe.parameters:,}; choose the configuration with -c"
        )


def _folder(weights: str) -> Path:
    return Path(weights).expanduser()


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
