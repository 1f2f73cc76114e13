"""What a child is asked beside measuring, and where the model of its request comes from."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from pathlib import Path
from typing import Any

from ttbench_core.backends.helpers import cpu_device, seeded
from ttbench_core.errors import RequestError, UnknownNameError
from ttbench_core.models.building import build_model, choose_config, keywords_of
from ttbench_core.models.counting import parameter_count, samples_per_input_of
from ttbench_core.models.exported.handed_over import handed_over_source
from ttbench_core.models.loaders.builders import can_import
from ttbench_core.models.loaders.finding import is_loader
from ttbench_core.models.source import Source, find_source
from ttbench_core.request.formats import DataFormat
from ttbench_core.request.options import RunOptions
from ttbench_core.running.processes.builder_transfer import unpack_builder
from ttbench_core.running.progress import Observer
from ttbench_core.running.record_values import model_identity

__all__ = ["export_model", "has_model", "source_of"]


def has_model(name: str) -> bool:
    """Return whether a model is installed here; one that cannot be loaded is, and is reported.

    Of a loader the file may be here and the libraries that it imports may not: then it is not.
    """
    if is_loader(name):
        return can_import(name)
    try:
        find_source(name)
    except UnknownNameError:
        return False
    except RequestError:
        return True
    return True


def source_of(request: Mapping[str, Any]) -> Source:
    """Find the model of a request: by name, as the parent packed it, or as it was handed over.

    Raises what `find_source` and `handed_over_source` raise.
    """
    if request["handed_over"] is not None:
        return handed_over_source(Path(request["handed_over"]))
    if request["builder"] is None:
        return find_source(request["options"]["model"])
    return find_source(unpack_builder(request["builder"]))


def export_model(options: RunOptions, source: Source, folder: Path, observer: Observer) -> None:
    """Build a model as a run on the CPU does, and export it into a folder.

    Args:
        options: of the run.
        source: of the model.
        folder: a private one.
        observer: is shown the phases.

    Raises `RequestError` for a model that cannot be handed over; what a builder raises passes.
    """
    options = replace(options, config=choose_config(source.builder, options.config, source.where))
    device = cpu_device()
    facts: dict[str, object] = {
        "data_type": options.dataformat or DataFormat.FP32,
        "math_fidelity": options.math_fidelity,
        "arch": device.arch,
        "devtype": device.kind,
    }
    with seeded(options.seed, (device,)):
        observer.phase("build")
        model = build_model(source.builder, options, facts, source.where)
        observer.phase("export")
        from ttbench_core.models.exported.handing_over import write_handover

        identity = model_identity(
            source, options, model, parameter_count(model), samples_per_input_of(model)
        )
        keywords = sorted(keywords_of(source.builder, source.where))
        write_handover(model, identity, keywords, folder)
