"""The peak performance of a device: matrix products and copies, measured in about a second.

The peak is that of torch, not of the data sheet: the fastest product of two
large square matrices that torch computes here. The fastest repetition counts,
because other work of the machine can only slow a repetition down.
"""

from __future__ import annotations

import time
from collections.abc import Callable
from pathlib import Path
from typing import Final, TypeAlias

import torch

from ttbench_core.backends.protocol import Peak
from ttbench_core.backends.shared.host_threads import host_threads

__all__ = ["measure_peak"]

#: Runs a kernel once on operands that are prepared.
Operation: TypeAlias = Callable[[], object]
#: Prepares the product of two square operands.
MatmulKernel: TypeAlias = Callable[[torch.Tensor, torch.Tensor], Operation]

#: Seconds for all matrix products, and for all copies.
_MATMUL_BUDGET_S: Final = 0.8
_COPY_BUDGET_S: Final = 0.15
#: Repetitions of one operation at most.
_MAX_REPETITIONS: Final = 6
#: Rows of the square operands; sizes that would exceed the time budget are not tried.
_ROWS_ON_CPU: Final = (256, 512, 1024, 2048, 4096)
_ROWS_ON_CUDA: Final = (1024, 2048, 4096, 8192)
#: Bytes of each of the two buffers of a copy; on the CPU between these, by its largest cache.
_MIN_COPY_BYTES: Final = 64 << 20
_MAX_COPY_BYTES: Final = 256 << 20
_CPU_CACHES: Final = Path("/sys/devices/system/cpu/cpu0/cache")

_measured: Final[dict[tuple[object, ...], Peak]] = {}


def measure_peak(device: torch.device, dtype: torch.dtype, threads: int | None = None) -> Peak:
    """Measure the peak of a device, once per process for each set of conditions.

    The conditions are the arguments and torch's current float32 matmul
    precision. Takes half a GiB of memory while it runs.

    Args:
        device: the CPU or a CUDA device.
        dtype: what products are computed in; float32, float16 or bfloat16.
        threads: to compute with on the CPU; None is the current number.

    What torch raises passes through.
    """
    on_cpu = device.type == "cpu"
    thread_count = (threads or torch.get_num_threads()) if on_cpu else 0
    conditions = (str(device), dtype, thread_count, torch.get_float32_matmul_precision())
    if conditions not in _measured:
        with (
            torch.inference_mode(),
            host_threads(thread_count) if on_cpu else torch.cuda.device(device),
        ):
            _measured[conditions] = _measure(device, dtype)
    return _measured[conditions]


def _measure(device: torch.device, dtype: torch.dtype) -> Peak:
    started = time.perf_counter()
    kernels = _kernels(device)
    flops_per_s, kernel = max(
        _best_matmul(name, make_operation, device, dtype, _MATMUL_BUDGET_S / len(kernels))
        for name, make_operation in kernels.items()
    )
    bytes_per_s = _best_copy_rate(device)
    if device.type == "cuda":
        # otherwise this process would keep the operands' memory
        torch.cuda.empty_cache()
    return Peak(flops_per_s, kernel, bytes_per_s, time.perf_counter() - started)


def _kernels(device: torch.device) -> dict[str, MatmulKernel]:
    kernels: dict[str, MatmulKernel] = {"torch.mm": _plain_matmul}
    has_prepacked = all(
        hasattr(torch.ops.mkldnn, name) for name in ("_linear_pointwise", "_reorder_linear_weight")
    )
    if device.type == "cpu" and has_prepacked:
        kernels["mkldnn._linear_pointwise"] = _prepacked_matmul
    return kernels


def _plain_matmul(a: torch.Tensor, b: torch.Tensor) -> Operation:
    out = torch.empty_like(a)
    return lambda: torch.mm(a, b, out=out)


def _prepacked_matmul(a: torch.Tensor, b: torch.Tensor) -> Operation:
    """Put the second operand into oneDNN's layout beforehand, as torch.compile does with weights.

    Where torch.mm uses MKL, which favours Intel's processors, this can be
    twice as fast.
    """
    reordered = torch.ops.mkldnn._reorder_linear_weight(b, a.shape[0])  # noqa: SLF001
    product = torch.ops.mkldnn._linear_pointwise  # noqa: SLF001
    return lambda: product(a, reordered, None, "none", [], "")


def _best_matmul(
    name: str, kernel: MatmulKernel, device: torch.device, dtype: torch.dtype, budget_s: float
) -> tuple[float, str]:
    """Give the best rate in FLOP/s and its description; a rate of 0 if the dtype is refused."""
    rows_tried = _ROWS_ON_CPU if device.type == "cpu" else _ROWS_ON_CUDA
    best = (0.0, name)
    try:
        _fastest_s(kernel(*_operands(rows_tried[0], device, dtype)), device, 0)  # loads libraries
        deadline = time.perf_counter() + budget_s
        for rows in rows_tried:
            operation = kernel(*_operands(rows, device, dtype))
            seconds = _fastest_s(operation, device, deadline)
            description = f"{name} {str(dtype).removeprefix('torch.')} {rows}x{rows}x{rows}"
            best = max(best, (2 * rows**3 / seconds, description))
            if time.perf_counter() + 2 * 8 * seconds > deadline:
                break
    except RuntimeError:
        if kernel is _plain_matmul:
            raise
    return best


def _operands(
    rows: int, device: torch.device, dtype: torch.dtype
) -> tuple[torch.Tensor, torch.Tensor]:
    # not constant, but cheap to draw; its own generator leaves the random state of the run alone
    source = torch.Generator(device).manual_seed(0)
    column, row = (torch.rand(rows, generator=source, device=device) + 0.5 for _ in range(2))
    operand = torch.outer(column, row).to(dtype)
    return operand, operand.clone()


def _best_copy_rate(device: torch.device) -> float:
    """Give the best rate in bytes per second, read and written together."""
    size = _copy_bytes() if device.type == "cpu" else _MAX_COPY_BYTES
    source = torch.ones(size, dtype=torch.uint8, device=device)
    target = torch.empty_like(source)
    deadline = time.perf_counter() + _COPY_BUDGET_S
    return 2 * size / _fastest_s(lambda: target.copy_(source), device, deadline)


def _copy_bytes() -> int:
    """Give a size of which two exceed the largest cache; the maximum if that is unknown."""
    found = [file.read_text(encoding="ascii") for file in _CPU_CACHES.glob("index*/size")]
    sizes = [int(text.strip().removesuffix("K")) << 10 for text in found if text.endswith("K\n")]
    return min(max(_MIN_COPY_BYTES, *sizes), _MAX_COPY_BYTES) if sizes else _MAX_COPY_BYTES


def _fastest_s(operation: Operation, device: torch.device, deadline: float) -> float:
    """Give the fastest of several repetitions; the first one is a warm-up and does not count.

    Repeats until the deadline, but once at least.
    """
    operation()
    fastest = float("inf")
    for _ in range(_MAX_REPETITIONS):
        _synchronize(device)
        start = time.perf_counter()
        operation()
        _synchronize(device)
        end = time.perf_counter()
        fastest = min(fastest, end - start)
        if end > deadline:
            break
    return fastest


def _synchronize(device: torch.device) -> None:
    if device.type == "cuda":
        torch.cuda.synchronize(device)
