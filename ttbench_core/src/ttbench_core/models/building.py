"""Calling a builder: its keywords, the configuration that runs, and the model it returns."""

from __future__ import annotations

import inspect
from collections.abc import Mapping

from ttbench_core.errors import (
    PackContractError,
    UnknownNameError,
    UnsupportedOptionError,
    suggestion,
)
from ttbench_core.model import BenchmarkModel, Builder
from ttbench_core.models.contract import read_model
from ttbench_core.models.counting import microbatch_of, new_tokens_of
from ttbench_core.models.keywords import FLAG_OF_OPTION, KEYWORDS
from ttbench_core.models.model_options import read_model_options
from ttbench_core.request.options import RunOptions

__all__ = ["build_model", "choose_config", "flags_of", "keywords_of"]

#: Values of required keywords where nothing was asked for: 0 is the default in the original.
_NOT_REQUESTED = {"microbatch": 0}
_VARIADIC = (inspect.Parameter.VAR_POSITIONAL, inspect.Parameter.VAR_KEYWORD)


def choose_config(builder: Builder, requested: str | None, where: str) -> str | None:
    """Give the configuration to run: the requested one, or the builder's default.

    Raises `UnknownNameError` for one that the builder does not declare.
    """
    if requested is None:
        return builder.default_config
    if builder.configs and requested not in builder.configs:
        known = ", ".join(builder.configs)
        raise UnknownNameError(
            f"{where} has no configuration {requested!r}: one of {known}"
            f"{suggestion(requested, builder.configs)}"
        )
    if not builder.configs and "config" not in _accepted_keywords(builder, where):
        raise UnsupportedOptionError(f"{where} has no configurations: leave out -c {requested}")
    return requested


def keywords_of(builder: Builder, where: str) -> frozenset[str]:
    """Give the `KEYWORDS` that the builder takes."""
    return frozenset(_accepted_keywords(builder, where))


def flags_of(builder: Builder, where: str) -> tuple[str, ...]:
    """Give the flags of the options that the builder takes."""
    accepted = keywords_of(builder, where)
    return tuple(flag for name, flag in FLAG_OF_OPTION.items() if name in accepted)


def build_model(
    builder: Builder, options: RunOptions, facts: Mapping[str, object], where: str
) -> BenchmarkModel:
    """Call a builder and check what it returns.

    Args:
        builder: the pack's builder.
        options: of the run; `config` is already chosen.
        facts: values of `data_type`, `math_fidelity`, `arch` and `devtype` in the run.
        where: pack and builder, for messages.

    Raises `PackContractError` when what it returns breaks the contract,
    `UnsupportedOptionError` when the builder cannot honour an option, `OptionError` for a value
    that an option of the model cannot have. What
    the builder itself raises passes through.
    """
    own = read_model_options(builder, options.model_options, where)
    returned = builder(**_arguments(builder, options, facts, where), **own)
    model = read_model(returned, where)
    if options.microbatch and microbatch_of(model) != options.microbatch:
        raise PackContractError(
            where,
            f"was asked for microbatch {options.microbatch} and made {microbatch_of(model)};"
            " the first dimension of every tensor must be the microbatch, or the model declare it:"
            " StagedModel(..., microbatch=N)",
        )
    if options.generative and new_tokens_of(model) is None:
        raise UnsupportedOptionError(f"{where} does not generate tokens: leave out --generative")
    if options.training and model.stages.loss is None:
        raise PackContractError(
            where,
            "does not train, leave out -t; its author can let it, by a StagedModel with"
            " stages.loss and targets",
        )
    return model


def _accepted_keywords(builder: Builder, where: str) -> dict[str, inspect.Parameter]:
    parameters = inspect.signature(builder.function).parameters.values()
    for parameter in parameters:
        positional = parameter.kind is inspect.Parameter.POSITIONAL_ONLY
        required = parameter.default is inspect.Parameter.empty
        unknown = parameter.name not in KEYWORDS
        variadic = parameter.kind in _VARIADIC
        if required and not variadic and (unknown or positional):
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
    accepted = _accepted_keywords(builder, where)
    requested = {
        "config": options.config,
        "microbatch": options.microbatch,
        "force_num_layers": options.layers,
        "seq_len": options.seq_len,
        "image_size": options.image_size,
        "generative": options.generative,
        "new_tokens": options.new_tokens,
        "weights": options.weights,
    }
    for name, flag in FLAG_OF_OPTION.items():
        if requested[name] is not None and name not in accepted:
            what = f"{builder.__name__} of {where.partition(':')[0]}"
            raise UnsupportedOptionError(
                f"{what} does not support {flag}: leave it out (its builder takes no {name!r})"
            )
    values: dict[str, object] = {"training": options.training, **facts}
    for name, value in requested.items():
        if value is not None:
            values[name] = value
        elif name in accepted and accepted[name].default is inspect.Parameter.empty:
            values[name] = _NOT_REQUESTED.get(name)
    return {name: values[name] for name in accepted if name in values}
