"""What an object of another tool's benchmarks tells about its run, as a record has it."""

from __future__ import annotations

import math
import re
from collections.abc import Iterator, Mapping
from typing import Any, Final

from ttbench_core.results.tt_forge.fields import Fields
from ttbench_core.results.tt_forge.measurements import Measurements
from ttbench_core.results.tt_forge.names import (
    COMPILE_OPTIONS,
    GENERATES,
    OWN_PROJECT,
    arch_from,
    dataformat_from,
)

__all__ = ["told_of"]

_MAX_DEVICES: Final = 1024
_SQUARE_IMAGE: Final = re.compile(r"[0-9]{1,6}x([0-9]{1,6})x\1")
#: `project` of the suite whose `run_type` ends with the layers and the inputs of a pass.
_SUITES: Final = frozenset({"tt-forge/tt-xla", OWN_PROJECT})
_RUN_TYPE_END: Final = re.compile(r"(?:-?[0-9]+_)+(-?[0-9]+)_([0-9]{1,9})(?:_vllm)?")
#: The end of `run_type` of the suite's benchmarks of vLLM, which count the tokens of all users.
_VLLM: Final = "_vllm"
#: A rate that a file gives beside samples and time: of one user, in the benchmarks of vLLM.
_GIVEN_RATE: Final = "samples_per_sec"
_SAME_RATE: Final = 1e-3


def told_of(fields: Fields, measured: Measurements) -> dict[str, Any]:
    """Return the part of a record that says what ran, and where.

    Raises `ResultsFileError` for a value of another type or range than the format has.
    """
    config, device = fields.object("config"), fields.object("device_info")
    args = _args(fields, config, device, measured)
    arch = arch_from(device.text("arch") or device.text("device_arch"))
    task = fields.text("model_type")
    unit = {"unit": "token"} if task == GENERATES or args["new_tokens"] else {}
    return {
        "args": args,
        "arch": arch,
        "machine_name": device.text("device_name") or "",
        "hash": None,
        "date": None,
        "started_at": measured.started_at,
        "model": {"name": args["model"], "config": args["config"], "task": task, **unit},
        "backend": args["backend"],
        "devices": _devices(device, arch, args["chips"]),
        "notes": [*_user_notes(fields, args), *_rate_notes(measured)],
    }


def _args(fields: Fields, config: Fields, device: Fields, measured: Measurements) -> dict[str, Any]:
    is_own = fields.text("project") == OWN_PROJECT
    return {
        "model": (fields.text("model_rawname") if is_own else None) or fields.text("model"),
        # in theirs it is the word small, whatever the model is
        "config": config.text("model_size") if is_own else None,
        "training": fields.flag("training"),
        "dataformat": dataformat_from(fields.text("precision")),
        "math_fidelity": fields.text("math_fidelity"),
        "loop_count": _loop_count(fields, measured.total_samples),
        "chips": device.count("device_count") or device.count("chips"),
        "layers": fields.count("num_layers"),
        "microbatch": fields.count("batch_size"),
        "seq_len": fields.count("input_sequence_length"),
        "image_size": _image_size(fields),
        "new_tokens": fields.count("output_sequence_length"),
        "galaxy": bool(device.flag("galaxy")),
        "backend": config.text("backend"),
        "engine_options": dict(_compile_options(config)),
    }


def _compile_options(config: Fields) -> Iterator[tuple[str, Any]]:
    read = {int: config.count, bool: config.flag, str: config.text}
    for theirs, (ours, default) in COMPILE_OPTIONS.items():
        value = read[type(default)](theirs)
        if value is not None and value != default:
            yield ours, value


def _loop_count(fields: Fields, total_samples: int | None) -> int | None:
    """Return the inputs of a pass: the last number of a `run_type` that is built as the suite's.

    In the suite's pipelines it is the number of inference steps, so the samples must agree.
    """
    run_type, model = fields.text("run_type"), fields.text("model")
    batch, layers = fields.number("batch_size"), fields.number("num_layers")
    if fields.text("project") not in _SUITES or run_type is None or model is None:
        return None
    start = f"{'_'.join(model.split())}_{batch}_"
    end = _RUN_TYPE_END.fullmatch(run_type.removeprefix(start))
    if not run_type.startswith(start) or end is None or end[1] != str(layers):
        return None
    count = int(end[2])
    return count if batch is not None and total_samples == batch * count else None


def _image_size(fields: Fields) -> int | None:
    """Return rows and columns of a square image; records have no others."""
    found = _SQUARE_IMAGE.fullmatch(fields.text("image_dimension") or "")
    return (int(found[1]) or None) if found else None


def _devices(device: Fields, arch: str | None, chips: int | None) -> list[dict[str, Any]]:
    name = device.text("device_type")
    if chips is not None and chips > _MAX_DEVICES:
        raise device.fault("device_count", f"is {chips:,}, and no run has over {_MAX_DEVICES:,}")
    facts = {key: one for key, one in (("name", name), ("arch", arch)) if one is not None}
    return [{"index": index, **facts} for index in range(chips or 1)] if facts else []


def _user_notes(fields: Fields, args: Mapping[str, Any]) -> Iterator[str]:
    if fields.text("model_type") != GENERATES:
        return
    users, run_type = args["microbatch"] or 1, fields.text("run_type") or ""
    counted = "decoding only"
    if users > 1 and not run_type.endswith(_VLLM):
        counted = f"one of {users} users, {counted}"
    yield f"its rate is of {counted}; rates of ttbench are of all users, with prefill"


def _rate_notes(measured: Measurements) -> Iterator[str]:
    given, derived = measured.values.get(_GIVEN_RATE), measured.samples_per_s
    if derived is None or not isinstance(given, (int, float)):
        return
    if not math.isclose(given, derived, rel_tol=_SAME_RATE):
        yield (
            f"the file also gives {given:.6g} as samples_per_sec; its total_samples over its"
            f" total_time, which is taken here, are {derived:.6g}"
        )
