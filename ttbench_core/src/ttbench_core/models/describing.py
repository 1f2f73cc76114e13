"""What a model is, without running it: built on the device `meta`, which holds no numbers."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field, replace
from typing import Any, Final

from ttbench_core.errors import RequestError, one_line
from ttbench_core.model import BenchmarkModel
from ttbench_core.models.building import build_model, choose_config, options_of
from ttbench_core.models.counting import (
    parameter_count,
    prompt_tokens_of,
    tensor_record,
    tokens_of,
    unit_of,
)
from ttbench_core.models.source import Source, find_source
from ttbench_core.request.options import DataFormat, RunOptions

__all__ = ["Description", "describe"]


#: What a builder is told of the engine, where there is none.
_FACTS: Final[Mapping[str, object]] = {
    "data_type": DataFormat.FP32,
    "math_fidelity": None,
    "arch": None,
    "devtype": "cpu",
}
#: Parameters of a model up to which it is run once where nothing else counts its FLOPs.
_MOST_FOR_A_RUN: Final = 10**9


@dataclass(frozen=True)
class Description:
    """What is known of a model before it runs."""

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
    #: Whether it has a loss and targets.
    trains: bool
    #: Flags of the options that it takes.
    options: tuple[str, ...]
    #: New tokens and tokens of a prompt; None for a model that does not generate.
    new_tokens: int | None
    prompt_tokens: int | None
    notes: tuple[str, ...] = field(default=())


def describe(model: str | Callable[..., Any], **options: Any) -> Description:
    """Build a model without its numbers, and say what it is.

    Args:
        model: as for `run`.
        options: those keywords of `run` that the builder is asked with: `config`,
            `microbatch`, `layers`, `seq_len`, `image_size`, `generative`, `new_tokens`.

    Raises `RequestError` as `run` does, and for a model that cannot be built without numbers.
    """
    source = find_source(model)
    name = model if isinstance(model, str) else source.value
    asked = RunOptions(name, **options)
    settled = replace(asked, config=choose_config(source.builder, asked.config, source.where))
    built, on_meta = _built(source, settled)
    flops = _flops(built)
    notes = [] if on_meta else ["built with its numbers: it cannot be without"]
    parameters = parameter_count(built)
    if flops is None and on_meta and (parameters or 0) <= _MOST_FOR_A_RUN:
        flops = _flops(_with_numbers(source, settled))
        notes.append("its FLOPs were counted in a run: it looks at what it is given")
    return Description(
        model=name.rpartition(":")[2],
        config=settled.config,
        pack=source.pack,
        version=source.version,
        task=source.builder.task,
        parameters=parameters,
        flops_per_input=flops,
        unit=unit_of(built),
        stages=tuple(built.stages.present(training=False)),
        inputs=tuple(tensor_record(tensor) for tensor in built.inputs),
        trains=_trains(source, settled),
        options=options_of(source.builder, source.where),
        new_tokens=tokens_of(built),
        prompt_tokens=prompt_tokens_of(built),
        notes=tuple(notes),
    )


def _built(source: Source, options: RunOptions) -> tuple[BenchmarkModel, bool]:
    """Build on the device meta, else with numbers; say which it was."""
    from ttbench_core.models.reference.shapes import on_meta

    try:
        with on_meta():
            return build_model(source.builder, options, _FACTS, source.where), True
    except RequestError:
        raise
    except Exception:  # noqa: BLE001 - a builder that looks at numbers; it is built with them next
        return _with_numbers(source, options), False


def _with_numbers(source: Source, options: RunOptions) -> BenchmarkModel:
    try:
        return build_model(source.builder, options, _FACTS, source.where)
    except RequestError:
        raise
    except Exception as error:
        raise RequestError(f"{source.where} cannot be built: {one_line(error)}") from error


def _flops(model: BenchmarkModel) -> int | None:
    from ttbench_core.models.reference.flops import count_flops

    return count_flops(model, training=False).total


def _trains(source: Source, options: RunOptions) -> bool:
    asked = replace(options, training=True, generative=None, new_tokens=None)
    try:
        return _built(source, asked)[0].stages.loss is not None
    except RequestError:
        return False
