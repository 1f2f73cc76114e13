"""Names and values of the format, both ways.

Read from the sources of tt-xla's `tests/benchmark` (commit 95c1c1ce7063), of the mapper of
tt-github-actions that loads these files (560f2c8bb615), and from its test data, in 2026.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Final

__all__ = [
    "BLOCK",
    "CARRIED",
    "COMPILE_OPTIONS",
    "GENERATES",
    "HEADLINE",
    "NONE",
    "OWN_PROJECT",
    "PASSES",
    "REQUESTED_THREADS",
    "arch_from",
    "arch_to",
    "dataformat_from",
    "precision_to",
]

#: The value for "none" of a number in the format.
NONE: Final = -1
#: `project` of what ttbench writes.
OWN_PROJECT: Final = "ttbench"
#: `model_type` of what generates text.
GENERATES: Final = "text-generation"
#: The key of `config` under which ttbench keeps what the format has no key for.
BLOCK: Final = "ttbench"
#: The fields of a record that are kept there, so that it can be compared when it is read back.
CARRIED: Final = (
    *("schema_version", "run_id", "started_at", "args", "arch", "machine_name", "hash", "date"),
    *("git", "effective", "model", "backend", "devices", "host", "versions", "environment"),
    *("device_readings", "confidence", "verdict", "verification", "notes", "generation"),
)
#: Those of the headline, also there: where a model generates text, `measurements` has others.
HEADLINE: Final = ("total_time", "total_samples", "samples_per_sec")
#: The times of whole passes, also there: what a comparison needs of them.
PASSES: Final = "passes"
#: Threads as they were requested, which a record has in `requested`, also there.
REQUESTED_THREADS: Final = "requested_threads"
#: Options of tt-xla's compiler in `config`: by their names there, the name of the option that
#: sets it, and its default, which is left out of `engine_options` as in a record of ttbench.
COMPILE_OPTIONS: Final[Mapping[str, tuple[str, Any]]] = {
    "optimization_level": ("optimization_level", 0),
    "trace_enabled": ("enable_trace", False),
    "experimental_weight_dtype": ("experimental_weight_dtype", ""),
}
_PRECISIONS: Final = {
    "Fp32": "float32",
    "Fp16": "float16",
    "Fp16_b": "bfloat16",
    "Bfp8": "bfp8",
    "Bfp8_b": "bfp8_b",
    "Bfp4": "bfp4",
    "Bfp4_b": "bfp4_b",
}
#: Further names that their writers use.
_SYNONYMS: Final = {"f32": "Fp32", "fp32": "Fp32", "fp16": "Fp16", "bf16": "Fp16_b"}
_DATAFORMATS: Final = {theirs: ours for ours, theirs in _PRECISIONS.items()} | _SYNONYMS
#: Their names of architectures stand for every revision; there is one of Wormhole cards.
_ARCHS: Final = ("wormhole", "blackhole")
_REVISIONS: Final = {"wormhole": "wormhole_b0"}


def precision_to(dataformat: object) -> str:
    """Return the precision of a data format; other formats have their name, none is empty."""
    return "" if dataformat is None else _PRECISIONS.get(str(dataformat), str(dataformat))


def dataformat_from(precision: str | None) -> str | None:
    """Return the data format of a precision; one without a name here keeps its own."""
    return None if precision is None else _DATAFORMATS.get(precision, precision)


def arch_to(arch: object) -> str:
    """Return their name of an architecture: `wormhole` for `wormhole_b0`."""
    name = str(arch or "")
    return next((one for one in _ARCHS if one in name.lower()), name)


def arch_from(arch: str | None) -> str | None:
    """Return the name of an architecture in records: `wormhole_b0` for `wormhole`."""
    return None if arch is None else _REVISIONS.get(arch, arch)
