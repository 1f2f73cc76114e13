"""The analysis after the passes: verification of the outputs, FLOPs, the machine's peak.

Verification and counting run the model's own modules plainly, which takes
PyTorch: `reference` is imported only for a model that is made of its modules.
"""

from __future__ import annotations

import sys
from typing import Any

from ttbench_core.backends.protocol import CalibratingBackend, Session
from ttbench_core.errors import LostOutputError, UnsupportedOptionError, one_line
from ttbench_core.model import BenchmarkModel, DeclaresAccuracy, Incomparable
from ttbench_core.request.formats import EngineFormat
from ttbench_core.request.options import RunOptions
from ttbench_core.running.job import Job
from ttbench_core.running.recording import Recording

__all__ = ["analyze", "refuse_unverifiable"]


def refuse_unverifiable(options: RunOptions, model: BenchmarkModel) -> None:
    """Raise `UnsupportedOptionError` for `--verify` and a model that has no reference."""
    if (options.verify or options.pcc is not None) and not _has_reference(model):
        raise UnsupportedOptionError(
            "--verify runs a model in PyTorch alone, which cannot run this one: leave it out"
        )


def analyze(job: Job, session: Session, model: BenchmarkModel, recording: Recording) -> None:
    """Verify the outputs, count FLOPs and measure the machine's peak, and record them."""
    if _verification_is_due(job, session):
        with recording.during("verify"):
            recording.add("verification", _verify(job, session, model))
    elif job.options.training and job.options.verify is not False:
        with recording.during("verify"):
            recording.add("verification", _check_loss(job, session, model))
    if _has_reference(model):
        with recording.during("count"):
            recording.add("cost", _cost(job, model))
    if job.options.roofline and isinstance(job.backend, CalibratingBackend):
        with recording.during("roofline"):
            recording.add("roofline", _peak(job, job.backend))


def _verification_is_due(job: Job, session: Session) -> bool:
    if job.options.pcc is not None:
        return True
    if job.options.verify is None:
        return not job.options.training and not session.is_reference
    return job.options.verify


def _verify(job: Job, session: Session, model: BenchmarkModel) -> dict[str, Any]:
    threshold = _threshold(job, model)
    if not _has_reference(model):
        return _unverified(threshold, "PyTorch alone cannot run this model")
    from ttbench_core.models.reference.agreement import agreement
    from ttbench_core.models.reference.forward import reference_outputs

    session.push(model.inputs)
    outputs = session.pop()
    if outputs is None:
        raise LostOutputError("the output to be verified never came")
    try:
        expected = reference_outputs(model)
    except Exception as error:  # noqa: BLE001 - modules of a pack; the times are valid without it
        return _unverified(threshold, f"the reference failed ({one_line(error)})")
    # of a generator the logits of the first token are compared, which come first
    found = agreement(outputs[: len(expected)] if model.generation else outputs, expected)
    record = {**found.to_record(), "threshold": threshold, "passed": found.passes(threshold)}
    reason = model.incomparable if isinstance(model, Incomparable) else None
    if reason and job.options.pcc is None and found.fault is None:
        return {**record, "passed": None, "reason": reason}
    return record


def _check_loss(job: Job, session: Session, model: BenchmarkModel) -> dict[str, Any] | None:
    """Give the failed verification of a training step whose loss is not finite; else None."""
    if job.plan.inputs_per_group > 1 or not _has_reference(model):
        return None  # a step of several inputs has no loss of one
    from ttbench_core.models.reference.outputs import first_non_finite

    session.push(model.inputs)
    found = first_non_finite(session.pop() or ())
    if found is None:
        return None
    fault = f"the loss of a training step is {found:g}"
    return {"passed": False, "threshold": _threshold(job, model), "fault": fault}


def _unverified(threshold: float, reason: str) -> dict[str, Any]:
    return {"passed": None, "threshold": threshold, "reason": reason}


def _threshold(job: Job, model: BenchmarkModel) -> float:
    if job.options.pcc is not None:
        return job.options.pcc
    data_format = job.plan.data_format
    declared = model.pcc if isinstance(model, DeclaresAccuracy) else {}
    return float(declared.get(data_format.value, data_format.pcc))


def _cost(job: Job, model: BenchmarkModel) -> dict[str, Any]:
    from ttbench_core.models.reference.flops import count_flops

    count = count_flops(model, training=job.options.training)
    return {
        "flops_per_input": count.total,
        "device_flops_per_input": count.stages.get("device"),
        "flops_by_stage": dict(count.stages),
        "method": count.method,
        "reason": count.reason,
    }


def _peak(job: Job, backend: CalibratingBackend) -> dict[str, Any]:
    try:
        data_format = job.plan.data_format
        if isinstance(data_format, EngineFormat) and data_format.peak_format is not None:
            data_format = data_format.peak_format
        peak = backend.peak(job.plan.devices[0], data_format, job.plan.threads)
    except Exception as error:  # noqa: BLE001 - no memory left, say; the times are valid without it
        return {"reason": f"the peak could not be measured ({one_line(error)})"}
    return {
        "peak_flops_per_s": peak.flops_per_s,
        "kernel": peak.kernel,
        "peak_bytes_per_s": peak.bytes_per_s,
    }


def _has_reference(model: BenchmarkModel) -> bool:
    # a model of torch modules has imported torch; importing it here would cost the others seconds
    if "torch" not in sys.modules:
        return False
    from ttbench_core.models.reference.stages import generates_in_torch, runs_in_torch

    return runs_in_torch(model) or generates_in_torch(model)
