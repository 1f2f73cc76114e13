"""From a builder to a checked model: calling it and reading what it returns.

What comes back is checked at once, so that a pack's fault is reported with
pack, builder and remedy and never as an error from inside an engine.
"""

from __future__ import annotations

import inspect
from collections.abc import Mapping, Sequence
from typing import Any

from ttbench_core.errors import PackContractError, UnknownNameError, suggestion
from ttbench_core.errors import UnsupportedOptionError as Unsupported
from ttbench_core.model import BenchmarkModel, Builder, DeclaresAccuracy, StagedModel, Stages
from ttbench_core.models.counting import microbatch_of, tokens_of
from ttbench_core.request.options import DataFormat, RunOptions

__all__ = ["KEYWORDS", "build_model", "choose_config", "keywords_of", "options_of"]

#: The keywords a builder may take.
KEYWORDS = (
    "training",
    "config",
    "microbatch",
    "force_num_layers",
    "data_type",
    "math_fidelity",
    "arch",
    "devtype",
    "seq_len",
    "image_size",
    "generative",
    "new_tokens",
    "weights",
)
#: What a required keyword is given when the user did not ask: 0 is "your own" in the original.
_NOT_ASKED = {"microbatch": 0}
_VARIADIC = (inspect.Parameter.VAR_POSITIONAL, inspect.Parameter.VAR_KEYWORD)
_OPTION_OF = {
    "microbatch": "-mb/--microbatch",
    "force_num_layers": "--layers",
    "seq_len": "--seq_len",
    "image_size": "--image_size",
    "new_tokens": "--new_tokens",
    "weights": "--weights",
}
_STAGE_KEYS = {"cpu-pre": "cpu_pre", "tt": "device", "cpu-post": "cpu_post", "cpu-loss": "loss"}


def choose_config(builder: Builder, asked: str | None, where: str) -> str | None:
    """Give the configuration to run: the one asked for, or the builder's default.

    Raises `UnknownNameError` for one that the builder does not declare.
    """
    if asked is None:
        return builder.default_config
    if builder.configs and asked not in builder.configs:
        known = ", ".join(builder.configs)
        raise UnknownNameError(
            f"{where} has no configuration {asked!r}: one of {known}"
            f"{suggestion(asked, builder.configs)}"
        )
    if not builder.configs and "config" not in _accepted(builder, where):
        raise Unsupported(f"{where} has no configurations: leave out -c {asked}")
    return asked


def keywords_of(builder: Builder, where: str) -> frozenset[str]:
    """Give those of `KEYWORDS` that the builder takes."""
    return frozenset(_accepted(builder, where))


def options_of(builder: Builder, where: str) -> tuple[str, ...]:
    """Give those options of a model that the builder takes, by their flags."""
    accepted = keywords_of(builder, where)
    return tuple(option for name, option in _OPTION_OF.items() if name in accepted)


def build_model(
    builder: Builder, options: RunOptions, facts: Mapping[str, object], where: str
) -> BenchmarkModel:
    """Call a builder and check what it returns.

    Args:
        builder: the pack's builder.
        options: what was asked; `config` is already chosen.
        facts: `data_type`, `math_fidelity`, `arch` and `devtype` as they will run.
        where: pack and builder, for messages.

    Raises `PackContractError` when the return value breaks the contract,
    `UnsupportedOptionError` when the builder cannot honour an option. What
    the builder itself raises passes through.
    """
    returned = builder(**_arguments(builder, options, facts, where))
    model = _adopt(returned, where)
    _check_stages(model, where)
    _check_tensors(model, where)
    _check_accuracy(model, where)
    if options.microbatch and microbatch_of(model) != options.microbatch:
        raise PackContractError(
            where,
            f"was asked for microbatch {options.microbatch} and made {microbatch_of(model)};"
            " the first dimension of every input must be the microbatch",
        )
    if options.generative and tokens_of(model) is None:
        raise Unsupported(f"{where} does not generate tokens: leave out --generative")
    if options.training and model.stages.loss is None:
        raise PackContractError(
            where,
            "does not train, leave out -t; its author can let it, by a StagedModel with"
            " stages.loss and targets",
        )
    return model


def _check_accuracy(model: BenchmarkModel, where: str) -> None:
    formats = [one.value for one in DataFormat]
    for name in model.pcc if isinstance(model, DeclaresAccuracy) else ():
        if name not in formats:
            raise PackContractError(
                where, f"declares pcc for {name!r}, which is no data format: {', '.join(formats)}"
            )


def _accepted(builder: Builder, where: str) -> dict[str, inspect.Parameter]:
    parameters = inspect.signature(builder.function).parameters.values()
    for parameter in parameters:
        positional = parameter.kind is inspect.Parameter.POSITIONAL_ONLY
        needed = parameter.default is inspect.Parameter.empty
        foreign = parameter.name not in KEYWORDS
        variadic = parameter.kind in _VARIADIC
        if needed and not variadic and (foreign or positional):
            raise PackContractError(
                where,
                f"its parameter {parameter.name!r} is none that a builder is called with:"
                f" {', '.join(KEYWORDS)}",
            )
    accepted = {p.name: p for p in parameters if p.name in KEYWORDS}
    if any(p.kind is inspect.Parameter.VAR_KEYWORD for p in parameters):
        kind = inspect.Parameter.KEYWORD_ONLY
        optional = {name: inspect.Parameter(name, kind, default=None) for name in KEYWORDS}
        return {**optional, **accepted}
    return accepted


