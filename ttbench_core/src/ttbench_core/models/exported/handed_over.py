"""A model that another interpreter has exported: its source here; torch loads it when it is built.

It stands for the builder of a pack that this interpreter does not have.
"""

from __future__ import annotations

import inspect
from pathlib import Path
from typing import Any

from ttbench_core.errors import UnsupportedOptionError
from ttbench_core.model import BenchmarkModel, Builder
from ttbench_core.models.exported.handover_files import read_facts
from ttbench_core.models.source import Source
from ttbench_core.request.formats import DataFormat

__all__ = ["handed_over_source"]


def handed_over_source(folder: Path) -> Source:
    """Give the source of the model in a folder.

    Raises `SessionError` for a folder that is not private, or holds something else.
    """
    facts = read_facts(folder)
    identity = facts["identity"]

    def build(**keywords: Any) -> BenchmarkModel:
        _refuse_format(keywords.get("data_type"))
        from ttbench_core.models.exported.loading import load_model

        return load_model(folder, facts)

    kind = inspect.Parameter.KEYWORD_ONLY
    # ttbench calls a builder with what its signature takes, and records the same
    taken = dict.fromkeys([*map(str, facts["keywords"]), "data_type"])
    parameters = [inspect.Parameter(name, kind, default=None) for name in taken]

    vars(build)["__signature__"] = inspect.Signature(parameters)
    config = identity["config"]
    builder = Builder(
        build,
        () if config is None else (config,),
        config,
        task=identity["task"],
        name=str(identity["name"]),
    )
    return Source(
        builder, identity["pack"], identity["pack_version"], identity["builder"], identity=identity
    )


def _refuse_format(data_format: Any) -> None:
    if getattr(data_format, "is_block_float", False):
        raise UnsupportedOptionError(
            f"a model that was handed over is a graph in {DataFormat.FP32}, whose weights cannot be"
            f" quantised to {data_format}: install its pack in this interpreter"
        )
