"""Exporting a record in the format of tt-forge's benchmarks, for a common data warehouse.

The keys are those that Tenstorrent's tt-forge and tt-xla benchmarks write, one JSON object a run,
as seen in their public repositories in 2026. Samples a second are not among them: they are
`total_samples` / `total_time`.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Final

from ttbench_core.record.result import Result
from ttbench_core.record.tables.columns import column

__all__ = ["is_measured", "to_tt_forge"]

#: The value for "none" in that format.
_NONE: Final = -1
_PRECISION: Final = {
    "Fp32": "float32",
    "Fp16": "float16",
    "Fp16_b": "bfloat16",
    "Bfp8": "bfp8",
    "Bfp8_b": "bfp8_b",
    "Bfp4": "bfp4",
    "Bfp4_b": "bfp4_b",
}
_ARCH: Final = {"wormhole_b0": "wormhole"}
_NS_PER_MS: Final = 1e6


def is_measured(result: Result) -> bool:
    """Return whether a run has the values that the format needs: it succeeded and was measured."""
    return result.ok and result.total_time is not None and result.total_samples is not None


def to_tt_forge(result: Result) -> dict[str, Any]:
    """Return the object that tt-forge's tools read, for a run that was measured."""
    args, model = result.args, result.model
    size = args.get("image_size")
    return {
        "model": _title(result),
        "model_type": str(model.get("task") or ""),
        "model_rawname": _name(result),
        "run_type": _run_type(result),
        "config": _config(result),
        "num_layers": args.get("layers") or _NONE,
        "batch_size": args.get("microbatch") or _NONE,
        "precision": _PRECISION.get(str(args.get("dataformat")), ""),
        "math_fidelity": str(args.get("math_fidelity") or ""),
        "dataset_name": "random",
        "profile_name": "",
        "input_sequence_length": args.get("seq_len") or _NONE,
        "output_sequence_length": column("new_tokens").read(vars(result)) or _NONE,
        "image_dimension": f"{_channels(model)}x{size}x{size}" if size else "",
        "perf_analysis": bool(args.get("perf_analysis")),
        "training": bool(args.get("training")),
        "measurements": _measurements(result),
        "device_info": _device_info(result),
        "project": "ttbench",
    }


def _name(result: Result) -> str:
    return str(result.model.get("name") or result.args.get("model"))


def _title(result: Result) -> str:
    return f"{_name(result)} {result.args.get('config') or ''}".strip()


def _run_type(result: Result) -> str:
    dimensions = [result.args.get(name) for name in ("image_size", "seq_len")]
    parts = [
        *_title(result).split(),
        result.args.get("microbatch"),
        *(one for one in dimensions if one),
        result.args.get("layers"),
        result.args.get("loop_count"),
    ]
    return "_".join(str(part) for part in parts if part is not None)


def _config(result: Result) -> dict[str, Any]:
    args, compiled = result.args, _compile_options(result)
    return {
        "model_size": str(args.get("config") or ""),
        "optimization_level": (
            args.get("backend_opt_level")
            if compiled is None
            else compiled.get("optimization_level", 0)
        ),
        "program_cache_enabled": False,
        "trace_enabled": bool((compiled or {}).get("enable_trace")),
        "experimental_weight_dtype": str((compiled or {}).get("experimental_weight_dtype") or ""),
        "model_info": str(result.model.get("builder") or ""),
        "display_name": _title(result),
        "torch_xla_enabled": "torch-xla" in result.versions,
        "backend": str(result.backend or args.get("backend") or ""),
    }


def _compile_options(result: Result) -> Mapping[str, Any] | None:
    """Return what Tenstorrent's compiler was asked; None for another one."""
    found = result.effective.get("compile_options")
    return found if isinstance(found, Mapping) else None


def _channels(model: Mapping[str, Any]) -> int:
    for tensor in model.get("inputs") or ():
        shape = list(tensor.get("shape") or [])
        if len(shape) == 4:
            return int(shape[1])
    return 3


def _measurements(result: Result) -> list[dict[str, Any]]:
    values: dict[str, Any] = {
        "total_samples": result.total_samples,
        "total_time": result.total_time,
    }
    first = column("ttft_mean_ns").read(vars(result))
    if isinstance(first, float):
        values["ttft"] = first / _NS_PER_MS
    inputs = (result.warmup or {}).get("inputs")
    warm = inputs if isinstance(inputs, int) else 0
    power, temperature = (_reading(result, name) for name in ("power_w", "temperature_c"))
    return [
        {
            "iteration": 1,
            "step_name": _title(result),
            "step_warm_up_num_iterations": warm,
            "measurement_name": name,
            "value": value,
            "target": _NONE,
            "device_power": power,
            "device_temperature": temperature,
        }
        for name, value in values.items()
    ]


def _reading(result: Result, name: str) -> float:
    """Return what a card told after the passes; of several it would not be that of the run."""
    cards = (result.device_readings or {}).get("after")
    first = cards[0] if isinstance(cards, list) and len(cards) == 1 else None
    value = first.get(name) if isinstance(first, Mapping) else None
    return float(value) if isinstance(value, (int, float)) else float(_NONE)


def _device_info(result: Result) -> dict[str, Any]:
    arch = str(result.arch or "")
    chips = len(result.devices) or column("chips").read(vars(result)) or 1
    first = next(iter(result.devices), {})
    return {
        "device_name": result.machine_name,
        "arch": _ARCH.get(arch, arch),
        "device_count": chips,
        "chips": chips,
        "mesh_shape": [1, chips],
        "device_type": str(first.get("name") or ""),
        "galaxy": bool(result.args.get("galaxy")),
    }
