"""Running one model on several engines, formats and levels, each in a process of its own."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from dataclasses import replace

from ttbench_core.backends.loading import InstalledBackend, installed_backends, load_backend
from ttbench_core.backends.planning import check_request
from ttbench_core.errors import RequestError
from ttbench_core.plugins.registry import name_to_ask_for
from ttbench_core.record.run_errors import BenchmarkError
from ttbench_core.request.formats import DataFormat
from ttbench_core.results.engine_row import EngineCell, EngineRow
from ttbench_core.running.request import RunRequest
from ttbench_core.running.runner import run_request
from ttbench_core.sinks.targets import Target

__all__ = ["planned_cells", "run_cells"]

#: Formats that are compared where none is asked for; an engine's own ones are added.
_COMPARED: tuple[str, ...] = (DataFormat.FP32.value, DataFormat.FP16_B.value)


def planned_cells(
    backends: Sequence[str] = (), formats: Sequence[str] = (), levels: Sequence[int] = ()
) -> list[EngineCell]:
    """Give the cells of a comparison, those of one engine together.

    Args:
        backends: names; all that are installed, by their rank, if none is given.
        formats: of `-df`; Fp32, Fp16_b and the engine's own where it has them if none is given.
        levels: of `-opt`, for engines that have more than one; what an engine says is worth
            comparing if none is given.

    Raises `UnknownNameError`, `PackLoadError` for a name that cannot be loaded.
    """
    if backends:
        chosen = [load_backend(name) for name in backends]
    else:
        chosen = sorted(installed_backends(), key=lambda one: -one.capabilities.rank)
    return [
        EngineCell(name_to_ask_for(one.plugin), name, level)
        for one in chosen
        for name in formats or _formats_of(one)
        for level in _levels_of(one, levels)
    ]


def run_cells(
    request: RunRequest,
    cells: Sequence[EngineCell],
    targets: Sequence[Target],
    *,
    progress: bool | None = None,
    on_cell: Callable[[int, EngineCell], None] = lambda *_: None,
) -> Iterator[EngineRow]:
    """Yield a row for each cell, as it has been measured.

    What an engine refuses before anything ran, such as a format that it does not have, is a row
    with the reason. Where its process refuses, the engine is missing here or cannot take the
    model: its other cells are not tried.

    Args:
        request: what all cells have in common.
        cells: see `planned_cells`.
        targets: checked targets that each record is appended to.
        progress: as for `run`.
        on_cell: called with the number of a cell, from 0, before it runs.

    Raises `ResultNotStoredError`, and `RunInterrupted` with the record of the cell.
    """
    refused: set[str] = set()
    for number, cell in enumerate(cells):
        if cell.backend in refused:
            continue
        on_cell(number, cell)
        asked = _with_cell(request, cell)
        try:
            check_request(asked.options, load_backend(cell.backend).backend)
        except RequestError as refusal:
            yield EngineRow(cell, "refused", str(refusal))
            continue
        try:
            result = run_request(asked, targets, progress=progress, own_process=True)
        except RequestError as refusal:
            refused.add(cell.backend)
            yield EngineRow(cell, "refused", str(refusal))
        except BenchmarkError as failed:
            if failed.storage_error is not None:
                raise failed.storage_error from failed
            yield EngineRow(cell, "failed", f"{failed.phase}: {failed.reason}", failed.result)
        else:
            yield EngineRow(cell, "ok", None, result)


def _with_cell(request: RunRequest, cell: EngineCell) -> RunRequest:
    options = replace(
        request.options,
        backend=cell.backend,
        dataformat=_format(cell.data_format),
        backend_opt_level=cell.opt_level,
    )
    return replace(request, options=options)


def _format(name: str) -> DataFormat | str:
    return next((one for one in DataFormat if one.value == name), name)


def _formats_of(backend: InstalledBackend) -> list[str]:
    has = {one.value for one in backend.capabilities.data_formats}
    seeds = {one.value for one in DataFormat}
    found = [name for name in _COMPARED if name in has] + sorted(has - seeds)
    return found or [backend.capabilities.default_format.value]


def _levels_of(backend: InstalledBackend, levels: Sequence[int]) -> Sequence[int | None]:
    has = backend.capabilities.opt_levels
    if len(has) == 1:
        return (None,)
    return levels or backend.capabilities.compared_opt_levels or (None,)
