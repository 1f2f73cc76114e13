"""Running one model on several engines, formats and levels, each in a process of its own."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from dataclasses import replace

from ttbench_core.backends.loading import (
    InstalledBackend,
    compiles_only,
    installed_backends,
    load_backend,
)
from ttbench_core.backends.planning import check_request
from ttbench_core.errors import (
    OptionError,
    PackContractError,
    PackLoadError,
    RequestError,
    UnknownNameError,
)
from ttbench_core.plugins.registry import BACKENDS, discover, name_to_ask_for
from ttbench_core.record.run_errors import BenchmarkError
from ttbench_core.request.formats import DataFormat
from ttbench_core.request.settings_file import find_interpreter, read_interpreters
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
        backends: names; all that are installed, by their rank, if none is given, and those that
            the settings say live in another interpreter. One that cannot be loaded has a cell,
            which is refused.
        formats: of `-df`; Fp32, Fp16_b and the engine's own where it has them if none is given.
        levels: of `-opt`, for engines that have more than one; what an engine says is worth
            comparing if none is given.

    Raises `UnknownNameError` and `SettingsError`.
    """
    elsewhere = list(dict.fromkeys(name for one in read_interpreters() for name in one.backends))
    if backends:
        chosen = [_chosen(name, elsewhere) for name in backends]
    else:
        installed = sorted(installed_backends(), key=lambda one: -one.capabilities.rank)
        names = {one.plugin.name for one in installed}
        here = [one for one in installed if one.capabilities.measures]
        others = [*elsewhere, *(one.name for one in discover(BACKENDS))]
        chosen = [*here, *dict.fromkeys(name for name in others if name not in names)]
    return [
        EngineCell(name, data_format, level)
        for one in chosen
        for name, has_formats, has_levels in [_compared_of(one)]
        for data_format in formats or has_formats
        for level in _levels(has_levels, levels)
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

    What an engine refuses, before its process starts or in it, is a row with the reason. Where
    it has refused two cells, one after the other and for the same reason, and measured none,
    its further cells are rows with that reason, and are not tried.

    Args:
        request: what all cells have in common.
        cells: see `planned_cells`.
        targets: checked targets that each record is appended to.
        progress: as for `run`.
        on_cell: called with the number of a cell, from 0, before it runs.

    Raises `ResultNotStoredError`, and `RunInterrupted` with the record of the cell.
    """
    #: Of each engine: its last refusals, or None once it has run something.
    refusals: dict[str, list[str] | None] = {}
    for number, cell in enumerate(cells):
        on_cell(number, cell)
        reasons = refusals.setdefault(cell.backend, [])
        if reasons and len(reasons) > 1 and reasons[-1] == reasons[-2]:
            yield EngineRow(cell, "refused", reasons[-1])
            continue
        row = _measured(request, cell, targets, progress)
        if row.status != "refused":
            refusals[cell.backend] = None
        elif reasons is not None:
            reasons.append(str(row.reason))
        yield row


def _measured(
    request: RunRequest, cell: EngineCell, targets: Sequence[Target], progress: bool | None
) -> EngineRow:
    try:
        asked = _with_cell(request, cell)
        if compiles_only(cell.backend):
            raise OptionError(f"backend {cell.backend!r} compiles only: nothing of it is compared")
        if asked.interpreter is None:
            check_request(asked.options, load_backend(cell.backend).backend)
        result = run_request(asked, targets, progress=progress, own_process=True)
    except RequestError as refusal:
        return EngineRow(cell, "refused", str(refusal))
    except BenchmarkError as failed:
        if failed.storage_error is not None:
            raise failed.storage_error from failed
        return EngineRow(cell, "failed", f"{failed.phase}: {failed.reason}", failed.result)
    return EngineRow(cell, "ok", None, result)


def _with_cell(request: RunRequest, cell: EngineCell) -> RunRequest:
    options = replace(
        request.options,
        backend=cell.backend,
        dataformat=_format(cell.data_format),
        backend_opt_level=cell.opt_level,
    )
    interpreter = find_interpreter(options.python, options.backend)
    return replace(request, options=options, interpreter=interpreter)


def _format(name: str) -> DataFormat | str:
    return next((one for one in DataFormat if one.value == name), name)


def _chosen(name: str, elsewhere: Sequence[str]) -> InstalledBackend | str:
    """Give a backend, or the name alone of one that lives elsewhere or cannot be loaded."""
    try:
        return load_backend(name)
    except UnknownNameError:
        if name in elsewhere:
            return name
        raise
    except (PackLoadError, PackContractError):
        return name


def _compared_of(one: InstalledBackend | str) -> tuple[str, Sequence[str], Sequence[int] | None]:
    """Give the name of an engine, its formats, and its levels (None where it has one alone)."""
    if isinstance(one, str):
        # what it declares is known elsewhere, or nowhere
        return one, _COMPARED, None
    has_levels = len(one.capabilities.opt_levels) > 1
    levels = one.capabilities.compared_opt_levels if has_levels else None
    return name_to_ask_for(one.plugin), _formats_of(one), levels


def _formats_of(backend: InstalledBackend) -> list[str]:
    has = {one.value for one in backend.capabilities.data_formats}
    seeds = {one.value for one in DataFormat}
    found = [name for name in _COMPARED if name in has] + sorted(has - seeds)
    return found or [backend.capabilities.default_format.value]


def _levels(has: Sequence[int] | None, asked: Sequence[int]) -> Sequence[int | None]:
    if has is None:
        return (None,)
    return asked or has or (None,)
