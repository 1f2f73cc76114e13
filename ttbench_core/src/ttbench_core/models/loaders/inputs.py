"""The inputs that a loader loads: their form, and how many samples they are."""

from __future__ import annotations

import inspect
from collections.abc import Mapping
from dataclasses import dataclass
from functools import partial
from typing import Any, Final

from ttbench_core.errors import PackContractError, UnsupportedOptionError
from ttbench_core.model import Inputs
from ttbench_core.models.inputs import has_dimensions, is_tensor, named_leaves
from ttbench_core.models.loaders.asking import call_with_known, parameters_of
from ttbench_core.models.loaders.finding import Found

__all__ = ["Loaded", "load_inputs", "samples_of"]

_BATCH: Final = "batch_size"
#: First dimensions that a message lists.
_MAX_SIZES: Final = 6


@dataclass(frozen=True)
class Loaded:
    """The inputs of a loader."""

    inputs: Inputs
    #: Whether they were seen to grow with `batch_size`; only asked where first dimensions differ.
    grows: bool = False


def load_inputs(
    loader: Any, found: Found, float32: Any, microbatch: int | None, seq_len: int | None
) -> Loaded:
    """Let a loader load its inputs.

    Where a microbatch was asked for and the first dimensions differ, another one is loaded too,
    to see which of them grow with it.

    Args:
        loader: an instance, which has loaded its model.
        found: where it is from.
        float32: the type that floats are to have.
        microbatch: samples, where it was asked for; not passed to one that takes no `batch_size`.
        seq_len: tokens, where it was asked for.

    Raises `UnsupportedOptionError` for a `seq_len` that it does not take, `PackContractError` for
    inputs that no module can be called with.
    """
    names, _ = parameters_of(loader.load_inputs)
    if seq_len is not None and "seq_len" not in names:
        raise UnsupportedOptionError(
            f"{found.where}: its load_inputs takes no 'seq_len': leave out --seq_len"
        )
    load = partial(_load, loader, found, float32, seq_len)
    inputs = load(microbatch)
    sizes = _sizes(inputs)
    if microbatch is None or len(set(sizes.values())) < 2 or not _takes_batch(loader):
        return Loaded(inputs)
    other = 2 if microbatch == 1 else 1
    try:
        before = _sizes(load(other))
    except Exception:  # noqa: BLE001 - it may not make another batch: then nothing is known of it
        before = {}
    # once more, because a loader may read its outputs with what it kept of its last inputs
    return Loaded(load(microbatch), _grow(before, other, sizes, microbatch))


def samples_of(
    loader: Any, loaded: Loaded, found: Found, asked: int | None, declared: int | None
) -> tuple[int | None, list[str]]:
    """Give the samples of inputs where they are not the first dimension of every tensor, and notes.

    Args:
        loader: that loaded them.
        loaded: what it loaded.
        found: where it is from.
        asked: by `-mb`.
        declared: by `-M samples`.

    Raises `UnsupportedOptionError` where another number was asked for or declared than there is,
    and where nothing says how many there are.
    """
    sizes = list(_sizes(loaded.inputs).values())
    by_shape = sizes[0] if len(set(sizes)) == 1 else None
    if by_shape is not None and declared not in (None, by_shape):
        raise UnsupportedOptionError(
            f"{found.where}: its inputs are {_samples(by_shape)}, not {declared}: leave out"
            " -M samples, which is for inputs whose first dimensions differ"
        )
    made = declared or by_shape or _samples_by_batch(loader, loaded, sizes, asked)
    if sizes and made is None:
        shown = ", ".join(map(str, sizes[:_MAX_SIZES]))
        raise UnsupportedOptionError(
            f"{found.where}: the first dimensions of its inputs differ ({shown}), so how many"
            " samples they are is unknown: say it by -M samples=N"
        )
    if asked is not None and made is not None and asked != made:
        why = "" if _takes_batch(loader) else ", because its load_inputs takes no 'batch_size'"
        raise UnsupportedOptionError(
            f"{found.where} made inputs of {_samples(made)}, not {asked}{why}: leave out -mb"
        )
    batch, notes = _default_batch(loader), []
    if asked is None and None not in (batch, by_shape) and batch != by_shape:
        notes.append(f"its inputs are {_samples(made)}, with a {_BATCH} of {batch}")
    return None if made == by_shape else made, notes


def _load(
    loader: Any, found: Found, float32: Any, seq_len: int | None, batch: int | None
) -> Inputs:
    names, takes_any = parameters_of(loader.load_inputs)
    known = {"dtype_override": float32, _BATCH: batch, "seq_len": seq_len}
    if batch is not None and takes_any and _BATCH not in names:
        returned = loader.load_inputs(
            **{name: one for name, one in known.items() if name in names and one is not None},
            **{_BATCH: batch},
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


def _sizes(inputs: Inputs) -> dict[str, int]:
    """Give the first dimension of each tensor by its name."""
    return {name: int(one.shape[0]) for name, one in named_leaves(inputs) if has_dimensions(one)}


def _grow(before: dict[str, int], batch_before: int, after: dict[str, int], batch: int) -> bool:
    """Return whether some first dimensions grew with a batch, and none in another proportion."""
    if before.keys() != after.keys():
        return False
    changed = [(before[name], size) for name, size in after.items() if before[name] != size]
    return bool(changed) and all(
        size * batch_before == size_before * batch for size_before, size in changed
    )


def _samples_by_batch(
    loader: Any, loaded: Loaded, sizes: list[int], asked: int | None
) -> int | None:
    """Give the samples of inputs whose first dimensions differ, as `batch_size` says them."""
    if asked is not None and _takes_batch(loader):
        return asked if loaded.grows else None
    batch = _default_batch(loader)
    return batch if batch in sizes else None


def _samples(count: int | None) -> str:
    return f"{count} sample{'' if count == 1 else 's'}"


def _takes_batch(loader: Any) -> bool:
    names, takes_any = parameters_of(loader.load_inputs)
    return takes_any or _BATCH in names


def _default_batch(loader: Any) -> int | None:
    parameter = inspect.signature(loader.load_inputs).parameters.get(_BATCH)
    return parameter.default if parameter and isinstance(parameter.default, int) else None
