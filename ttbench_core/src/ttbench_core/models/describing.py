"""Describing a model without running it: built on the device `meta`, which has no values."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field, replace
from typing import Any, Final

from ttbench_core.errors import RequestError, UnknownNameError, one_line
from ttbench_core.model import BenchmarkModel, DeclaresOrigin
from ttbench_core.models.building import build_model, choose_config, flags_of
from ttbench_core.models.counting import (
    new_tokens_of,
    parameter_count,
    prompt_tokens_of,
    unit_of,
)
from ttbench_core.models.inputs import input_records
from ttbench_core.models.loaders.builders import loader_facts
from ttbench_core.models.loaders.finding import is_loader
from ttbench_core.models.model_options import model_options_of
from ttbench_core.models.source import Source, find_source
from ttbench_core.request.declared_options import DeclaredOption, option_texts, plain_value
from ttbench_core.request.formats import DataFormat
from ttbench_core.request.options import RunOptions

__all__ = ["Description", "describe"]


#: Keywords of a builder about the engine, where there is none.
_FACTS: Final[Mapping[str, object]] = {
    "data_type": DataFormat.FP32,
    "math_fidelity": None,
    "arch": None,
    "devtype": "cpu",
}
#: Maximum parameters of a model that is run once where its FLOPs cannot be counted otherwise.
_MAX_PARAMETERS_OF_A_RUN: Final = 10**9


@dataclass(frozen=True)
class Description:
    """A model as it is known before it runs."""

    model: str
    config: str | None
    pack: str | None
    version: str | None
    task: str | None
    parameters: int | None
    #: Of one input, forward alone, or all tokens of a generator; None where they cannot be counted.
    flops_per_input: int | None
    unit: str
    stages: tuple[str, ...]
    inputs: tuple[Mapping[str, Any], ...]
    #: Whether it can be trained.
    trains: bool
    #: Flags of the options that it takes.
    options: tuple[str, ...]
    #: Options of its own, `-M NAME=VALUE`: `name`, `type`, `default` and `choices` of each.
    model_options: tuple[Mapping[str, Any], ...]
    #: New tokens and tokens of a prompt; None for a model that does not generate.
    new_tokens: int | None
    prompt_tokens: int | None
    notes: tuple[str, ...] = field(default=())
    #: The configurations that it declares, and the one that runs without `-c`.
    configs: tuple[str, ...] = ()
    default_config: str | None = None
    #: What it says of where it is from; see `DeclaresOrigin`.
    origin: Mapping[str, str] = field(default_factory=dict)


def describe(model: str | Callable[..., Any], **options: Any) -> Description:
    """Build a model without values, and describe it.

    Args:
        model: as for `run`.
        options: those keywords of `run` that a builder takes: `config`, `microbatch`,
            `layers`, `seq_len`, `image_size`, `generative`, `new_tokens`, `model_options`.

    A loader that cannot load its model here is described without it, and a note says why.

    Raises `RequestError` as `run` does, and for a model that cannot be built at all.
    """
    source = find_source(model)
    name = model if isinstance(model, str) else source.value
    requested = RunOptions(name, **options)
    config = choose_config(source.builder, requested.config, source.where)
    chosen = replace(requested, config=config)
    try:
        built, is_on_meta = _build(source, chosen)
    except UnknownNameError:
        raise
    except RequestError as error:
        if not is_loader(name):
            raise
        return _unbuilt(name, source, config, error)
    flops = _flops(built)
    notes = list(source.notes)
    if not is_on_meta:
        notes.append("built with its numbers: it cannot be without")
    parameters = parameter_count(built)
    if flops is None and is_on_meta and (parameters or 0) <= _MAX_PARAMETERS_OF_A_RUN:
        flops = _flops(_build_with_values(source, chosen))
        notes.append("its FLOPs were counted in a run: it looks at what it is given")
    origin = dict(built.origin) if isinstance(built, DeclaresOrigin) else {}
    return Description(
        model=name.rpartition(":")[2],
        config=config or origin.get("variant"),
        pack=source.pack,
        version=source.version,
        task=source.builder.task,
        parameters=parameters,
        flops_per_input=flops,
        unit=unit_of(built),
        stages=tuple(built.stages.present(training=False)),
        inputs=tuple(input_records(built.inputs)),
        trains=_trains(source, chosen),
        options=flags_of(source.builder, source.where),
        model_options=tuple(map(_option_facts, model_options_of(source.builder))),
        new_tokens=new_tokens_of(built),
        prompt_tokens=prompt_tokens_of(built),
        notes=tuple(notes),
        configs=source.builder.configs,
        default_config=source.builder.default_config,
        origin=origin,
    )


def _unbuilt(name: str, source: Source, config: str | None, error: RequestError) -> Description:
    """Describe a loader by what it says of itself."""
    origin = loader_facts(name, config)
    return Description(
        model=name.rpartition(":")[2],
        config=config or origin.get("variant"),
        pack=None,
        version=None,
        task=source.builder.task,
        parameters=None,
        flops_per_input=None,
        unit="sample",
        stages=(),
        inputs=(),
        trains=False,
        options=flags_of(source.builder, source.where),
        model_options=tuple(map(_option_facts, model_options_of(source.builder))),
        new_tokens=None,
        prompt_tokens=None,
        notes=(f"it cannot be built here: {error}",),
        configs=source.builder.configs,
        default_config=source.builder.default_config,
        origin=origin,
    )


def _build(source: Source, options: RunOptions) -> tuple[BenchmarkModel, bool]:
    """Build on the device meta, else with values; returns whether it is on meta too."""
    from ttbench_core.models.reference.shapes import on_meta

    try:
        with on_meta():
            return build_model(source.builder, options, _FACTS, source.where), True
    except RequestError:
        raise
    except Exception:  # noqa: BLE001 - a builder that reads values; it is built with them next
        return _build_with_values(source, options), False


def _build_with_values(source: Source, options: RunOptions) -> BenchmarkModel:
    try:
        return build_model(source.builder, options, _FACTS, source.where)
    except RequestError:
        raise
    except Exception as error:
        raise RequestError(f"{source.where} cannot be built: {one_line(error)}") from error


def _option_facts(option: DeclaredOption) -> Mapping[str, Any]:
    return {
        "name": option.name,
        "type": option.kind.__name__,
        "default": plain_value(option.default),
        "choices": option_texts(option.choices),
    }


def _flops(model: BenchmarkModel) -> int | None:
    from ttbench_core.models.reference.flops import count_flops

    return count_flops(model, training=False).total


def _trains(source: Source, options: RunOptions) -> bool:
    training = replace(options, training=True, generative=None, new_tokens=None)
    try:
        return _build(source, training)[0].stages.loss is not None
    except RequestError:
        return False
