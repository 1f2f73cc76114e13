"""From a table's entry to a network of transformers, with random or trained weights."""

from __future__ import annotations

import dataclasses
import re
from typing import Any, Final

from ttbench_core.errors import OptionError
from ttbench_models_nlp.tables import Architecture, Asked

__all__ = ["can_declare_cache", "check_positions", "class_of", "network_of", "settings_of"]

#: Layers that can be asked for: a multiple of a configuration's own, or as many as large ones have.
#: A slip of the finger would take all memory instead.
_MOST_TIMES: Final = 4
_ALWAYS_FINE: Final = 48
#: The oldest transformers whose networks are tested with a declared cache.
_DECLARED_SINCE: Final = (4, 57)


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
    layers = {}
    if asked.layers is not None:
        own = getattr(kind(**asked.variant.settings), architecture.layers[0])
        _check_layers(asked, asked.layers, own)
        layers = dict.fromkeys(architecture.layers, asked.layers)
    settings = kind(**{**asked.variant.settings, **layers})
    if asked.weights is not None:
        # imported when they are asked for, as all that --list has no need of
        from ttbench_models_nlp.weights import settings_of_weights

        return settings_of_weights(kind, asked, settings, layers)
    return settings


def _check_layers(asked: Asked, wanted: int, own: int) -> None:
    most = max(_MOST_TIMES * own, _ALWAYS_FINE)
    if wanted > most:
        raise OptionError(
            f"--layers {wanted}: {asked.where} has {own} layers, and takes 1 to {most}"
        )


def network_of(asked: Asked, settings: Any) -> tuple[Any, tuple[str, ...]]:
    """Build the network of these settings, in float32.

    Args:
        asked: names the network and its weights.
        settings: from `settings_of`.

    Returns:
        The network, and what a reader of its numbers must know.

    Raises `OptionError` for weights that cannot be had or are of another network.
    """
    architecture = asked.variant.architecture
    kind = class_of(architecture.network, architecture)
    if asked.weights is None:
        return _random_network(kind, asked, settings), ()
    from ttbench_models_nlp.weights import load_weights

    network, notes = load_weights(kind, settings, asked)
    _check_size(network, asked)
    return network, notes


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
        expected, _ = network_of(*_untrained(asked))
    found, wanted = (sum(p.numel() for p in one.parameters()) for one in (network, expected))
    if found != wanted:
        raise OptionError(
            f"--weights {asked.weights}: has {found:,} parameters where {asked.where} has"
            f" {wanted:,}: choose the configuration that it is of, with -c"
        )


def _untrained(asked: Asked) -> tuple[Asked, Any]:
    untrained = dataclasses.replace(asked, weights=None)
    return untrained, settings_of(untrained)


def can_declare_cache(asked: Asked, settings: Any) -> bool:
    """Return whether a network can have a declared cache; see `static_caches`.

    Not one with a window, which trained weights can bring, and not with an older transformers,
    whose networks look at their cache in other ways.
    """
    import transformers

    found = re.findall(r"\d+", transformers.__version__)
    kinds = set(getattr(settings, "layer_types", None) or ())
    return (
        asked.variant.architecture.declares_cache
        and tuple(map(int, found[:2])) >= _DECLARED_SINCE
        and kinds <= {"full_attention"}
    )


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
        remedy = f"--seq_len {most} or less"
        if asked.tokens:
            remedy = f"fewer --new_tokens than {asked.tokens}"
            remedy += ", or a shorter --seq_len" if asked.seq_len else ""
        raise OptionError(
            f"{asked.where} reads at most {most} tokens, and {tokens} were asked for: use {remedy}"
        )
