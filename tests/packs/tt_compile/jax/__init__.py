"""As much of JAX as the compile check calls, with a described device that compiles by name alone.

What the real library and jax-tt-plugin 0.1.3 do there was recorded: which variables they read, that
they unpack files into TMPDIR, and where the kernels of a program are built.
"""

import json
import os
from pathlib import Path
from types import SimpleNamespace

from jax import dtypes, sharding

__all__ = [
    "ShapeDtypeStruct",
    "block_until_ready",
    "device_put",
    "devices",
    "dtypes",
    "jit",
    "sharding",
]

READ = (
    *("TT_METAL_MOCK_CLUSTER_DESC_PATH", "TT_METAL_CACHE", "TT_METAL_LOGS_PATH", "TMPDIR"),
    *("TT_METAL_INSPECTOR", "JAX_PLATFORMS", "TT_VISIBLE_DEVICES", "TT_LOGGER_LEVEL"),
)


def devices(platform):
    read = {name: os.environ.get(name) for name in READ}
    if told := os.environ.get("TTBENCH_TEST_READ"):
        Path(told).write_text(json.dumps(read))
    if platform not in (read["JAX_PLATFORMS"] or "").split(","):
        raise RuntimeError(f"Unknown backend {platform}")
    description = Path(read["TT_METAL_MOCK_CLUSTER_DESC_PATH"]).read_text()
    assert "blackhole" in description
    unpacked = Path(read["TMPDIR"], "libtt-tt-metal-runtime-assets-0", "runtime")
    unpacked.mkdir(parents=True)
    kernels("firmware", 0)
    return [SimpleNamespace(device_kind="Blackhole", platform="tt")]


def kernels(name, count):
    for number in range(count):
        folder = Path(
            os.environ["TT_METAL_CACHE"], "tt-metal-cache", "1", "kernels", name, str(number)
        )
        folder.mkdir(parents=True)


class ShapeDtypeStruct:
    def __init__(self, shape, dtype, *, sharding):
        self.shape, self.dtype, self.sharding = shape, dtype, sharding


def device_put(value, device):
    return ShapeDtypeStruct(
        value.shape, value.dtype, sharding=sharding.SingleDeviceSharding(device)
    )


def block_until_ready(values):
    return values


def jit(function):
    return SimpleNamespace(lower=lambda states, inputs: Lowered(function, [*states, *inputs]))


class Lowered:
    def __init__(self, function, shapes):
        self._function, self._shapes = function, shapes
        assert all(one.sharding.device.platform == "tt" for one in shapes)
        assert not any("64" in one.dtype for one in shapes)

    def compile(self):
        operators = self._function()
        if unknown := [one for one in operators if "fft" in one]:
            raise RuntimeError(
                f"INTERNAL: failed to legalize {unknown[0]}\nFailed to convert from SHLO to TTIR"
            )
        return Compiled(operators)


class Compiled:
    def __init__(self, operators):
        self._operators = operators

    def __call__(self, states, inputs):
        for name in set(self._operators):
            kernels(name, 2)
        return "outputs that mean nothing"
