"""What a device reaches at best: matrix products and copies, measured in about a second.

The peak is that of torch, not of the data sheet: the fastest product of two
large square matrices that it can be made to compute here. The best repetition
counts, because whatever else the machine does only ever slows one down.
"""

from __future__ import annotations

import contextlib
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Final, TypeAlias

import torch

from ttbench_core.backends.protocol import Peak

__all__ = ["measure_peak"]

#: One repetition of a kernel, its operands at hand.
Operation: TypeAlias = Callable[[], object]
#: Makes a repetition of a product from its square operands.
Kernel: TypeAlias = Callable[[torch.Tensor, torch.Tensor], Operation]

_PRODUCTS_S: Final = 0.8
_COPIES_S: Final = 0.15
_REPETITIONS: Final = 6
#: Rows of the square operands; what would not end in time is not tried.
_ROWS_ON_HOST: Final = (256, 512, 1024, 2048, 4096)
_ROWS_ON_DEVICE: Final = (1024, 2048, 4096, 8192)
#: Bytes of each of the two buffers of a copy; on the host between these, by its largest cache.
_LEAST_COPIED: Final = 64 << 20
_MOST_COPIED: Final = 256 << 20
_CACHES: Final = Path("/sys/devices/system/cpu/cpu0/cache")

_measured: Final[dict[tuple[object, ...], Peak]] = {}


def measure_peak(device: torch.device, dtype: torch.dtype, threads: int | None = None) -> Peak:
    """Measure what a device reaches, once a process for each of its conditions.

    The conditions are the arguments and torch's float32 matmul precision as it
    is now. Takes half a GiB of memory for its time.

    Args:
        device: the CPU or a CUDA device.
        dtype: what products are computed in; float32, float16 or bfloat16.
        threads: to compute with on the CPU; None is the calling thread's number.

    What torch raises passes through.
    """
    on_host = device.type == "cpu"
    used = (threads or torch.get_num_threads()) if on_host else 0
    conditions = (str(device), dtype, used, torch.get_float32_matmul_precision())
    if conditions not in _measured:
        with torch.inference_mode(), _threads(used) if on_host else torch.cuda.device(device):
            _measured[conditions] = _measure(device, dtype)
    return _measured[conditions]


def _measure(device: torch.device, dtype: torch.dtype) -> Peak:
    started = time.perf_counter()
    kernels = _kernels(device)
    best, kernel = max(
        _best_product(name, make, device, dtype, _PRODUCTS_S / len(kernels))
        for name, make in kernels.items()
    )
    copied = _best_copy(device)
    if device.type == "cuda":
        # otherwise the operands' memory would stay with this process
        torch.cuda.empty_cache()
    return Peak(best, kernel, copied, time.perf_counter() - started)


def _kernels(device: torch.device) -> dict[str, Kernel]:
    kernels: dict[str, Kernel] = {"torch.mm": _plain_product}
    packed = all(
        hasattr(torch.ops.mkldnn, name) for name in ("_linear_pointwise", "_reorder_linear_weight")
    )
    if device.type == "cpu" and packed:
        kernels["mkldnn._linear_pointwise"] = _packed_product
    return kernels


def _plain_product(a: torch.Tensor, b: torch.Tensor) -> Operation:
    out = torch.empty_like(a)
    return lambda: torch.mm(a, b, out=out)


def _packed_product(a: torch.Tensor, b: torch.Tensor) -> Operation:
    """Lay the second operand out for oneDNN beforehand, as torch.compile does with weights.

    Where torch.mm is MKL's, which favours its maker's processors, this can be
    twice as fast.
    """
    packed = torch.ops.mkldnn._reorder_linear_weight(b, a.shape[0])  # noqa: SLF001
    product = torch.ops.mkldnn._linear_pointwise  # noqa: SLF001
    return lambda: product(a, packed, None, "none", [], "")


def _best_product(
    name: str, make: Kernel, device: torch.device, dtype: torch.dtype, budget_s: float
) -> tuple[float, str]:
    """Give the best rate in FLOP/s and what reached it; 0 of a kernel that refuses the dtype."""
    rows_tried = _ROWS_ON_HOST if device.type == "cpu" else _ROWS_ON_DEVICE
    best = (0.0, name)
    try:
        _fastest_s(make(*_operands(rows_tried[0], device, dtype)), device, 0)  # loads libraries
        deadline = time.perf_counter() + budget_s
        for rows in rows_tried:
            operation = make(*_operands(rows, device, dtype))
            seconds = _fastest_s(operation, device, deadline)
            described = f"{name} {str(dtype).removeprefix('torch.')} {rows}x{rows}x{rows}"
            best = max(best, (2 * rows**3 / seconds, described))
            if time.perf_counter() + 2 * 8 * seconds > deadline:
                break
    except RuntimeError:
        if make is _plain_product:
            raise
    return best


def _operands(
    rows: int, device: torch.device, dtype: torch.dtype
) -> tuple[torch.Tensor, torch.Tensor]:
    # neither constant nor dear to draw; a generator of its own leaves the run's random state alone
    source = torch.Generator(device).manual_seed(0)
    column, row = (torch.rand(rows, generator=source, device=device) + 0.5 for _ in range(2))
    full = torch.outer(column, row).to(dtype)
    return full, full.clone()


def _best_copy(device: torch.device) -> float:
    size = _copied_bytes() if device.type == "cpu" else _MOST_COPIED
    source = torch.ones(size, dtype=torch.uint8, device=device)
    target = torch.empty_like(source)
    deadline = time.perf_counter() + _COPIES_S
    return 2 * size / _fastest_s(lambda: target.copy_(source), device, deadline)


def _copied_bytes() -> int:
    """Give a size of which two do not fit into the largest cache; the most if that is unknown."""
    found = [file.read_text(encoding="ascii") for file in _CACHES.glob("index*/size")]
    sizes = [int(text.strip().removesuffix("K")) << 10 for text in found if text.endswith("K\n")]
    return min(max(_LEAST_COPIED, *sizes), _MOST_COPIED) if sizes else _MOST_COPIED


def _fastest_s(operation: Operation, device: torch.device, deadline: float) -> float:
    """Repeat until the deadline, one time at least, after one that does not count."""
    operation()
    fastest = float("inf")
    for _ in range(_REPETITIONS):
        _wait(device)
        start = time.perf_counter()
        operation()
        _wait(device)
        end = time.perf_counter()
        fastest = min(fastest, end - start)
        if end > deadline:
            break
    return fastest


def _wait(device: torch.device) -> None:
    if device.type == "cuda":
        torch.cuda.synchronize(device)


@contextlib.contextmanager
def _threads(count: int) -> Iterator[None]:
    before = torch.get_num_threads()
    torch.set_num_threads(count)
    try:
        yield
    finally:
        torch.set_num_threads(before)