def _arguments(
    builder: Builder, options: RunOptions, facts: Mapping[str, object], where: str
) -> dict[str, object]:
    accepted = _accepted(builder, where)
    asked = {
        "config": options.config,
        "microbatch": options.microbatch,
        "force_num_layers": options.layers,
        "seq_len": options.seq_len,
        "image_size": options.image_size,
        "generative": options.generative,
        "new_tokens": options.new_tokens,
        "weights": options.weights,
    }
    for name, option in _OPTION_OF.items():
        if asked[name] is not None and name not in accepted:
            what = f"{builder.function.__name__} of {where.partition(':')[0]}"
            raise Unsupported(
                f"{what} does not support {option}: leave it out (its builder takes no {name!r})"
            )
    values: dict[str, object] = {"training": options.training, **facts}
    for name, value in asked.items():
        if value is not None:
            values[name] = value
        elif name in accepted and accepted[name].default is inspect.Parameter.empty:
            values[name] = _NOT_ASKED.get(name)
    return {name: values[name] for name in accepted if name in values}


def _adopt(returned: Any, where: str) -> BenchmarkModel:
    if isinstance(returned, BenchmarkModel):
        return returned
    if isinstance(returned, tuple) and len(returned) == 2:
        return StagedModel(_stages_of_list(returned[0], where), _listed(returned[1], where))
    if isinstance(returned, tuple) and len(returned) == 4:
        duts, inputs, targets, other = returned
        if other is not None and not isinstance(other, Mapping):
            raise PackContractError(where, f"its fourth value is {_shape(other)}, not a dict")
        return StagedModel(
            _stages_of_dict(duts, where),
            _listed(inputs, where),
            _listed(targets, where, "targets"),
            generation=dict(other or {}),
        )
    raise PackContractError(
        where,
        f"returned {_shape(returned)}; return ([cpu_pre, device, cpu_post], [tensor, ...]),"
        " the original's (dict, inputs, targets, other), or a BenchmarkModel",
    )


def _stages_of_list(modules: Any, where: str) -> Stages:
    if not isinstance(modules, (list, tuple)):
        raise PackContractError(
            where, f"its first value is {_shape(modules)}, not a list of modules"
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


def _stages_of_dict(duts: Any, where: str) -> Stages:
    keys = ", ".join(repr(key) for key in _STAGE_KEYS)
    if not isinstance(duts, Mapping) or "tt" not in duts or set(duts) - set(_STAGE_KEYS):
        raise PackContractError(
            where, f"its first value is {_shape(duts)}, not a dict with 'tt' and keys of {keys}"
        )
    return Stages(**{_STAGE_KEYS[key]: module for key, module in duts.items()})


def _listed(tensors: Any, where: str, what: str = "inputs") -> Sequence[Any]:
    if tensors is None and what == "targets":
        return ()
    if not isinstance(tensors, (list, tuple)):
        raise PackContractError(where, f"its {what} are {_shape(tensors)}, not a list of tensors")
    return tuple(tensors)


def _check_stages(model: BenchmarkModel, where: str) -> None:
    if not isinstance(model.stages, Stages):
        raise PackContractError(where, f"its stages are {_shape(model.stages)}, not Stages")
    if model.stages.device is None:
        raise PackContractError(where, "has no device stage: there is nothing to benchmark")
    for name, module in model.stages.present().items():
        if isinstance(module, (list, tuple)):
            continue
        if not callable(module) or isinstance(module, type):
            raise PackContractError(where, f"its stage {name} is {_shape(module)}, not a module")


def _check_tensors(model: BenchmarkModel, where: str) -> None:
    for what, tensors in (("inputs", model.inputs), ("targets", model.targets)):
        _listed(tensors, where, what)
    if not model.inputs:
        raise PackContractError(where, "returned no inputs: give at least one tensor")
    for what, tensors in (("input", model.inputs), ("target", model.targets)):
        for index, tensor in enumerate(tensors):
            if not hasattr(tensor, "shape") or not hasattr(tensor, "dtype"):
                raise PackContractError(
                    where, f"its {what} {index} is {_shape(tensor)}, not a tensor"
                )
            if len(tensor.shape) == 0 or int(tensor.shape[0]) < 1:
                raise PackContractError(
                    where,
                    f"its {what} {index} has shape {list(tensor.shape)}: the first dimension"
                    " must be the microbatch, 1 or more",
                )
            if int(tensor.shape[0]) != microbatch_of(model):
                raise PackContractError(
                    where,
                    f"its {what} {index} has {int(tensor.shape[0])} samples where input 0 has"
                    f" {microbatch_of(model)}: all must have one microbatch",
                )


def _shape(value: Any) -> str:
    if value is None:
        return "None"
    name = type(value).__name__
    article = "an" if name[0] in "aeiouAEIOU" else "a"
    count = f" of {len(value)}" if isinstance(value, (tuple, list)) else ""
    return f"{article} {name}{count}"
