"""Trying to export a model: the side of the child, which builds it with its values."""

from __future__ import annotations

import dataclasses
import json
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any, Final

from ttbench_core.errors import UnsupportedOptionError, one_line
from ttbench_core.models.building import build_model, choose_config, keywords_of
from ttbench_core.models.source import find_source
from ttbench_core.request.formats import DataFormat
from ttbench_core.request.options import RunOptions

__all__ = ["EXPORT", "export_facts"]

#: The group of a request to export a model; its fields are `options`, as JSON, and `file`.
EXPORT: Final = "export"

#: Keywords of a builder about the engine, where there is none.
_FACTS: Final[Mapping[str, object]] = {
    "data_type": DataFormat.FP32,
    "math_fidelity": None,
    "arch": None,
    "devtype": "cpu",
}


def export_facts(fields: Mapping[str, str]) -> Iterator[Mapping[str, Any]]:
    """Yield `exports`, and either `reason` or `operators`, `sha256` and `export_s`.

    Args:
        fields: `options`, those of `RunOptions` as JSON; `file`, where the program is kept, if not
            empty.
    """
    from ttbench_core.models.exported.exporting import export_stage
    from ttbench_core.models.exported.saving import save_program
    from ttbench_core.models.reference.seeding import seeded

    options = RunOptions(**json.loads(fields["options"]))
    source = find_source(options.model)
    config = choose_config(source.builder, options.config, source.where)
    if options.generative is None and "generative" in keywords_of(source.builder, source.where):
        # one forward pass is what engines that compile a graph run
        options = dataclasses.replace(options, generative=False)
    yield {"step": "building it"}
    with seeded(options.seed):
        chosen = dataclasses.replace(options, config=config)
        model = build_model(source.builder, chosen, _FACTS, source.where)
    yield {"step": "exporting it"}
    try:
        stage = export_stage(model)
    except UnsupportedOptionError as error:
        yield {
            "exports": False,
            "reason": one_line(error.__cause__) if error.__cause__ else str(error),
        }
        return
    if fields["file"]:
        yield {"step": f"writing {fields['file']}"}
        save_program(stage, Path(fields["file"]))
    yield {
        "exports": True,
        "operators": stage.operators,
        "sha256": stage.sha256,
        "export_s": stage.export_s,
    }
