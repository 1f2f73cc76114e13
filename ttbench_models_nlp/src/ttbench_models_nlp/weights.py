"""Trained weights, from the Hugging Face hub or from a folder.

Only classes of transformers itself are loaded, by name: code that lies beside
the weights never runs, and pickled files are read as weights alone.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any, Final

from ttbench_core.errors import OptionError
from ttbench_models_nlp.loading import PRETRAINED, explained, quietly, without_conversion
from ttbench_models_nlp.tables import Asked

__all__ = ["load_weights", "settings_of_weights"]

#: Parts that published weights of an encoder may lack, because training dropped them.
_MAY_BE_MISSING: Final = re.compile(r"pooler\.|.*masked_spec_embed")
#: What transformers would look up on the hub and run, or compute with in place of its default.
_LOADS_CODE: Final = frozenset(
    {
        *("attn_implementation", "_attn_implementation", "auto_map"),
        *("experts_implementation", "_experts_implementation"),
    }
)
#: The outputs that the network has by default, whatever a configuration says.
_OUTPUTS: Final = {"output_attentions": False, "output_hidden_states": False, "return_dict": True}
#: Settings that a network of the same parameters could have otherwise, and be another work.
_DECIDES_THE_WORK: Final = re.compile(
    r"layers$|n_layer$|heads$|n_head$|hidden_size$|d_model$|n_embd$|ffn_dim$|d_ff$|d_kv$|head_dim$"
    r"|intermediate_size$|num_(local_)?experts|state_size$|^hidden_act$|^activation_function$"
)


def settings_of_weights(kind: Any, asked: Asked, expected: Any, layers: Mapping[str, int]) -> Any:
    """Give the configuration that lies beside the weights.

    Args:
        kind: the configuration class of the network.
        asked: names model and weights.
        expected: the configuration that the table has, of the same class.
        layers: settings that count layers, where another number was asked for.

    Raises `OptionError` where there is none, or one of another network than the table's.
    """
    with explained(asked):
        values, _ = kind.get_config_dict(*_source(asked), **_place(asked))
    values = _harmless(values, kind.model_type, asked)
    if layers:
        # a list with an entry a layer; without it, it is made anew for their number
        values.pop("layer_types", None)
    with explained(asked):
        settings = kind.from_dict({**values, **_OUTPUTS, **layers})
    found, wanted = settings.to_dict(), expected.to_dict()
    for name in sorted(wanted):
        if _DECIDES_THE_WORK.search(name) and found.get(name) != wanted[name]:
            raise OptionError(
                f"--weights {asked.weights}: has {name} {found.get(name)}, and {asked.where} has"
                f" {wanted[name]}: choose the configuration that they are of, with -c"
            )
    return settings


def load_weights(kind: Any, settings: Any, asked: Asked) -> tuple[Any, tuple[str, ...]]:
    """Load a network, in float32, and say what a reader of its numbers must know.

    Args:
        kind: the network class.
        settings: from `settings_of_weights`.
        asked: names model and weights.

    Raises `OptionError` for weights that cannot be had, or that lack a part.
    """
    import torch

    with explained(asked), quietly(), without_conversion():
        network, told = kind.from_pretrained(
            *_source(asked),
            config=settings,
            trust_remote_code=False,
            output_loading_info=True,
            **_place(asked),
        )
    missing = sorted(told["missing_keys"])
    lacking = [name for name in missing if not _MAY_BE_MISSING.match(name)]
    if lacking:
        more = f" and {len(lacking) - 1} more weights" if len(lacking) > 1 else ""
        remedy = "give weights of the whole network"
        if asked.layers is not None:
            remedy += f", or fewer --layers than {asked.layers}"
        raise OptionError(
            f"--weights {asked.weights}: lacks {lacking[0]}{more} of {asked.where}: {remedy}"
        )
    return network.to(torch.float32), tuple(_notes(missing, settings, asked))


def _notes(missing: Sequence[str], settings: Any, asked: Asked) -> Iterator[str]:
    revision = getattr(settings, "_commit_hash", None)
    if asked.weights == PRETRAINED and revision:
        yield f"weights are those of {asked.variant.hub} at revision {revision}"
    if missing:
        yield f"the weights lack {', '.join(missing)}, which are random"


def _harmless(values: Mapping[str, Any], wanted: str, asked: Asked) -> dict[str, Any]:
    """Take out of a configuration what would load code, or compute in another way."""
    if not isinstance(values, Mapping):
        raise OptionError(f"--weights {asked.weights}: its config.json is no JSON object")
    found = values.get("model_type")
    # the oldest configurations of the hub do not say what they are of
    if found not in (None, wanted):
        raise OptionError(
            f"--weights {asked.weights}: holds a {found}, and {asked.where} is a {wanted}: give"
            " weights of that"
        )
    if values.get("quantization_config"):
        raise OptionError(
            f"--weights {asked.weights}: is quantised already; give weights in a float format,"
            " and choose one to run with by -df"
        )
    return {name: value for name, value in values.items() if name not in _LOADS_CODE}


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
        there = "no config.json in it" if folder.is_dir() else "no such folder"
        raise OptionError(
            f"--weights {asked.weights}: there is {there}; give a folder with a config.json and"
            f" weights, or '{PRETRAINED}' for those of the hub"
        )
    return (str(folder),)


def _place(asked: Asked) -> dict[str, bool]:
    return {"local_files_only": asked.weights != PRETRAINED}
