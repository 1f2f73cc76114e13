"""Letting a loader load: its module and its inputs, as a model of ttbench."""

from __future__ import annotations

import contextlib
import functools
import inspect
import os
import sys
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

from ttbench_core.errors import PackContractError, UnsupportedOptionError
from ttbench_core.model import StagedModel, Stages
from ttbench_core.models.loaders.asking import (
    WEIGHTS,
    call_with_known,
    default_of,
    facts_of,
    import_loader,
    parameters_of,
    variant_of,
)
from ttbench_core.models.loaders.failures import failures_named
from ttbench_core.models.loaders.finding import Found
from ttbench_core.models.loaders.inputs import load_inputs, samples_of
from ttbench_core.models.loaders.offline import without_waiting
from ttbench_core.models.loaders.weights import check_weights, with_weights
from ttbench_core.plugins.containment import contained

__all__ = ["Asked", "load"]

_UNPACK: Final = "unpack_forward_output"
_LAYERS: Final = "num_layers"
#: Parameters of a constructor for the variant.
_VARIANT_NAMES: Final = ("variant", "variant_name")
#: What `--weights` says for what a loader does anyway.
_ITS_OWN: Final = "pretrained"


@dataclass(frozen=True)
class Asked:
    """What a run asks of a loader; None for what it does not."""

    variant: str | None = None
    microbatch: int | None = None
    layers: int | None = None
    seq_len: int | None = None
    weights: str | None = None
    #: Samples of the inputs, where their shapes do not show it.
    samples: int | None = None


def load(found: Found, asked: Asked) -> StagedModel:
    """Import a loader, and let it load a variant in Fp32.

    Raises `LoaderError` for what it lacks here, `PackContractError` for what is no loader, and
    `RequestError` for what it cannot honour. Whatever else its code raises passes.
    """
    with failures_named(found, "its model"):
        from ttbench_core.models.reference import loaded as torch_parts
    with _alone(), without_waiting() as of_network:
        with torch_parts.on_host():
            cls = import_loader(found)
        with failures_named(found, "its class"):
            variant = variant_of(cls, asked.variant, found)
            facts, notes = facts_of(cls, variant, found)
            if _replaces_weights(asked):
                cls = with_weights(cls, variant, str(asked.weights), found)
                facts.pop(WEIGHTS, None)
            loader = _made(cls, variant, asked, found)
        with failures_named(found, "its load_model"):
            module = _module(loader, asked, found, torch_parts.FLOAT32)
        if not torch_parts.is_module(module):
            kind = f"{type(module).__module__}.{type(module).__name__}"
            fault = f"its load_model gave a {kind}: ttbench runs a torch.nn.Module"
            raise PackContractError(found.where, fault)
        with failures_named(found, "its load_inputs"):
            loaded = load_inputs(
                loader, found, torch_parts.FLOAT32, asked.microbatch, asked.seq_len
            )
    if _replaces_weights(asked):
        check_weights(module, str(asked.weights), found)
    samples, of_inputs = samples_of(loader, loaded, found, asked.microbatch, asked.samples)
    notes += [*of_inputs, *of_network]
    module, inputs, types = torch_parts.with_float32(module, loaded.inputs)
    if types:
        notes.append(f"its loader gave {', '.join(types)}, which was converted to Fp32")
    if _unpacks(cls):
        module = torch_parts.with_outputs(module, getattr(loader, _UNPACK))
    stages = Stages(device=module)
    return StagedModel(stages, inputs, microbatch=samples, notes=tuple(notes), origin=facts)


@contextlib.contextmanager
def _alone() -> Iterator[None]:
    """Let a loader print to stderr alone, and read nothing: stdin may carry commands."""
    before = sys.stdin
    with contained(), Path(os.devnull).open(encoding="ascii") as nothing:
        sys.stdin = nothing
        try:
            yield
        finally:
            sys.stdin = before


def _replaces_weights(asked: Asked) -> bool:
    return asked.weights not in (None, _ITS_OWN)


def _made(cls: Any, variant: Any, asked: Asked, found: Found) -> Any:
    """Make an instance with a variant, where the constructor takes one."""
    make, known = cls, {}
    parameters = inspect.signature(cls).parameters.values()
    kinds = {one.kind for one in parameters}
    name = _variant_parameter(list(parameters))
    if name is not None:
        known = {name: variant}
    elif inspect.Parameter.VAR_KEYWORD in kinds:
        make = cls if variant is None else functools.partial(cls, variant=variant)
    elif inspect.Parameter.VAR_POSITIONAL in kinds:
        make = cls if variant is None else functools.partial(cls, variant)
    elif variant != default_of(cls):
        raise UnsupportedOptionError(
            f"{found.where}: its constructor takes no variant: leave out -c {asked.variant}"
        )
    return call_with_known(make, "constructor", found, **known, num_layers=asked.layers)


def _variant_parameter(parameters: list[inspect.Parameter]) -> str | None:
    """Give the parameter for the variant: by its name, else the only one without a default."""
    by_name = (inspect.Parameter.POSITIONAL_OR_KEYWORD, inspect.Parameter.KEYWORD_ONLY)
    plain = [one for one in parameters if one.kind in by_name]
    names = {one.name for one in plain}
    required = [one.name for one in plain if one.default is one.empty and one.name != _LAYERS]
    named = next((name for name in _VARIANT_NAMES if name in names), None)
    return named or (required[0] if len(required) == 1 else None)


def _module(loader: Any, asked: Asked, found: Found, float32: Any) -> Any:
    names, _ = parameters_of(loader.load_model)
    if asked.layers is not None and "num_layers" not in names | parameters_of(type(loader))[0]:
        raise UnsupportedOptionError(f"{found.where} takes no 'num_layers': leave out --layers")
    return call_with_known(
        loader.load_model,
        "load_model",
        found,
        dtype_override=float32,
        num_layers=asked.layers,
    )


def _unpacks(cls: Any) -> bool:
    """Return whether a loader, and not the base of all loaders, says how to read its outputs."""
    owner = next((one for one in cls.__mro__ if _UNPACK in vars(one)), None)
    of_base = getattr(vars(owner or cls).get("load_model"), "__isabstractmethod__", False)
    return owner is not None and not of_base
