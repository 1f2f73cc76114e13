"""Exporting a record in the format of tt-forge's benchmarks, for a common data warehouse.

The keys are those that Tenstorrent's tt-forge and tt-xla benchmarks write, one JSON object a run,
as seen in their public repositories in 2026. Samples a second are not among them: they are
`total_samples` / `total_time`. What they have no key for is in `config`, under `ttbench`.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Final

from ttbench_core.record.foreign_formats import TT_FORGE
from ttbench_core.record.result import Result
from ttbench_core.record.tables.columns import column
from ttbench_core.results.tt_forge.names import (
    BLOCK,
    CARRIED,
    COMPILE_OPTIONS,
    GENERATES,
    HEADLINE,
    NONE,
    OWN_PROJECT,
    PASSES,
    REQUESTED_THREADS,
    arch_to,
    precision_to,
)
from ttbench_core.results.tt_forge.own_values import counts_tokens, values_to_write

__all__ = ["to_tt_forge"]

_CHANNELS_OF_COLOURS: Final = 3
#: A package whose version an engine reports where its graphs are compiled by PyTorch/XLA.
_TORCH_XLA: Final = "torch-xla"


def to_tt_forge(result: Result) -> dict[str, Any]:
    """Return the object that tt-forge's tools read, for a run that is not left out.

    A result that was read from the format is the object that it was read from.
    """
    foreign = result.foreign or {}
    original = foreign.get("record")
    if foreign.get("format") == TT_FORGE and isinstance(original, Mapping):
        return dict(original)
    args, options = result.args, _compile_options(result)
    return {
        "model": _title(result),
        "model_type": GENERATES if counts_tokens(result.model) else _task(result),
        "run_type": _run_type(result),
        "config": _config(result, options),
        "num_layers": _whole(args.get("layers")),
        "batch_size": _whole(args.get("microbatch")),
        "precision": _precision(result, options),
        "math_fidelity": str(args.get("math_fidelity") or ""),
        "dataset_name": "random",
        "profile_name": "",
        "input_sequence_length": _whole(args.get("seq_len")),
        "output_sequence_length": _whole(column("new_tokens").read(vars(result))),
        "image_dimension": "x".join(map(str, _image(result))),
        "perf_analysis": bool(args.get("perf_analysis")),
        "training": bool(args.get("training")),
        "measurements": _measurements(result),
        "device_info": _device_info(result),
        "project": OWN_PROJECT,
        "model_rawname": _name(result),
    }


def _name(result: Result) -> str:
    return str(result.model.get("name") or result.args.get("model"))


def _title(result: Result) -> str:
    return f"{_name(result)} {result.args.get('config') or ''}".strip()


def _task(result: Result) -> str:
    return str(result.model.get("task") or "")


def _whole(value: Any) -> int:
    """Return a number above zero; records are untrusted, and the format has -1 for none."""
    is_number = isinstance(value, int) and not isinstance(value, bool)
    return value if is_number and value > 0 else NONE


def _run_type(result: Result) -> str:
    args = result.args
    parts = [
        *_title(result).split(),
        _whole(args.get("microbatch")),
        *(_image(result) or [_whole(args.get("seq_len"))]),
        _whole(args.get("layers")),
        _whole(args.get("loop_count")),
    ]
    return "_".join(map(str, parts))


def _image(result: Result) -> list[int]:
    """Return channels, rows and columns of an image; empty where the inputs are none."""
    size = _whole(result.args.get("image_size"))
    return [] if size == NONE else [_channels(result.model), size, size]


def _channels(model: Mapping[str, Any]) -> int:
    inputs = model.get("inputs")
    for tensor in inputs if isinstance(inputs, (list, tuple)) else ():
        shape = tensor.get("shape") if isinstance(tensor, Mapping) else None
        if isinstance(shape, (list, tuple)) and len(shape) == 4 and _whole(shape[1]) != NONE:
            return _whole(shape[1])
    return _CHANNELS_OF_COLOURS


def _precision(result: Result, options: Mapping[str, Any]) -> str:
    """Return the format that is computed in; that of weights alone has a key of its own."""
    computed = result.effective.get("dtype")
    if options.get("experimental_weight_dtype") and isinstance(computed, str):
        return computed
    return precision_to(result.args.get("dataformat"))


def _config(result: Result, options: Mapping[str, Any]) -> dict[str, Any]:
    return {
        "model_size": str(result.args.get("config") or ""),
        "optimization_level": options.get("optimization_level", NONE),
        "program_cache_enabled": result.effective.get("program_cache_enabled") is True,
        "trace_enabled": options.get("trace_enabled", False),
        "experimental_weight_dtype": options.get("experimental_weight_dtype", ""),
        "model_info": str(result.model.get("builder") or ""),
        "display_name": _title(result),
        "torch_xla_enabled": any(
            str(name).lower().replace("_", "-") == _TORCH_XLA for name in result.versions
        ),
        "backend": str(result.backend or result.args.get("backend") or ""),
        BLOCK: _block(result),
    }


def _compile_options(result: Result) -> dict[str, Any]:
    """Return the options of tt-xla's compiler that an engine had, whatever engine it is."""
    effective = result.effective
    sources = (
        effective.get("compile_options"),
        effective.get("engine_options"),
        result.args.get("engine_options"),
    )
    found: dict[str, Any] = {}
    for theirs, (ours, default) in COMPILE_OPTIONS.items():
        for options in (one for one in sources if isinstance(one, Mapping)):
            value = options.get(ours)
            if type(value) is type(default):
                found.setdefault(theirs, value)
    return found


