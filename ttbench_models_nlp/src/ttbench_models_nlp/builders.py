"""Builders made of a family's table: one of encoders, one of what generates; knows no torch."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, TypeAlias

from ttbench_core import BenchmarkModel, Builder, benchmark_model
from ttbench_models_nlp.tables import Asked, Family

__all__ = ["Construct", "encoder_builder", "generator_builder"]

#: Builds what was asked.
Construct: TypeAlias = Callable[[Asked], BenchmarkModel]


def encoder_builder(family: Family, construct: Construct) -> Builder:
    """Give the builder of a family that runs once an input.

    Args:
        family: its table.
        construct: builds one of its configurations.
    """

    def build(
        training: bool,
        config: str,
        *,
        microbatch: int | None = None,
        force_num_layers: int | None = None,
        seq_len: int | None = None,
        weights: str | None = None,
    ) -> BenchmarkModel:
        return construct(
            Asked(
                family,
                config,
                training=training,
                microbatch=microbatch,
                layers=force_num_layers,
                seq_len=seq_len,
                weights=weights,
            )
        )

    return _declared(family, build)


def generator_builder(family: Family, construct: Construct) -> Builder:
    """Give the builder of a family that generates, unless another thing is asked.

    Args:
        family: its table.
        construct: builds one of its configurations.
    """

    def build(
        training: bool,
        config: str,
        *,
        microbatch: int | None = None,
        force_num_layers: int | None = None,
        seq_len: int | None = None,
        generative: bool | None = None,
        new_tokens: int | None = None,
        weights: str | None = None,
        devtype: str | None = None,
    ) -> BenchmarkModel:
        return construct(
            Asked(
                family,
                config,
                training=training,
                microbatch=microbatch,
                layers=force_num_layers,
                seq_len=seq_len,
                generative=generative,
                new_tokens=new_tokens,
                weights=weights,
                devtype=devtype,
            )
        )

    return _declared(family, build)


def _declared(family: Family, build: Callable[..., Any]) -> Builder:
    build.__name__ = build.__qualname__ = family.name
    build.__doc__ = family.about
    return benchmark_model(configs=family.declared, task=family.task)(build)
