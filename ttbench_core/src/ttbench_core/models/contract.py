"""What a builder may return: reading it as a `BenchmarkModel`, and checking it.

What comes back is checked at once, so that a pack's fault is reported with
pack, builder and remedy and never as an error from inside an engine.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any, Final

from ttbench_core.errors import PackContractError
from ttbench_core.model import (
    BenchmarkModel,
    DeclaresAccuracy,
    DeclaresOrigin,
    Inputs,
    StagedModel,
    Stages,
)
from ttbench_core.models.counting import microbatch_of
from ttbench_core.models.inputs import (
    declared_microbatch,
    has_dimensions,
    is_number,
    is_tensor,
    named_leaves,
)
from ttbench_core.request.formats import DataFormat

__all__ = ["read_model"]

#: Keys of the modules in the original script's dict, and the names of the stages.
_ORIGINAL_KEYS: Final = {
    "cpu-pre": "cpu_pre",
    "tt": "device",
    "cpu-post": "cpu_post",
    "cpu-loss": "loss",
}
#: Names of formats elsewhere: a model that declares one of them means another spelling.
_OTHER_SPELLINGS: Final = dict.fromkeys(("bf16", "bfloat16", "float16", "float32", "half"), "")
#: How the author of a pack declares a microbatch that is not the first dimension.
_DECLARE: Final = "declare a microbatch that is another with StagedModel(..., microbatch=N)"


def read_model(returned: Any, where: str) -> BenchmarkModel:
    """Read what a builder returned as a model, and check it.

    Args:
        returned: modules and inputs, the original's four values, or a `BenchmarkModel`.
        where: pack and builder, for messages.

    Raises `PackContractError` for anything else, and for a model that breaks the contract.
    """
    model = _as_model(returned, where)
    _check_stages(model, where)
    _check_inputs(model, where)
    _check_targets(model, where)
    _check_microbatch(model, where)
    _check_accuracy(model, where)
    _check_origin(model, where)
    return model


def _as_model(returned: Any, where: str) -> BenchmarkModel:
    if isinstance(returned, BenchmarkModel):
        return returned
    if isinstance(returned, tuple) and len(returned) == 2:
        return StagedModel(_stages_of_list(returned[0], where), _as_inputs(returned[1], where))
    if isinstance(returned, tuple) and len(returned) == 4:
        modules, inputs, targets, other = returned
        if other is not None and not isinstance(other, Mapping):
            raise PackContractError(where, f"its fourth value is {_describe(other)}, not a dict")
        return StagedModel(
            _stages_of_dict(modules, where),
            _as_inputs(inputs, where),
            _as_targets(targets, where),
            generation=dict(other or {}),
        )
    raise PackContractError(
        where,
        f"returned {_describe(returned)}; return ([cpu_pre, device, cpu_post], [tensor, ...]),"
        " the original's (dict, inputs, targets, other), or a BenchmarkModel",
    )


def _stages_of_list(modules: Any, where: str) -> Stages:
    if not isinstance(modules, (list, tuple)):
        raise PackContractError(
            where, f"its first value is {_describe(modules)}, not a list of modules"
        )
    if len(modules) == 1:
        return Stages(device=modules[0])
    if len(modules) == 3:
        return Stages(cpu_pre=modules[0], device=modules[1], cpu_post=modules[2])
    if len(modules) == 2:
        raise PackContractError(
            where,
            "returned two modules, and which one runs on the device is not said:"
            " return [cpu_pre, device, None] or [None, device, cpu_post]",
        )
    raise PackContractError(
        where, f"returned {len(modules)} modules: one (device) or three (pre, device, post)"
    )


def _stages_of_dict(modules: Any, where: str) -> Stages:
    keys = ", ".join(repr(key) for key in _ORIGINAL_KEYS)
    if (
        not isinstance(modules, Mapping)
        or "tt" not in modules
        or set(modules) - set(_ORIGINAL_KEYS)
    ):
        raise PackContractError(
            where,
            f"its first value is {_describe(modules)}, not a dict with 'tt' and keys of {keys}",
        )
    return Stages(**{_ORIGINAL_KEYS[key]: module for key, module in modules.items()})


def _as_inputs(inputs: Any, where: str) -> Inputs:
    if isinstance(inputs, Mapping):
        return dict(inputs)
    if not isinstance(inputs, (list, tuple)):
        raise PackContractError(
            where, f"its inputs are {_describe(inputs)}, not a list or dict of tensors"
        )
    return tuple(inputs)


def _as_targets(targets: Any, where: str) -> Sequence[Any]:
    if targets is None:
        return ()
    if not isinstance(targets, (list, tuple)):
        raise PackContractError(
            where, f"its targets are {_describe(targets)}, not a list of tensors"
        )
    return tuple(targets)


def _check_stages(model: BenchmarkModel, where: str) -> None:
    if not isinstance(model.stages, Stages):
        raise PackContractError(where, f"its stages are {_describe(model.stages)}, not Stages")
    if model.stages.device is None:
        raise PackContractError(where, "has no device stage: there is nothing to benchmark")
    for name, module in model.stages.present().items():
        if isinstance(module, (list, tuple)):
            continue
        if not callable(module) or isinstance(module, type):
            raise PackContractError(where, f"its stage {name} is {_describe(module)}, not a module")


def _check_inputs(model: BenchmarkModel, where: str) -> None:
    inputs = _as_inputs(model.inputs, where)
    if not inputs:
        raise PackContractError(where, "returned no inputs: give at least one tensor")
    for key in inputs if isinstance(inputs, Mapping) else ():
        if not isinstance(key, str):
            raise PackContractError(
                where, f"its inputs have the key {key!r}: they are passed by name, so use text"
            )
    for name, value in named_leaves(inputs):
        if not is_tensor(value) and not is_number(value):
            raise PackContractError(
                where,
                f"its input {name} is {_describe(value)}, not a tensor, a number, None, or a list,"
                " tuple or dict of these",
            )


def _check_targets(model: BenchmarkModel, where: str) -> None:
    for index, target in enumerate(_as_targets(model.targets, where)):
        if not is_tensor(target):
            raise PackContractError(
                where, f"its target {index} is {_describe(target)}, not a tensor"
            )


def _check_microbatch(model: BenchmarkModel, where: str) -> None:
    """Check that it is declared as a number, or is the first dimension of every tensor."""
    declared: object = declared_microbatch(model)
    if declared is not None:
        if not isinstance(declared, int) or isinstance(declared, bool) or declared < 1:
            raise PackContractError(
                where, f"declares the microbatch {declared!r}, not a number of samples from 1 on"
            )
        return
    inputs = [pair for pair in named_leaves(model.inputs) if has_dimensions(pair[1])]
    if not inputs:
        raise PackContractError(
            where,
            "has no input with a dimension, so its microbatch is unknown: give a tensor whose first"
            " dimension is the microbatch, or declare it with StagedModel(..., microbatch=N)",
        )
    first_name = inputs[0][0]
    targets = [(str(index), target) for index, target in enumerate(model.targets)]
    for what, tensors in (("input", inputs), ("target", targets)):
        for name, tensor in tensors:
            _check_first_dimension(model, f"its {what} {name}", tensor, first_name, where)


def _check_first_dimension(
    model: BenchmarkModel, what: str, tensor: Any, first_name: str, where: str
) -> None:
    shape = [int(size) for size in tensor.shape]
    if not shape or shape[0] < 1:
        raise PackContractError(
            where,
            f"{what} has shape {shape}: the first dimension must be the microbatch, 1 or more;"
            f" {_DECLARE}",
        )
    if shape[0] != microbatch_of(model):
        raise PackContractError(
            where,
            f"{what} has {shape[0]} samples where input {first_name} has {microbatch_of(model)}:"
            f" the first dimension of all must be the microbatch; {_DECLARE}",
        )


def _check_accuracy(model: BenchmarkModel, where: str) -> None:
    formats = {**{one.value.lower(): one.value for one in DataFormat}, **_OTHER_SPELLINGS}
    for name in model.pcc if isinstance(model, DeclaresAccuracy) else ():
        # any other may be a format that a backend declares
        if not isinstance(name, str) or formats.get(name.lower(), name) != name:
            known = ", ".join(DataFormat)
            raise PackContractError(
                where, f"declares pcc for {name!r}, which is no data format: {known}"
            )


def _check_origin(model: BenchmarkModel, where: str) -> None:
    origin: object = model.origin if isinstance(model, DeclaresOrigin) else {}
    pairs = origin.items() if isinstance(origin, Mapping) else [(None, origin)]
    if not all(isinstance(name, str) and isinstance(text, str) for name, text in pairs):
        raise PackContractError(where, f"its origin is {origin!r}, not a dict of texts")


def _describe(value: Any) -> str:
    if value is None:
        return "None"
    name = type(value).__name__
    article = "an" if name[0] in "aeiouAEIOU" else "a"
    count = f" of {len(value)}" if isinstance(value, (tuple, list)) else ""
    return f"{article} {name}{count}"