def _block(result: Result) -> dict[str, Any]:
    record = result.to_record()
    return {
        **{name: record[name] for name in (*CARRIED, *HEADLINE)},
        PASSES: [
            {"process": one.get("process", 0), "e2e_ns": one["e2e_ns"]} for one in result.passes
        ],
        REQUESTED_THREADS: (record["requested"] or {}).get("threads"),
    }


def _measurements(result: Result) -> list[dict[str, Any]]:
    warm = (result.warmup or {}).get("inputs")
    power_w, temperature_c = (_reading(result, name) for name in ("power_w", "temperature_c"))
    return [
        {
            "iteration": 1,
            "step_name": _title(result),
            "step_warm_up_num_iterations": warm if isinstance(warm, int) else 0,
            "measurement_name": name,
            "value": value,
            "target": NONE,
            "device_power": power_w,
            "device_temperature": temperature_c,
        }
        for name, value in values_to_write(vars(result)).items()
    ]


def _reading(result: Result, name: str) -> float:
    """Return what a card told after the passes; of several it would not be that of the run."""
    cards = (result.device_readings or {}).get("after")
    first = cards[0] if isinstance(cards, (list, tuple)) and len(cards) == 1 else None
    value = first.get(name) if isinstance(first, Mapping) else None
    if isinstance(value, bool) or not isinstance(value, (int, float)):
        return float(NONE)
    return float(value)


def _device_info(result: Result) -> dict[str, Any]:
    chips = len(result.devices) or _whole(column("chips").read(vars(result)))
    return {
        "device_name": str(result.machine_name),
        "arch": arch_to(result.arch),
        "device_count": chips if chips != NONE else 1,
        "mesh_shape": _mesh_shape(result),
        "device_type": _device_type(result),
        "chips": chips if chips != NONE else 1,
        "galaxy": result.args.get("galaxy") is True,
    }


def _device_type(result: Result) -> str | None:
    """Return the board where the engine names one kind alone, else the name of the device."""
    boards = result.effective.get("boards")
    kinds = {str(one) for one in boards} if isinstance(boards, (list, tuple)) else set()
    name = next(iter(kinds)) if len(kinds) == 1 else None
    name = name or next(iter(result.devices), {}).get("name")
    return str(name) if name else None


def _mesh_shape(result: Result) -> list[int] | None:
    """Return the shape of the mesh that the engine says it made; None where it made none.

    The format has two dimensions: n chips in a row are [1, n].
    """
    shape = result.effective.get("mesh_shape")
    is_shape = isinstance(shape, (list, tuple)) and all(_whole(one) != NONE for one in shape)
    if not shape or not is_shape:
        return None
    return [1, *shape] if len(shape) == 1 else list(shape)
