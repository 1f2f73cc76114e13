"""Calling a builder: its keywords, the configuration that runs, and the model it returns."""

from __future__ import annotations

import inspect
from collections.abc import Mapping

from ttbench_core.errors import PackContractError, UnknownNameError, suggestion
from ttbench_core.errors import UnsupportedOptionError as Unsupported
from ttbench_core.model import BenchmarkModel, Builder
from ttbench_core.models.contract import read_model
from ttbench_core.models.counting import microbatch_of, tokens_of
from ttbench_core.request.options import RunOptions

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

    Raises `PackContractError` when what it returns breaks the contract,
    `UnsupportedOptionError` when the builder cannot honour an option. What
    the builder itself raises passes through.
    """
    returned = builder(**_arguments(builder, options, facts, where))
    model = read_model(returned, where)
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
