"""The analysis after the passes: verification of the outputs, FLOPs, the machine's peak.

Verification and counting run the model's own modules plainly, which takes
PyTorch: `reference` is imported only for a model that is made of its modules.
"""

from __future__ import annotations

import sys
from typing import TYPE_CHECKING, Any

from ttbench_core.backends.protocol import CalibratingBackend, Session
from ttbench_core.errors import LostOutputError, UnsupportedOptionError, one_line
from ttbench_core.model import BenchmarkModel, DeclaresAccuracy, Incomparable
from ttbench_core.request.formats import EngineFormat
from ttbench_core.request.options import RunOptions
from ttbench_core.running.job import Job
from ttbench_core.running.recording import Recording

if TYPE_CHECKING:
    from ttbench_core.models.reference.fingerprint import Fingerprint

__all__ = ["analyze", "fingerprint_as_built", "refuse_unverifiable"]


def refuse_unverifiable(options: RunOptions, model: BenchmarkModel) -> None:
    """Raise `UnsupportedOptionError` for `--verify` and a model that has no reference."""
    if (options.verify or options.pcc is not None) and not _has_reference(model):
        raise UnsupportedOptionError(
            "--verify runs a model in PyTorch alone, which cannot run this one: leave it out"
        )


def fingerprint_as_built(
    job: Job, model: BenchmarkModel, recording: Recording
) -> Fingerprint | None:
    """Read a model before a backend gets it, where its outputs may be verified; else None."""
    may_be_verified = not job.options.training and job.options.verify is not False
    if not (job.request.is_analyzed and may_be_verified and _has_reference(model)):
        return None
    from ttbench_core.models.reference.fingerprint import fingerprint

    with recording.during("fingerprint"):
        return fingerprint(model)


def analyze(
    job: Job,
    session: Session,
    model: BenchmarkModel,
    recording: Recording,
    as_built: Fingerprint | None,
) -> None:
    """Verify the outputs, count FLOPs and measure the machine's peak, and record them.

    Args:
        job: what was run.
        session: has run it.
        model: as the backend left it.
        recording: gets the facts.
        as_built: the fingerprint of the model before the backend had it.
    """
    if _verification_is_due(job, session):
        with recording.during("verify"):
            recording.add("verification", _verify(job, session, model, as_built))
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
        # what was handed over is compared with outputs that another interpreter computed
        is_reference = session.is_reference and job.source.identity is None
        return not job.options.training and not is_reference
    return job.options.verify


def _verify(
    job: Job, session: Session, model: BenchmarkModel, as_built: Fingerprint | None
) -> dict[str, Any]:
    threshold = _threshold(job, model)
    if as_built is None:
        return _unverified(threshold, "PyTorch alone cannot run this model")
    from ttbench_core.models.reference.agreement import agreement
    from ttbench_core.models.reference.fingerprint import fingerprint, first_change
    from ttbench_core.models.reference.forward import reference_outputs

    session.push(model.inputs)
    outputs = session.pop()
    if outputs is None:
        raise LostOutputError("the output to be verified never came")
    found_now = fingerprint(model)
    if (change := first_change(as_built, found_now)) is not None:
        return _changed(threshold, *change)
    modules = _unchanged(found_now)
    try:
        expected = reference_outputs(model)
    except Exception as error:  # noqa: BLE001 - modules of a pack; the times are valid without it
        unverified = _unverified(threshold, f"the reference failed ({one_line(error)})")
        return {**unverified, "modules": modules}
    # of a generator the logits of the first token are compared, which come first
    found = agreement(outputs[: len(expected)] if model.generation else outputs, expected)
    record = {
        **found.to_record(),
        "threshold": threshold,
        "passed": found.passes(threshold),
        "modules": modules,
    }
    reason = model.incomparable if isinstance(model, Incomparable) else None
    if reason and job.options.pcc is None and found.fault is None:
        return {**record, "passed": None, "reason": reason}
    return record


def _changed(threshold: float, kind: str, change: str) -> dict[str, Any]:
    fault = (
        f"the backend changed the model's {kind}: {change}; outputs are compared with the model as"
        " built"
    )
    return {"passed": False, "threshold": threshold, "fault": fault, "modules": "changed"}


def _unchanged(found: Fingerprint) -> str:
    if not found.unread:
        return "unchanged"
    return f"unchanged, as far as can be seen: {found.unread} tensors do not show their values"


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
        return {
            "peak_flops_per_s": float(peak.flops_per_s),
            "kernel": str(peak.kernel),
            "peak_bytes_per_s": float(peak.bytes_per_s),
        }
    except Exception as error:  # noqa: BLE001 - no memory left, say; the times are valid without it
        return {"reason": f"the peak could not be measured ({one_line(error)})"}


def _has_reference(model: BenchmarkModel) -> bool:
    # a model of torch modules has imported torch; importing it here would cost the others seconds
    if "torch" not in sys.modules:
        return False
    from ttbench_core.models.reference.stages import generates_in_torch, runs_in_torch

    return runs_in_torch(model) or generates_in_torch(model)
