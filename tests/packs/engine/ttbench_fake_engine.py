"""A backend and a pack without torch: models are functions, tensors have a shape alone."""

import contextlib
import os
import random
import signal
import time
from collections import deque
from pathlib import Path

from ttbench_core import BenchmarkModel, DataFormat, StagedModel, Stages, Trace, benchmark_model
from ttbench_core.backends.protocol import Availability, Capabilities, Device
from ttbench_core.errors import OptionError, SessionError


class ShapedTensor:
    """As much of a tensor as the core looks at."""

    dtype = "float32"

    def __init__(self, *shape: int) -> None:
        self.shape = shape


class FakeSession:
    depth = 2
    is_reference = False

    def __init__(self, run, level: int) -> None:
        self.effective = {"dtype": "float32", "level": level}
        self.notes = ("this engine is a fake",)
        self._run = run
        self._queue = deque()

    def push(self, inputs) -> None:
        if len(self._queue) == self.depth:
            raise SessionError("full")
        self._queue.append(inputs)

    def pop(self):
        if not self._queue:
            raise SessionError("empty")
        return self._run(*self._queue.popleft())

    def trace(self, inputs, level: Trace, folder: Path):
        file = folder / "trace.txt"
        file.write_text(f"{level} trace")
        return [file]

    def device_peak_bytes(self):
        return 12345

    def close(self) -> None:
        self._queue.clear()

    def __enter__(self):
        return self

    def __exit__(self, *exc_info) -> None:
        self.close()


class FakeBackend:
    name = "fake"

    def availability(self):
        return Availability(True)

    def capabilities(self):
        return Capabilities(
            data_formats=frozenset({DataFormat.FP32, DataFormat.BFP8_B}),
            math_fidelities=frozenset(),
            opt_levels=range(5),
            traces=frozenset({Trace.NONE, Trace.LIGHT}),
            device_kinds=("fake",),
            training=True,
            training_chips=True,
            generation=False,
            default_format=DataFormat.BFP8_B,
            default_opt_level=4,
        )

    def devices(self):
        return [
            Device("fake", 0, "Fake card", "fake_v1"),
            Device("fake", 1, "Fake card", "fake_v1"),
        ]

    def versions(self):
        return {"fake": "9.9"}

    @contextlib.contextmanager
    def seeded(self, seed: int, devices):
        random.seed(seed)
        yield

    def compile(self, model: BenchmarkModel, options):
        if model.stages.device is cannot_compile:
            raise RuntimeError("no kernel\nfor this op")
        return FakeSession(model.stages.device, options.opt_level)


class AbsentBackend(FakeBackend):
    name = "absent"

    def availability(self):
        return Availability(False, "there is no card", "plug one in")


def echo(*tensors):
    return tensors


def cannot_compile(*tensors):
    return tensors


@benchmark_model(configs=["small", "large"], default_config="large")
def steady(training, config, microbatch=4, force_num_layers=None):
    shape = {"small": 8, "large": 16}[config]
    inputs = [ShapedTensor(microbatch, shape), ShapedTensor(microbatch, 1)]
    return StagedModel(Stages(device=echo, loss=echo if training else None), inputs)


def plain(training):
    print("a pack may print")
    return [echo], [ShapedTensor(2, 3)]


@benchmark_model
def builder_raises(training):
    raise FileNotFoundError("weights.bin is not there")


@benchmark_model
def builder_refuses(training):
    raise OptionError("this model runs on Sundays only")


@benchmark_model
def builder_exits(training):
    raise SystemExit(0)


@benchmark_model
def wrong_return(training):
    return "a model"


@benchmark_model
def uneven(training):
    return [echo], [ShapedTensor(4, 2), ShapedTensor(3, 2)]


@benchmark_model
def compile_fails(training):
    return [cannot_compile], [ShapedTensor(1, 1)]


@benchmark_model
def device_fails(training):
    calls = []

    def fail_late(*tensors):
        calls.append(1)
        if len(calls) == 13:  # 1 first call, 4 to warm up, 5 of pass 1, 3rd of pass 2
            raise RuntimeError("device fell off the bus")
        return tensors

    return [fail_late], [ShapedTensor(2, 1)]


@benchmark_model
def loses_output(training):
    calls = []

    def lose_late(*tensors):
        calls.append(1)
        return None if len(calls) == 7 else tensors

    return [lose_late], [ShapedTensor(1, 1)]


@benchmark_model
def kills_itself(training):
    def die(*tensors):
        os.kill(os.getpid(), signal.SIGKILL)

    return [die], [ShapedTensor(1, 1)]


@benchmark_model
def sleepy(training):
    calls = []

    def sleep(*tensors):
        calls.append(1)
        if len(calls) == 12 and "SLEEPY_MARK" in os.environ:
            Path(os.environ["SLEEPY_MARK"]).touch()
        time.sleep(0.02)
        return tensors

    return [sleep], [ShapedTensor(1, 1)]


@benchmark_model(configs=["\x1b[31m<script>alert(1)</script>"])
def hostile(training, config):
    raise RuntimeError("\x1b[2J<b>boo</b>")
