"""Parts of a record as plain values."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import asdict
from typing import Any

from ttbench_core.errors import PackContractError, one_line
from ttbench_core.measure.passes import Pass
from ttbench_core.measure.stopping import Stop
from ttbench_core.measure.warmup import WarmUp
from ttbench_core.model import BenchmarkModel, DeclaresOrigin
from ttbench_core.models.building import keywords_of
from ttbench_core.models.counting import (
    microbatch_of,
    new_tokens_of,
    prompt_tokens_of,
    sizes_of,
    unit_of,
)
from ttbench_core.models.inputs import input_records, tensor_record
from ttbench_core.models.model_options import options_in_effect, options_that_differ
from ttbench_core.models.source import Source
from ttbench_core.request.options import RunOptions
from ttbench_core.running.job import Job
from ttbench_core.running.recorded_options import (
    engine_args,
    recorded_options,
    spelled_args,
)

__all__ = [
    "checked_versions",
    "effective_args",
    "failure_record",
    "merged_versions",
    "model_identity",
    "model_record",
    "pass_record",
    "stopping_record",
    "warmup_record",
]


def failure_record(phase: str, error: BaseException) -> dict[str, Any]:
    """Give what made a run fail, and in which phase."""
    return {"phase": phase, "kind": type(error).__name__, "message": one_line(error)}


def pass_record(one: Pass) -> dict[str, Any]:
    """Give the times of a pass of the first process."""
    return {
        "process": 0,
        "e2e_ns": one.e2e_ns,
        "push_ns": list(one.push_ns),
        "pop_ns": list(one.pop_ns),
        **({"token_ns": [list(tokens) for tokens in one.token_ns]} if one.token_ns else {}),
    }


def warmup_record(warmup: WarmUp) -> dict[str, Any]:
    """Give what warming up took."""
    return {
        "inputs": warmup.inputs,
        "settled": warmup.settled,
        "fixed": warmup.fixed,
        "latency_ns": list(warmup.latency_ns),
    }


def stopping_record(stop: Stop) -> dict[str, Any]:
    """Give why there was no further pass."""
    return {**asdict(stop), "missed": stop.missed}


def checked_versions(versions: object, job: Job) -> Mapping[str, str]:
    """Give the versions of a backend as texts; raises `PackContractError` for what are none."""
    if not isinstance(versions, Mapping):
        raise PackContractError(
            job.backend_plugin.where,
            f"its versions() gave {versions!r}, not a mapping of names to versions",
        )
    return {str(name): str(version) for name, version in versions.items()}


def merged_versions(
    process: Mapping[str, str], backend: Mapping[str, str], backend_name: str
) -> dict[str, str]:
    """Give the versions of this process, which built the model, and those of the backend.

    A backend says what it computes with; where that is another version of something that this
    process has too, both are there.
    """
    versions = dict(process)
    for name, version in backend.items():
        known = versions.setdefault(name, version)
        if known != version:
            versions[f"{backend_name} {name}"] = version
    return versions


def effective_args(
    job: Job, model: BenchmarkModel | None, effective: Mapping[str, object]
) -> dict[str, Any]:
    """Give every option with the value that ran, as far as it is known.

    Args:
        job: what was decided.
        model: None before it is built.
        effective: how the engine runs it.
    """
    plan, fidelity = job.plan, job.plan.math_fidelity
    return {
        **recorded_options(job.options, job.backend_name),
        **spelled_args(plan),
        **_sizes(job, model),
        "engine_options": engine_args(plan),
        "model_options": options_that_differ(
            job.source.builder, job.options.model_options, job.source.where
        ),
        "dataformat": plan.data_format.value,
        "math_fidelity": fidelity.value if fidelity else None,
        "backend_opt_level": plan.opt_level,
        "loop_count": job.loop_count,
        "chips": len(plan.devices),
        "microbatch": microbatch_of(model) if model else job.options.microbatch,
        "device": plan.devices[0].kind,
        "backend": job.backend_name,
        "threads": effective.get("threads", plan.threads),
    }


def model_record(
    job: Job, model: BenchmarkModel | None, parameters: int | None, samples: int | None
) -> dict[str, Any]:
    """Give the identity of the model of a run; see `model_identity`."""
    return model_identity(job.source, job.options, model, parameters, samples)


def model_identity(
    source: Source,
    options: RunOptions,
    model: BenchmarkModel | None,
    parameters: int | None,
    samples: int | None,
) -> dict[str, Any]:
    """Give the identity of a model.

    Args:
        source: where it comes from.
        options: of the run, with the configuration chosen.
        model: None before it is built.
        parameters: how many it has.
        samples: what one input counts as.
    """
    if source.identity is not None:
        return dict(source.identity)
    identity: dict[str, Any] = {
        "name": options.model.rpartition(":")[2],
        "config": options.config,
        "task": source.builder.task,
        "pack": source.pack,
        "pack_version": source.version,
        "builder": source.value,
        "options": options_in_effect(source.builder, options.model_options, source.where),
    }
    if model is not None:
        identity["parameters"] = parameters
        identity["stages"] = list(model.stages.present(training=options.training))
        identity["unit"] = unit_of(model)
        identity["samples_per_input"] = samples
        identity["prompt_tokens"] = prompt_tokens_of(model)
        identity["inputs"] = input_records(model.inputs)
        identity["targets"] = [tensor_record(tensor) for tensor in model.targets]
        if isinstance(model, DeclaresOrigin) and model.origin:
            identity["origin"] = dict(model.origin)
            # that of a loader which decides itself, so that other variants are not compared with it
            identity["config"] = options.config or model.origin.get("variant")
    return identity


def _sizes(job: Job, model: BenchmarkModel | None) -> dict[str, Any]:
    """Give what the model chose where it was not asked, of the options that it takes."""
    if model is None:
        return {}
    new_tokens = new_tokens_of(model)
    sizes = {
        **sizes_of(input_records(model.inputs), prompt_tokens_of(model)),
        "new_tokens": new_tokens,
        "generative": new_tokens is not None,
    }
    taken = keywords_of(job.source.builder, job.source.where)
    return {
        name: value
        for name, value in sizes.items()
        if name in taken and getattr(job.options, name) is None
    }
