"""What is counted of a model: samples, tokens and parameters."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from typing import Any

from ttbench_core.model import BenchmarkModel
from ttbench_core.models.inputs import declared_microbatch, has_dimensions, named_leaves

__all__ = [
    "microbatch_of",
    "new_tokens_of",
    "parameter_count",
    "prompt_tokens_of",
    "samples_per_input_of",
    "sizes_of",
    "unit_of",
]


def microbatch_of(model: BenchmarkModel) -> int:
    """Give the number of samples in one input: what is declared, else the first dimension.

    It is that of the first tensor that has dimensions.
    """
    declared = declared_microbatch(model)
    if declared is not None:
        return declared
    values = (value for _, value in named_leaves(model.inputs))
    return int(next(value for value in values if has_dimensions(value)).shape[0])


def new_tokens_of(model: BenchmarkModel) -> int | None:
    """Give the tokens that are generated for one row of a microbatch; None for other models.

    It is `max_length` in `generation`, as in the original script.
    """
    length = model.generation.get("max_length")
    return int(length) if isinstance(length, int) and length > 0 else None


def prompt_tokens_of(model: BenchmarkModel) -> int | None:
    """Give the tokens of a prompt: `prompt_length` in `generation`; None where it is not there."""
    length = model.generation.get("prompt_length")
    return int(length) if isinstance(length, int) and length > 0 else None


def samples_per_input_of(model: BenchmarkModel) -> int:
    """Give the samples of one input: its rows, or the tokens generated for all of them."""
    return microbatch_of(model) * (new_tokens_of(model) or 1)


def sizes_of(inputs: Sequence[Mapping[str, Any]], prompt_tokens: int | None) -> dict[str, int]:
    """Give the `seq_len` and `image_size` of inputs, as far as their shapes show them.

    Args:
        inputs: `shape` and `dtype` of each.
        prompt_tokens: of a generator.
    """
    sizes: dict[str, int] = {}
    for tensor in inputs:
        shape, is_integer = tensor["shape"], str(tensor["dtype"]).startswith("int")
        if len(shape) == 4 and shape[-1] == shape[-2]:
            sizes.setdefault("image_size", int(shape[-1]))
        if len(shape) == 2 and is_integer:
            sizes.setdefault("seq_len", int(shape[-1]))
    return {**sizes, "seq_len": prompt_tokens} if prompt_tokens else sizes


def unit_of(model: BenchmarkModel) -> str:
    """Give what a sample is: `token` for a generator, else the unit of the model."""
    return model.unit if new_tokens_of(model) is None else "token"


def parameter_count(model: BenchmarkModel) -> int | None:
    """Count the parameters of all stages, shared ones once.

    None for native modules, and for lazy ones whose size is not known yet.
    """
    distinct: dict[int, Any] = {}
    for module in _each_module(model.stages.present().values()):
        if not hasattr(module, "parameters"):
            return None
        distinct.update((id(parameter), parameter) for parameter in module.parameters())
    try:
        return sum(int(parameter.numel()) for parameter in distinct.values())
    except ValueError:  # what torch raises for an uninitialised parameter
        return None


def _each_module(stages: Iterable[Any]) -> Iterator[Any]:
    """Give every module, also where a stage is a list of them."""
    for stage in stages:
        yield from stage if isinstance(stage, (list, tuple)) else [stage]
