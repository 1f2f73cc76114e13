"""Runs a model by the backend `tt_xla` on processors in place of chips; prints facts as JSON.

A program of its own, because PyTorch/XLA keeps its devices and their mesh as long as it runs.
"""

from __future__ import annotations

import json
import os
import sys
from dataclasses import replace

chips, name, asked = int(sys.argv[1]), sys.argv[2], json.loads(sys.argv[3])
os.environ["CPU_NUM_DEVICES"] = str(chips)

import torch  # noqa: E402 - PyTorch/XLA reads the number of devices when it is imported

from ttbench_core.backends.planning import plan  # noqa: E402
from ttbench_core.backends.tt_xla import runtime  # noqa: E402
from ttbench_core.backends.tt_xla.backend import TtXlaBackend  # noqa: E402
from ttbench_core.models.building import build_model  # noqa: E402
from ttbench_core.models.reference.agreement import agreement  # noqa: E402
from ttbench_core.models.reference.forward import reference_outputs  # noqa: E402
from ttbench_core.plugins.catalogue import find_model  # noqa: E402
from ttbench_core.request.options import RunOptions  # noqa: E402

runtime.DEVICE_TYPE = "CPU"  # type: ignore[misc]
is_training = asked.pop("training", False)
options = RunOptions(
    name,
    dataformat=asked.pop("dataformat", "Fp32"),
    chips=1 if is_training else 0,
    training=is_training,
)
backend = TtXlaBackend()
planned = plan(options, backend)
model = build_model(find_model(name).builder, replace(options, **asked), planned.for_builder(), "")

import torch_xla.debug.metrics as met  # noqa: E402

with backend.compile(model, planned) as session:
    before = met.counter_value("UncachedCompile")
    for _ in range(session.depth):
        session.push(model.inputs)
    for _ in range(session.depth):
        outputs = session.pop()
    for _ in range(3):
        session.push(model.inputs)
        outputs = session.pop()
    later = met.counter_value("UncachedCompile") - before
    effective = dict(session.effective)
expected = [] if is_training else reference_outputs(model)
facts = {
    "pcc": None if is_training else agreement(outputs[: len(expected)], expected).pcc,
    "loss": float(outputs[0]) if is_training else None,
    "compilations": before,
    "later_compilations": later,
    "fallbacks": met.executed_fallback_ops(),
    "effective": effective,
    "is_on_host": all(one.device == torch.device("cpu") for one in outputs),
    "tokens": outputs[1].tolist() if model.generation else None,
}
print(json.dumps(facts))
