"""A made-up accelerator with options, a format and a kind of device of its own; without torch."""

from __future__ import annotations

import contextlib
from collections import deque
from dataclasses import dataclass
from enum import Enum

from ttbench_core import DataFormat, StagedModel, Stages, benchmark_model
from ttbench_core.backends.protocol import (
    Availability,
    Capabilities,
    Device,
    EngineFormat,
    engine_option,
)
from ttbench_core.errors import SessionError


class Tile(Enum):
    SMALL = "small"
    LARGE = "large"


@dataclass(frozen=True)
class NpuOptions:
    lanes: int = engine_option(4, help="Lanes to compute with", choices=(1, 2, 4, 8))
    turbo: bool = engine_option(False, help="Raise the clock")
    tile: Tile = engine_option(Tile.SMALL, help="Size of a tile")
    share: float | None = engine_option(None, help="Share of it", minimum=0, maximum=1)
    log: str | None = engine_option(None, help="File of its log", compared=False, metavar="FILE")

    def __post_init__(self):
        if self.turbo and self.lanes == 8:
            raise ValueError("turbo has no power for 8 lanes: leave out one of them")


class NpuSession:
    depth = 1
    is_reference = False
    notes = ()

    def __init__(self, run, options):
        self.effective = {"format": options.data_format.value}
        self._run = run
        self._queue = deque()

    def push(self, inputs):
        if self._queue:
            raise SessionError("full")
        self._queue.append(inputs)

    def pop(self):
        if not self._queue:
            raise SessionError("empty")
        return self._run(*self._queue.popleft())

    def device_peak_bytes(self):
        return None

    def close(self):
        self._queue.clear()

    def __enter__(self):
        return self

    def __exit__(self, *exc_info):
        self.close()


class NpuBackend:
    name = "npu"

    def availability(self):
        return Availability(True)

    def capabilities(self):
        int8 = EngineFormat("Int8", help="8-bit integers", pcc=0.9, peak_format=DataFormat.FP32)
        return Capabilities(
            data_formats=(DataFormat.FP32, int8),
            default_format=int8,
            device_kinds=("npu",),
            options=NpuOptions,
            variables=("MYNPU_*", "NPU_MODE"),
            rank=50,
        )

    def devices(self):
        return [Device("npu", 0, "Made-up NPU", "npu_v1")]

    def versions(self):
        return {"npu": "2.0", "python": "not the one that built the model"}

    def seeded(self, seed, devices):
        return contextlib.nullcontext()

    def compile(self, model, options):
        return NpuSession(model.stages.device, options)


class ShapedTensor:
    dtype = "float32"

    def __init__(self, *shape):
        self.shape = shape


def echo(*tensors):
    return tensors


@benchmark_model
def one_stage():
    return [echo], [ShapedTensor(2, 3)]


@benchmark_model
def staged():
    return [echo, echo, None], [ShapedTensor(2, 3)]


@benchmark_model
def named():
    return [echo], {"ids": ShapedTensor(2, 3)}


@benchmark_model
def speaks(generative=True):
    settings = {"max_length": 20} if generative else {}
    return StagedModel(Stages(device=echo), [ShapedTensor(2, 3)], generation=settings)
