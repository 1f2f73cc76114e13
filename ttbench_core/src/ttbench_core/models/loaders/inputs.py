"""The inputs that a loader loads: their form, and how many samples they are."""

from __future__ import annotations

import inspect
from collections.abc import Mapping
from typing import Any, Final

from ttbench_core.errors import PackContractError, UnsupportedOptionError
from ttbench_core.model import Inputs
from ttbench_core.models.inputs import has_dimensions, is_tensor, named_leaves
from ttbench_core.models.loaders.asking import call_with_known, parameters_of
from ttbench_core.models.loaders.finding import Found

__all__ = ["load_inputs", "microbatch_of_inputs"]

_BATCH: Final = "batch_size"
#: First dimensions that a message lists.
_MAX_SIZES: Final = 6


def load_inputs(
    loader: Any, found: Found, float32: Any, microbatch: int | None, seq_len: int | None
) -> Inputs:
    """Let a loader load its inputs.

    Args:
        loader: an instance, which has loaded its model.
        found: where it is from.
        float32: the type that floats are to have.
        microbatch: samples, where it was asked for; not passed to one that takes no `batch_size`.
        seq_len: tokens, where it was asked for.

    Raises `UnsupportedOptionError` for a `seq_len` that it does not take, `PackContractError` for
    inputs that no module can be called with.
    """
    names, takes_any = parameters_of(loader.load_inputs)
    if seq_len is not None and "seq_len" not in names:
        raise UnsupportedOptionError(
            f"{found.where}: its load_inputs takes no 'seq_len': leave out --seq_len"
        )
    known = {"dtype_override": float32, _BATCH: microbatch, "seq_len": seq_len}
    if microbatch is not None and takes_any and _BATCH not in names:
        returned = loader.load_inputs(
            **{name: one for name, one in known.items() if name in names and one is not None},
            **{_BATCH: microbatch},
        )
    else:
        returned = call_with_known(loader.load_inputs, "load_inputs", found, **known)
    if is_tensor(returned):
        return (returned,)
    if isinstance(returned, Mapping):
        return dict(returned)
    if isinstance(returned, (list, tuple)):
        return tuple(returned)
    kind = type(returned).__name__
    raise PackContractError(
        found.where, f"its load_inputs gave a {kind}, not a tensor, or a list or dict of them"
    )


def microbatch_of_inputs(
    loader: Any, inputs: Inputs, found: Found, asked: int | None, declared: int | None
) -> int | None:
    """Give the samples of inputs where they are not the first dimension of every tensor.

    Args:
        loader: that loaded them.
        inputs: what it loaded.
        found: where it is from.
        asked: by `-mb`.
        declared: by `-M samples`.

    Raises `UnsupportedOptionError` where another number was asked for than there is, and where
    nothing says how many there are.
    """
    sizes = [int(one.shape[0]) for _, one in named_leaves(inputs) if has_dimensions(one)]
    by_shape = sizes[0] if len(set(sizes)) == 1 else None
    made = declared or by_shape
    if made is None and (passed := asked or _default_batch(loader)) in sizes:
        made = passed if _takes_batch(loader) else None
    if sizes and made is None:
        shown = ", ".join(map(str, sizes[:_MAX_SIZES]))
        raise UnsupportedOptionError(
            f"{found.where}: the first dimensions of its inputs differ ({shown}), so how many"
            " samples they are is unknown: say it by -M samples=N"
        )
    if asked is not None and made is not None and asked != made:
        why = "" if _takes_batch(loader) else ", because its load_inputs takes no 'batch_size'"
        raise UnsupportedOptionError(
            f"{found.where} made inputs of {made} sample{'' if made == 1 else 's'}, not {asked}"
            f"{why}: leave out -mb"
        )
    return None if made == by_shape else made


def _takes_batch(loader: Any) -> bool:
    names, takes_any = parameters_of(loader.load_inputs)
    return takes_any or _BATCH in names


def _default_batch(loader: Any) -> int | None:
    parameter = inspect.signature(loader.load_inputs).parameters.get(_BATCH)
    return parameter.default if parameter and isinstance(parameter.default, int) else None
