"""What a model counts as: its samples, what they are called, and its parameters."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from typing import Any

from ttbench_core.model import BenchmarkModel

__all__ = [
    "microbatch_of",
    "parameter_count",
    "prompt_tokens_of",
    "samples_of_input",
    "sizes_of",
    "tensor_record",
    "tokens_of",
    "unit_of",
]


def microbatch_of(model: BenchmarkModel) -> int:
    """Give the number of samples in one input."""
    return int(model.inputs[0].shape[0])


def tokens_of(model: BenchmarkModel) -> int | None:
    """Give the tokens that one row of a microbatch becomes; None for a model that is no generator.

    The original's `max_length` under `generation`.
    """
    length = model.generation.get("max_length")
    return int(length) if isinstance(length, int) and length > 0 else None


def prompt_tokens_of(model: BenchmarkModel) -> int | None:
    """Give the tokens of a prompt where a generator says so: `prompt_length`."""
    length = model.generation.get("prompt_length")
    return int(length) if isinstance(length, int) and length > 0 else None


def samples_of_input(model: BenchmarkModel) -> int:
    """Give what one input counts as: its rows, and the tokens that each becomes."""
    return microbatch_of(model) * (tokens_of(model) or 1)


def sizes_of(inputs: Sequence[Mapping[str, Any]], prompt_tokens: int | None) -> dict[str, int]:
    """Give the `seq_len` and `image_size` that inputs have, as far as their shapes say.

    Args:
        inputs: `shape` and `dtype` of each.
        prompt_tokens: of a generator.
    """
    sizes: dict[str, int] = {}
    for tensor in inputs:
        shape, is_whole = tensor["shape"], str(tensor["dtype"]).startswith("int")
        if len(shape) == 4 and shape[-1] == shape[-2]:
            sizes.setdefault("image_size", int(shape[-1]))
        if len(shape) == 2 and is_whole:
            sizes.setdefault("seq_len", int(shape[-1]))
    return {**sizes, "seq_len": prompt_tokens} if prompt_tokens else sizes


def tensor_record(tensor: Any) -> dict[str, Any]:
    """Give shape and type of an input or a target."""
    return {
        "shape": [int(size) for size in tensor.shape],
        "dtype": str(tensor.dtype).removeprefix("torch."),
    }


def unit_of(model: BenchmarkModel) -> str:
    """Give what is counted: `token` of a generator, else what the model says."""
    return model.unit if tokens_of(model) is None else "token"


def parameter_count(model: BenchmarkModel) -> int | None:
    """Count the parameters of all stages, shared ones once.

    None for native modules, and for lazy ones whose size is not known yet.
    """
    distinct: dict[int, Any] = {}
    for module in _single(model.stages.present().values()):
        if not hasattr(module, "parameters"):
            return None
        distinct.update((id(parameter), parameter) for parameter in module.parameters())
    try:
        return sum(int(parameter.numel()) for parameter in distinct.values())
    except ValueError:  # what torch raises for an uninitialised parameter
        return None


def _single(stages: Iterable[Any]) -> Iterator[Any]:
    """Give each module by itself, also where a stage is a list of them."""
    for stage in stages:
        yield from stage if isinstance(stage, (list, tuple)) else [stage]
