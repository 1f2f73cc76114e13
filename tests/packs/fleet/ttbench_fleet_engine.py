"""A backend with two made-up devices that notes who uses them, and when.

`TTBENCH_FLEET_LOG` names the file, `TTBENCH_FLEET_NODE` the machine of the devices.
"""

import contextlib
import json
import os
import time
from collections import deque

from ttbench_core import BenchmarkModel, DataFormat, StagedModel, Stages, benchmark_model
from ttbench_core.backends.protocol import Availability, Capabilities, Device


class ShapedTensor:
    """As much of a tensor as the core looks at."""

    dtype = "float32"

    def __init__(self, *shape):
        self.shape = shape


def note(what, device):
    line = {"what": what, "device": device, "pid": os.getpid(), "time_ns": time.monotonic_ns()}
    line["node"] = os.environ.get("TTBENCH_FLEET_NODE", "")
    line["nice"] = os.getpriority(os.PRIO_PROCESS, 0)
    line["preloaded"] = os.environ.get("LD_PRELOAD", "")
    line["omp"] = os.environ.get("OMP_NUM_THREADS", "unset")
    descriptor = os.open(os.environ["TTBENCH_FLEET_LOG"], os.O_WRONLY | os.O_APPEND | os.O_CREAT)
    os.write(descriptor, json.dumps(line).encode() + b"\n")
    os.close(descriptor)


class SlotSession:
    depth = 1
    is_reference = False
    notes = ()

    def __init__(self, run, device):
        self.effective = {"dtype": "float32", "device": device}
        self._run, self._device, self._queue = run, device, deque()
        note("begin", device)

    def push(self, inputs):
        self._queue.append(inputs)

    def pop(self):
        note("use", self._device)
        return self._run(*self._queue.popleft())

    def trace(self, inputs, level, folder):
        return []

    def device_peak_bytes(self):
        return None

    def close(self):
        note("end", self._device)

    def __enter__(self):
        return self

    def __exit__(self, *exc_info):
        self.close()


class SlotsBackend:
    name = "slots"

    def availability(self):
        return Availability(True)

    def capabilities(self):
        return Capabilities(
            data_formats=frozenset({DataFormat.FP32}),
            math_fidelities=frozenset(),
            opt_levels=range(1),
            traces=frozenset(),
            device_kinds=("slots",),
            training=False,
            generation=False,
            default_format=DataFormat.FP32,
            default_opt_level=0,
        )

    def devices(self):
        return [Device("slots", number, "Slot", "slot_v1") for number in range(2)]

    def versions(self):
        return {"slots": "1.0"}

    @contextlib.contextmanager
    def seeded(self, seed, devices):
        yield

    def compile(self, model: BenchmarkModel, options):
        return SlotSession(model.stages.device, options.devices[0].spec)


def echo(*tensors):
    time.sleep(0.002)
    return tensors


@benchmark_model
def numbered(training, microbatch=1, number=0):
    return StagedModel(Stages(device=echo), [ShapedTensor(microbatch, 1 + int(number))])
