"""From a table's entry to a network of transformers, with random or trained weights."""

from __future__ import annotations

import dataclasses
from typing import Any

from ttbench_core.errors import OptionError
from ttbench_models_nlp.tables import Architecture, Asked
from ttbench_models_nlp.weights import load_weights, settings_of_weights

__all__ = ["check_positions", "class_of", "network_of", "settings_of"]


def class_of(name: str, architecture: Architecture) -> Any:
    """Give a class of transformers.

    Raises `OptionError` where the installed version is too old to have it.
    """
    import transformers

    try:
        return getattr(transformers, name)
    except AttributeError:
        raise OptionError(
            f"{name} came with transformers {architecture.since}, and {transformers.__version__}"
            " is installed: pip install -U transformers"
        ) from None


def settings_of(asked: Asked) -> Any:
    """Give transformers' configuration of what was asked: the table's, or that of the weights.

    Raises `OptionError` for weights that cannot be had, and for an old transformers.
    """
    architecture = asked.variant.architecture
    kind = class_of(architecture.config, architecture)
    layers = {} if asked.layers is None else dict.fromkeys(architecture.layers, asked.layers)
    if asked.weights is not None:
        return settings_of_weights(kind, asked, layers)
    return kind(**{**asked.variant.settings, **layers})


def network_of(asked: Asked, settings: Any) -> Any:
    """Build the network of these settings, in float32.

    Args:
        asked: names the network and its weights.
        settings: from `settings_of`.

    Raises `OptionError` for weights that cannot be had or are of another network.
    """
    architecture = asked.variant.architecture
    kind = class_of(architecture.network, architecture)
    if asked.weights is None:
        return _random_network(kind, asked, settings)
    network = load_weights(kind, settings, asked)
    _check_size(network, asked)
    return network


def _random_network(kind: Any, asked: Asked, settings: Any) -> Any:
    import torch

    network = kind(settings)
    if asked.variant.settings.get("tie_word_embeddings", True):
        return network
    head = network.get_output_embeddings()
    if head.weight is network.get_input_embeddings().weight:
        # T5 of transformers 5 shares them whatever its settings say; drawn as version 4 does
        head.weight = torch.nn.Parameter(torch.randn_like(head.weight))
    return network


def _check_size(network: Any, asked: Asked) -> None:
    import torch

    with torch.device("meta"):
        expected = network_of(*_untrained(asked))
    found, wanted = (sum(p.numel() for p in one.parameters()) for one in (network, expected))
    if found != wanted:
        raise OptionError(
            f"--weights {asked.weights}: has {found:,} parameters where {asked.where} has"
            f" {wanted:,}: choose the configuration that it is of, with -c"
        )


def _untrained(asked: Asked) -> tuple[Asked, Any]:
    untrained = dataclasses.replace(asked, weights=None)
    return untrained, settings_of(untrained)


def check_positions(asked: Asked, settings: Any, tokens: int) -> None:
    """Refuse a sequence, with what is generated after it, that is longer than the network reads.

    Args:
        asked: names the model, for the message.
        settings: transformers' configuration of the network.
        tokens: of the sequence, generated ones included.
    """
    architecture = asked.variant.architecture
    if architecture.positions is None:
        return
    most = getattr(settings, architecture.positions) - architecture.reserved
    if tokens > most:
        remedy = "a shorter --seq_len or fewer --new_tokens" if asked.tokens else "--seq_len"
        raise OptionError(
            f"{asked.where} reads at most {most} tokens, and {tokens} were asked for: use {remedy}"
            + ("" if asked.tokens else f" {most} or less")
        )
